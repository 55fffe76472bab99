"""Which bags a mirror takes: decided alone and repeatably, so that mirrors spread without talking."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, Final

from phonotheque.mirrors.lowering import Lowering

BELIEVED: Final = 3  # claims that nobody verified count up to this number, in choosing and nowhere else


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bag that may be taken. ``size`` in bytes with its torrent.

    ``copies`` are mirrors that have proved to hold it, None when nobody knows; ``claimed`` those that say so.
    ``unwanted`` says why the mirror's query does not ask for it, and is empty where it does; so does
    ``passed`` why others are taken before it.
    """

    id: str
    size: int
    copies: int | None = None
    catalogue: bool = False
    claimed: int = 0
    listens: int | None = None
    unwanted: str = ""
    passed: str = ""


class Verdict(StrEnum):
    """What is to become of a bag."""

    HELD = "held"  # or begun: it stays
    CHOSEN = "chosen"
    LEFT_OUT = "left out"
    KEPT = "kept"  # held, and over the budget
    LEAVING = "leaving"  # held, and announced to be dropped
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a bag is held, taken or not."""

    bag: str
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Bags to hold, in the order of fetching, and why others are left out.

    ``dropped`` are bags held so far, with what allows it, as the ledger keeps it; ``explained`` tells of all.
    ``lowering`` is what may go for a smaller budget from now on.
    """

    chosen: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    dropped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    explained: tuple[Explained, ...] = ()
    lowering: Lowering | None = None


def choose(
    bags: Sequence[Candidate], budget: int, held: Collection[str], seed: str, *, taken: int = 0
) -> Choice:
    """Choose bags within ``budget`` bytes; ``seed`` is the mirror's id.

    ``taken`` bytes of the budget are not to be had for anything new.

    The catalogue comes first, for without it the rest is mute; then what is held already; then what has the
    fewest copies (:func:`counted`), nobody's first; last what was looked for in vain. Equals are put in an
    order that differs from mirror to mirror; in it, a bag that people listen to much comes early up to twice
    as often as one that nobody does. A bag that does not fit is passed over and smaller ones after it may be
    taken.
    """
    # What is held takes its room even when it is over the budget: nothing is deleted to make place here.
    spare = budget - taken - sum(bag.size for bag in bags if bag.id in held)
    kept = budget
    chosen, left_out, explained = [], [], []

    def leave_out(bag: str, verdict: Verdict, why: str) -> None:
        left_out.append((bag, why))
        explained.append(Explained(bag, verdict, why))

    for place, bag in enumerate(in_order(bags, held, seed), start=1):
        room = kept if bag.id in held else min(kept, spare)
        if bag.unwanted and bag.id not in held and not bag.catalogue:
            leave_out(bag.id, Verdict.LEFT_OUT, bag.unwanted)
        elif bag.size <= room:
            chosen.append(bag.id)
            kept -= bag.size
            spare -= 0 if bag.id in held else bag.size
            verdict = Verdict.HELD if bag.id in held else Verdict.CHOSEN
            explained.append(Explained(bag.id, verdict, _why(bag, place, held)))
        elif bag.id in held:
            leave_out(bag.id, Verdict.KEPT, "held, but over the budget: it is kept, nothing new is taken")
        else:
            leave_out(
                bag.id,
                Verdict.LEFT_OUT,
                bag.passed or f"needs {bag.size} bytes where {max(room, 0)} are left of the budget",
            )
    return Choice(tuple(chosen), tuple(left_out), explained=tuple(explained))


def in_order(bags: Sequence[Candidate], held: Collection[str], seed: str) -> list[Candidate]:
    """Return bags in the order in which a mirror wants them."""
    spread = spread_of(bags, seed)
    return sorted(
        bags,
        key=lambda bag: (
            not bag.catalogue,
            bag.id not in held,
            bool(bag.passed),
            counted(bag),
            spread[bag.id],
            bag.id,
        ),
    )


def counted(bag: Candidate) -> int:
    """Return the copies by which a bag is chosen: those proved, and up to three more that are only said.

    Proofs are made now and then. If they alone counted, all mirrors would take the few bags without any until
    the next drill, and no others (docs/adr/0025-claims-count-a-little.md). Who lies can put a bag back behind
    those with three copies more, and no further.
    """
    proven = bag.copies or 0
    return proven + min(max(bag.claimed - proven, 0), BELIEVED)


def spread_of(bags: Sequence[Candidate], seed: str) -> Mapping[str, float]:
    """Return a number for each bag by which one mirror puts equals in order, the smallest first.

    It is -ln(1-u)/w, where u is uniform, of a hash of the mirror's id and the bag's: a bag comes before
    another with the probability of its share of their weights (Efraimidis and Spirakis, 2006). The weight is
    1 + d/(d + D), where d are its listens per byte and D is the median of those that are known: everything
    gets its turn, what is heard much a little sooner.
    """
    known = [bag.listens / max(bag.size, 1) for bag in bags if bag.listens]
    middle = median(known) if known else 1.0
    found = {}
    for bag in bags:
        digest = hashlib.sha256(f"{seed}\0{bag.id}".encode()).digest()
        uniform = (int.from_bytes(digest[:8]) >> 11) / 2**53
        heard = (bag.listens or 0) / max(bag.size, 1)
        found[bag.id] = -math.log1p(-uniform) / (1 + heard / (heard + middle))
    return found


def _why(bag: Candidate, place: int, held: Collection[str]) -> str:
    if bag.id in held:
        return "here already, and what is here stays" + (f" ({bag.unwanted})" if bag.unwanted else "")
    if bag.catalogue:
        return "the catalogue: without it the rest is mute"
    if bag.passed:
        return f"{bag.passed}; number {place} in this mirror's order"
    if bag.copies is None:
        known = "how many copies there are is not known"
    else:
        proved = f"{bag.copies or 'no'} mirror{' has' if bag.copies == 1 else 's have'} proved to hold it"
        known = f"{proved}, {bag.claimed or 'none'} say{'s' if bag.claimed == 1 else ''} so"
    heard = "" if bag.listens is None else f"; {bag.listens:,} listens"
    return f"{known}{heard}; number {place} in this mirror's order"
