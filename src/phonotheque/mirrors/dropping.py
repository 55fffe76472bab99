"""Which bags a mirror drops when its budget has shrunk: never one that others have not proved to hold.

What is begun and was never whole is nobody's copy: it goes first, and needs no proof. The catalogue stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phonotheque.mirrors.choose import Candidate, spread_of


@dataclass(frozen=True, slots=True)
class Held:
    """A bag that is here. ``others``: mirrors besides this one that have proved lately that they hold it.

    ``stays``: it is the catalogue, or replaces what was withdrawn, and is dropped for no budget.
    """

    bag: Candidate
    others: int
    whole: bool = True  # or was, before a file of it was lost
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Dropping:
    """Bags to drop, and bags that would have to be dropped and are kept, each with the reason."""

    dropped: Mapping[str, str]
    kept: Mapping[str, str]


def drop(held: Sequence[Held], budget: int, keep: int, seed: str) -> Dropping:
    """Return what to drop so that ``held`` fits into ``budget`` bytes, as far as that may be.

    A bag that was whole goes only if ``keep`` other mirrors have proved to hold it. First goes what was never
    whole, then what the mirror's query does not ask for, then what the most others hold, and of equals what
    this mirror would take last. No more is dropped than is needed.
    """
    over = sum(one.bag.size for one in held) - budget
    if over <= 0:
        return Dropping({}, {})
    spread = spread_of([one.bag for one in held], seed)
    order = sorted(
        held, key=lambda one: (one.whole, not one.bag.unwanted, -one.others, -spread[one.bag.id], one.bag.id)
    )
    going: list[Held] = []
    for one in order:
        if over > 0 and _may_go(one, keep):
            going.append(one)
            over -= one.bag.size
    for one in list(going):  # a large one that went last may have made others needless
        if one.bag.size <= -over:
            going.remove(one)
            over += one.bag.size
    gone = {one.bag.id for one in going}
    return Dropping(
        {one.bag.id: _why(one, keep) for one in going},
        {} if over <= 0 else {one.bag.id: _why_not(one, keep) for one in order if one.bag.id not in gone},
    )


def _may_go(one: Held, keep: int) -> bool:
    return not one.stays and (not one.whole or one.others >= keep)


def _why(one: Held, keep: int) -> str:
    if not one.whole:
        return "over the budget, and was never here as a whole"
    return f"over the budget, and {one.others} other mirrors have proved to hold it ({keep} are enough)"


def _why_not(one: Held, keep: int) -> str:
    if one.stays:
        return "over the budget, and kept all the same: it is not dropped for a budget"
    have = f"{one.others or 'no'} other mirror{'s have' if one.others != 1 else ' has'}"
    return f"over the budget, and kept: {have} proved lately to hold it, and it takes {keep} to drop it"
