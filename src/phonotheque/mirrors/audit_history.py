"""Whether an edition owns up to all that its predecessors published and took back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from phonotheque.editions.audit import Fault, What
from phonotheque.editions.edition import (
    MAX_EDITION_BYTES,
    BagEntry,
    Edition,
    IndexEntry,
    Previous,
    Tombstone,
    read_edition,
)
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.territory import parse_territory


@dataclass(slots=True)
class History:
    """What the editions tell of, as far back as they could be followed."""

    oldest: int  # the number of the earliest edition that was read
    bags: dict[str, BagEntry] = field(default_factory=dict)  # every bag that any of them had
    indexes: dict[str, IndexEntry] = field(default_factory=dict)  # by path
    catalogues: set[str] = field(default_factory=set)  # the bags that any of them has for its catalogue
    index_of: dict[str, IndexEntry] = field(default_factory=dict)  # by bag: the newest that tells of it


def audit_history(
    origin: Origin,
    edition: Edition,
    listed: Mapping[str, str],
    on_fault: Callable[[Fault], None],
    *,
    whole: bool,
) -> History:
    """Follow the editions back, each by the hash that its successor gives, and compare them with this one.

    Every bag that was ever published is current, as it was, or withdrawn; every tombstone stays, for no less.
    ``listed`` are the targets that TUF's ``targets.json`` lists, with their SHA-256. Unless ``whole``, an
    older edition that is not there (a mirror may lack some) only ends the walk.
    """
    history = History(edition.number)
    compared = _Compared(edition, on_fault)
    _remember(history, edition)
    later = edition
    while (before := _before(later, listed, on_fault)) is not None:
        where = f"targets/editions/{before.number}/{before.sha256}.edition.json"
        try:
            data = fetch(origin, where, MAX_EDITION_BYTES)
            if hashlib.sha256(data).hexdigest() != before.sha256:
                raise VerificationError(f"{where} is not what its successor lists")
            older = read_edition(data)
            if older.number != before.number:
                raise VerificationError(f"{where} is edition {older.number}")
        except NotFoundError:
            if whole:
                on_fault(Fault(What.HISTORY, "", where, "is not there: nobody can tell what was published"))
            break
        except VerificationError as error:
            on_fault(Fault(What.DAMAGED, "", where, error.message))
            break
        if older.date > later.date:
            reason = f"edition {later.number} is dated {later.date}, before the one that it follows"
            on_fault(Fault(What.HISTORY, "", where, f"{reason} ({older.date})"))
        compared.compare(older)
        _remember(history, older)
        later = older
    return history


def _before(
    edition: Edition, listed: Mapping[str, str], on_fault: Callable[[Fault], None]
) -> Previous | None:
    """Return which edition came before, and tell if there must have been one that is not named."""
    before = edition.previous
    numbers = [path.split("/")[1] for path in listed if path.startswith("editions/")]
    earlier = [int(number) for number in numbers if number.isdecimal() and int(number) < edition.number]
    where = f"targets/editions/{edition.number}/edition.json"
    last = max(earlier, default=edition.number - 1)
    if before is None and (edition.number > 1 or earlier):
        on_fault(Fault(What.HISTORY, "", where, f"names no edition before it; there was an edition {last}"))
    elif before is not None and earlier and before.number < last:
        on_fault(Fault(What.HISTORY, "", where, f"follows edition {before.number}; there was {last}"))
    elif before is not None:
        said = listed.get(f"editions/{before.number}/edition.json")
        if said is not None and said != before.sha256:
            reason = f"follows another edition {before.number} than targets.json lists"
            on_fault(Fault(What.HISTORY, "", where, reason))
    return before


def _remember(history: History, edition: Edition) -> None:
    history.oldest = edition.number
    history.catalogues.add(edition.catalogue.bag)
    for table in edition.tables:
        history.indexes.setdefault(table.path, table)
    for bag in edition.bags:
        history.bags.setdefault(bag.id, bag)
        history.index_of.setdefault(bag.id, edition.index)


class _Compared:
    """An edition, as each of its predecessors is compared with it."""

    def __init__(self, edition: Edition, on_fault: Callable[[Fault], None]) -> None:
        self._on_fault = on_fault
        self._current = {bag.id: bag for bag in edition.bags}
        self._withdrawn = {withdrawal.bag for withdrawal in edition.withdrawals}
        # Of artwork and texts, a part may have been reinstated: then there are two.
        self._stones: dict[tuple[str, str | None, str], list[Tombstone]] = defaultdict(list)
        for stone in edition.tombstones:
            self._stones[_key(stone)].append(stone)

    def compare(self, older: Edition) -> None:
        """Tell of all that an older edition had, and this one has not."""
        said = f"edition {older.number} of {older.date[:10]}"
        for bag in older.bags:
            if bag.id in self._withdrawn:
                continue
            if bag.id not in self._current:
                self._tell(bag.id, f"was in {said}, and was dropped without a withdrawal")
            elif self._current[bag.id] != bag:
                self._tell(bag.id, f"was in {said} as something else: sealed bags never change")
        for gone in older.withdrawals:
            if gone.bag not in self._withdrawn:
                self._tell(gone.bag, f"{said} withdrew it; this edition does not say so")
        for stone in older.tombstones:
            what = stone.recording or ", ".join(stone.sha256)[:200]
            still = self._stones[_key(stone)]
            if not still:
                self._tell("", f"{said} has a tombstone of {what}; this one has not")
            elif not _covers(still, stone):
                self._tell("", f"{said} has a tombstone of {what} for more files, or more places")

    def _tell(self, bag: str, reason: str) -> None:
        self._on_fault(Fault(What.HISTORY, bag, "", reason))


def _key(stone: Tombstone) -> tuple[str, str | None, str]:
    return stone.id, stone.recording, stone.date


def _covers(stones: Sequence[Tombstone], older: Tombstone) -> bool:
    where = parse_territory(older.territory)
    there = [stone for stone in stones if where <= parse_territory(stone.territory)]
    return {sha256 for stone in there for sha256 in stone.sha256} >= set(older.sha256)
