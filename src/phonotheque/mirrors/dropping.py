"""Which bags a mirror drops when its budget was lowered: never one that others have not proved to hold.

Mirrors do not talk to each other, and what one counts on another may count on. So a bag goes in two steps
(docs/adr/0029-dropped-on-proofs-of-others.md): the mirror announces it, by reporting that it does not hold it
as a whole any more; and drops it when the publisher, who has been told, still counts enough others. Whoever
announces is in nobody's count, so of all who drop a bag the last to announce counted none of the others. If
too few are left, all who announced take it back, and each tries again on a day of its own.

What is begun and was never whole is nobody's copy: it goes first, and needs no proof. The catalogue stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from phonotheque.mirrors.choose import Candidate, spread_of
from phonotheque.mirrors.copies import moment
from phonotheque.mirrors.lowering import Lowering
from phonotheque.vault.archive import timestamp

_CLOCKS: Final = timedelta(days=1)  # by which the publisher's and the mirror's may differ
_PATIENCE: Final = timedelta(days=14)  # with a publisher who was told, and counts no more
_REST: Final = 7  # days, at most, until a bag is announced again


@dataclass(frozen=True, slots=True)
class Held:
    """A bag that is here. ``proven``: mirrors that have proved lately that they hold it, this one among them.

    ``stays``: it is the catalogue, or replaces what was withdrawn, and is dropped for no budget. ``here``:
    bytes that it has here, where that is a part only. ``unproven`` says why proofs do not count, if so.
    """

    bag: Candidate
    proven: int
    whole: bool = True  # or was, before a file of it was lost
    stays: bool = False
    here: int | None = None
    unproven: str = ""

    @property
    def bytes(self) -> int:
        """What is gained by dropping it."""
        return self.bag.size if self.here is None else self.here

    @property
    def others(self) -> int:
        """Mirrors besides this one: nobody says whose proofs were counted, so one of them may be its own."""
        return max(0, self.proven - 1)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what is decided. ``counted``: when the publisher counted, None if no signed count of late is known.

    ``told``: by bag, since when the publisher has been told, in all reports, that it is not held as a whole.
    """

    keep: int
    seed: str
    now: datetime
    counted: datetime | None = None
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropping:
    """Bags to drop, bags announced, and bags that would have to go and are kept, each with the reason.

    ``lowering`` is what may go afterwards.
    """

    dropped: Mapping[str, str] = field(default_factory=dict)
    leaving: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    lowering: Lowering | None = None


class _Fate(Enum):
    DROP = auto()
    LEAVE = auto()  # announced, now or before
    BACK = auto()  # announced in vain
    KEEP = auto()


def drop(held: Sequence[Held], room: int, lowering: Lowering | None, terms: Terms) -> Dropping:
    """Return what to drop and to announce so that ``held`` fits into ``room`` bytes, as far as that may be.

    No more goes than ``lowering`` allows, and no more than is needed. A bag that was whole goes only if
    ``keep`` other mirrors have proved to hold it, before it is announced and after. First goes what was never
    whole, then what was announced, then what the mirror's query does not ask for, then what the most others
    hold, and of equals what this mirror would take last.
    """
    over = sum(one.bytes for one in held) - room
    if lowering is None or over <= 0:
        return Dropping()
    need, going = min(over, lowering.bytes), dict[str, tuple[Held, _Fate]]()
    resting = {bag: until for bag, until in lowering.resting.items() if moment(until) > terms.now}
    order = _in_order(held, lowering, terms.seed)
    for one in order:
        fate = _fate(one, lowering, terms) if need > 0 else _Fate.KEEP
        if fate is _Fate.BACK:
            resting[one.bag.id] = timestamp(terms.now + _rest(one.bag.id, terms))
        elif fate is not _Fate.KEEP:
            going[one.bag.id] = one, fate
            need -= one.bytes
    for one, _ in list(going.values()):  # a large one that went last may have made others needless
        if one.bytes <= -need:
            del going[one.bag.id]
            need += one.bytes
    dropped = [one for one, fate in going.values() if fate is _Fate.DROP]
    leaving = [one for one, fate in going.values() if fate is _Fate.LEAVE]
    gone = sum(one.bytes for one in dropped)
    at = timestamp(terms.now)
    announced = {one.bag.id: lowering.announced.get(one.bag.id, at) for one in leaving}
    after = Lowering(lowering.bytes - gone, announced, resting)
    kept = {} if need <= 0 else {one.bag.id: _why_not(one, terms.keep) for one in order}
    return Dropping(
        {one.bag.id: _why(one, terms.keep) for one in dropped},
        {one.bag.id: _why_leaving(one, terms) for one in leaving},
        {bag: why for bag, why in kept.items() if bag not in going},
        after if min(over - gone, after.bytes) > 0 else None,
    )


def _in_order(held: Sequence[Held], lowering: Lowering, seed: str) -> list[Held]:
    spread = spread_of([one.bag for one in held], seed)
    return sorted(
        held,
        key=lambda one: (
            one.whole,
            one.bag.id not in lowering.announced,
            not one.bag.unwanted,
            -one.others,
            -spread[one.bag.id],
            one.bag.id,
        ),
    )


def _fate(one: Held, lowering: Lowering, terms: Terms) -> _Fate:
    bag = one.bag.id
    if one.stays:
        return _Fate.KEEP
    if not one.whole:
        return _Fate.DROP
    if bag in lowering.announced:
        return _fate_of_announced(one, terms)
    if bag in lowering.resting and moment(lowering.resting[bag]) > terms.now:
        return _Fate.KEEP
    return _Fate.LEAVE if one.others >= terms.keep else _Fate.KEEP


def _fate_of_announced(one: Held, terms: Terms) -> _Fate:
    told = terms.told.get(one.bag.id)
    if told is None:
        return _Fate.LEAVE
    since = moment(told)
    if terms.counted is not None and terms.counted >= since + _CLOCKS:
        # The count was made after the report was taken: this mirror is not in it any more.
        return _Fate.DROP if one.proven >= terms.keep else _Fate.BACK
    return _Fate.BACK if terms.now >= since + _PATIENCE else _Fate.LEAVE


def _rest(bag: str, terms: Terms) -> timedelta:
    """Return 1 to 7 days, which differ from mirror to mirror, and from one time to the next."""
    digest = hashlib.sha256(f"{terms.seed}\0{bag}\0{terms.now.date()}".encode()).digest()
    return timedelta(days=1 + int.from_bytes(digest[:8]) % _REST)


def _why(one: Held, keep: int) -> str:
    if not one.whole:
        return "over the budget, and was never here as a whole"
    return f"over the budget, and {one.proven} other mirrors have proved to hold it ({keep} are enough)"


def _why_leaving(one: Held, terms: Terms) -> str:
    if one.bag.id not in terms.told:
        return "over the budget: it goes when the publisher has been told (--report), and still counts enough"
    return f"over the budget: the publisher was told, and it goes if he still counts {terms.keep} others"


def _why_not(one: Held, keep: int) -> str:
    if one.stays:
        return "over the budget, and kept all the same: it is not dropped for a budget"
    have = f"{one.others or 'no'} other mirror{'s have' if one.others != 1 else ' has'}"
    why = f" ({one.unproven})" if one.unproven else ""
    return f"over the budget, and kept: {have} proved lately to hold it, and it takes {keep} to drop it{why}"
