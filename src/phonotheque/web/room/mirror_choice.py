"""Which bags somebody with so much room would take, and what that would protect."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from phonotheque.editions.edition import BagEntry
from phonotheque.mirrors.choose import Explained, Verdict
from phonotheque.mirrors.copies import Copies
from phonotheque.mirrors.destinations import bags_of
from phonotheque.mirrors.knowing import Wishes
from phonotheque.mirrors.listing import pick
from phonotheque.mirrors.only import Known, Term, find_named
from phonotheque.mirrors.whereabouts import may_hold, taken_back
from phonotheque.web.room.mirror_form import Form
from phonotheque.web.room.published import Abouts, Kept, Published
from phonotheque.web.room.seeking import Seeking

_KEPT: Final = 50  # choices
_MANY: Final = 3  # copies from which on a bag counts as safe


@dataclass(frozen=True, slots=True)
class Level:
    """Bags of the choice with so many proven copies, the last level those with as many or more."""

    copies: int
    bags: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What would be taken, in the order of need, and how much of what there is that is."""

    bags: tuple[BagEntry, ...]
    explained: tuple[Explained, ...]
    copies: Copies | None
    bytes: int  # torrents included
    recordings: int
    listens: int
    seconds: int | None  # None where nobody counted
    all_counted: bool  # whether the seconds are those of all these bags
    levels: tuple[Level, ...]
    not_asked_for: int
    elsewhere: int  # bags for other places than where the visitor is
    no_room: int
    withheld: int  # bags with files that were withdrawn


class Choosing:
    """Makes choices for all threads that answer, and keeps those that were made lately."""

    def __init__(self, published: Published, seeking: Seeking | None = None) -> None:
        self._published = published
        self._seeking = seeking or Seeking()
        self._lock = threading.Lock()
        self._made: OrderedDict[object, Choice] = OrderedDict()

    def choose(self, kept: Kept, form: Form, now: datetime) -> Choice | None:
        """Return the choice; None while the index is still being searched for what it depends on.

        Raises VerificationError for public files that are broken.
        """
        copies, about = self._published.copies(kept), self._published.about(kept)
        named = self._named(kept, form)
        tainted = self._tainted(kept, form.country)
        if named is None or tainted is None:
            return None
        known = Known(about.bags if about else None, named)
        key = kept.sha256, copies and copies.time, form.words, form.bytes, form.country, form.whose
        with self._lock:
            if (made := self._made.get(key)) is not None:
                return made
        wishes = Wishes(now, form.query, known, copies)
        bags, explained = pick(
            kept.edition, wishes, tainted, most=form.bytes, country=form.country, whose=form.whose
        )
        choice = _told(kept, form, bags, explained, tainted, copies, about)
        with self._lock:
            self._made[key] = choice
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return choice

    def _named(self, kept: Kept, form: Form) -> Mapping[str, frozenset[str]] | None:
        """Return the bags that hold what is asked for by name; None while it is looked for."""
        terms = form.query.named
        place = self._published.index_file(kept)
        if not terms or place is None:
            return {}  # without an index, the answer says of each bag that nobody knows
        key = kept.edition.index.sha256, tuple(term.text for term in terms)
        return self._seeking.find(key, partial(find_named, place, tuple[Term, ...](terms)))

    def _tainted(self, kept: Kept, country: str) -> Collection[str] | None:
        """Return the bags with files that are withdrawn there; None while that is looked for."""
        stones = taken_back(country, kept.edition.tombstones)
        place = self._published.index_file(kept)
        if not stones or place is None:
            return ()
        every = {sha for stone in kept.edition.tombstones for sha in stone.sha256}
        found = self._seeking.find(("withdrawn", kept.sha256), partial(bags_of, place, every))
        if found is None:
            return None
        return {bag for sha in stones for bag in found.get(sha, ()) if bag in kept.bags}


def _told(
    kept: Kept,
    form: Form,
    bags: tuple[BagEntry, ...],
    explained: tuple[Explained, ...],
    tainted: Collection[str],
    copies: Copies | None,
    about: Abouts | None,
) -> Choice:
    lengths = [about.bags[bag.id].seconds for bag in bags if about and bag.id in about.bags]
    counted = [length for length in lengths if length is not None]
    elsewhere = {bag.id for bag in kept.edition.bags if not may_hold(form.country, bag.audience)}
    left_out = [one for one in explained if one.verdict is Verdict.LEFT_OUT]
    rest = [one for one in left_out if one.bag not in elsewhere and one.bag not in tainted]
    not_asked_for = sum(one.why.startswith("not asked for") for one in rest)
    return Choice(
        bags=bags,
        explained=explained,
        copies=copies,
        bytes=sum(bag.bytes + bag.torrent.size for bag in bags),
        recordings=sum(bag.recordings for bag in bags),
        listens=sum(bag.listens or 0 for bag in bags),
        seconds=sum(counted) if counted else None,
        all_counted=len(counted) == len(bags),
        levels=_levels(bags, copies) if copies else (),
        not_asked_for=not_asked_for,
        elsewhere=len(elsewhere),
        no_room=len(rest) - not_asked_for,
        withheld=len(set(tainted) - elsewhere),
    )


def _levels(bags: tuple[BagEntry, ...], copies: Copies) -> tuple[Level, ...]:
    number, size = Counter[int](), Counter[int]()
    for bag in bags:
        level = min(copies.of(bag.id).proven, _MANY)
        number[level] += 1
        size[level] += bag.bytes
    return tuple(Level(level, number[level], size[level]) for level in range(_MANY + 1))
