"""What plots of a mirror count: public facts of the edition that it follows, and what lies on its disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final

from sqlalchemy import Connection

from phonotheque.catalogue.manifest import MANIFEST, Snapshot, read
from phonotheque.editions.about import About, read_about
from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.plan_curve import MARKS
from phonotheque.ledger.holdings import HoldingState, state_of
from phonotheque.mirrors.copies import Copies
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.web.looking.counts import Counted, Row
from phonotheque.web.looking.first import ENOUGH
from phonotheque.web.looking.ledger_counts import copies_now
from phonotheque.web.words import shown

_KEPT: Final = 1000  # rows of a kind of text
_POINTS: Final = 200  # of a curve
_DAYS: Final = 4000  # on which copies were told; the oldest go
_OVER_TIME: Final = ("day", "bags", "one", "two", "three")


def about_bags(mirror: Archive, edition: Edition) -> dict[str, About]:
    """Return what an edition says of its bags; nothing where it does not, or that is not here yet."""
    if edition.about is None:
        return {}
    try:
        return read_about(mirror.public / "targets" / edition.about.path)
    except FileNotFoundError:
        return {}


def catalogue_held(mirror: Archive, ledger: Connection, edition: Edition) -> Snapshot | None:
    """Return the edition's snapshot, if a mirror holds the whole bag it is in.

    Raises VerificationError if its manifest makes no sense.
    """
    bag = edition.catalogue.bag
    folder = mirror.bags / bag / PAYLOAD
    if state_of(ledger, bag) is not HoldingState.COMPLETE or not (folder / MANIFEST).exists():
        return None
    return read(folder)


def count_edition(edition: Edition, about: Mapping[str, About]) -> tuple[Counted, ...]:
    """Return what is published: coverage bag by bag, growth, and licences and years as the bags have them."""
    terms, years = Counter[tuple[str, ...]](), Counter[int]()
    for bag in edition.bags:
        if bag.id in about:
            terms.update(about[bag.id].terms)
            years.update(about[bag.id].years)
    terms.pop((), None)  # covers and tables, of which nothing is stated
    named = [(shown(" + ".join(names), 100), number) for names, number in terms.most_common(_KEPT)]
    return (
        _coverage(edition.bags),
        _editions(edition),
        Counted("published-licences", ("licence", "files"), tuple(named)),
        Counted("published-years", ("year", "files"), tuple(sorted(years.items()))),
    )


def count_told_copies(edition: Edition, told: Copies | None, before: Counted | None) -> tuple[Counted, ...]:
    """Return bags by their verified copies as the publisher told last, and as it told ``before``, by day."""
    earlier = before.rows if before else ()
    if told is None:
        return copies_now({}, None), Counted("copies-over-time", _OVER_TIME, earlier)
    found: dict[int, tuple[int, int]] = {}
    for bag in edition.bags:
        number = told.of(bag.id).proven
        bags, size = found.get(number, (0, 0))
        found[number] = bags + 1, size + bag.bytes
    levels = (sum(bags for n, (bags, _) in found.items() if n >= level) for level in range(1, ENOUGH + 1))
    today: Row = (told.time[:10], len(edition.bags), *levels)
    rows = (*(row for row in earlier if str(row[0]) < told.time[:10]), today)
    return copies_now(found, told.time), Counted("copies-over-time", _OVER_TIME, rows[-_DAYS:])


def _coverage(bags: Iterable[BagEntry]) -> Counted:
    """Return how much of listening fits into how many bytes, bag by bag, the most listened per byte first."""
    music = [bag for bag in bags if bag.recordings]
    counted = any(bag.listens for bag in music)
    worth = {bag.id: (bag.listens or 0) if counted else bag.recordings for bag in music}
    music.sort(key=lambda bag: (-worth[bag.id] / max(bag.bytes, 1), bag.id))
    whole = sum(worth.values()) or 1
    sums = accumulate(music, lambda sofar, bag: _plus(sofar, bag, worth[bag.id]), initial=(0, 0, 0))
    next(sums)
    points = [(size, value / whole, number) for size, value, number in sums]
    marks: dict[int, float] = {}
    for mark in map(float, MARKS):
        reached = next((at for at, point in enumerate(points) if point[1] >= mark), None)
        if reached is not None:
            marks[reached] = mark
    step = max(1, len(points) // _POINTS)
    rows = tuple(
        ("bags", size, share, number, marks.get(at))
        for at, (size, share, number) in enumerate(points)
        if at in marks or at % step == 0 or at == len(points) - 1
    )
    columns = ("tier", "bytes", "share", "recordings", "mark")
    return Counted("published-coverage", columns, rows, {"counted": int(counted)})


def _plus(sofar: tuple[int, int, int], bag: BagEntry, worth: int) -> tuple[int, int, int]:
    return sofar[0] + bag.bytes, sofar[1] + worth, sofar[2] + bag.recordings


def _editions(edition: Edition) -> Counted:
    found: dict[int, tuple[int, int, int]] = {}
    for bag in edition.bags:
        bags, files, size = found.get(bag.edition, (0, 0, 0))
        found[bag.edition] = bags + 1, files + bag.payload_files, size + bag.bytes
    rows = tuple((number, *found[number]) for number in sorted(found))
    return Counted("editions", ("edition", "bags", "files", "bytes"), rows)
