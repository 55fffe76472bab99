"""Which bags a mirror takes: decided alone and repeatably, so that mirrors spread without talking."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bag that may be taken. ``size`` in bytes with its torrent; ``copies`` None when nobody knows."""

    id: str
    size: int
    copies: int | None = None
    catalogue: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Bags to hold, in the order of fetching, and why the others are left out."""

    chosen: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def choose(bags: Sequence[Candidate], budget: int, held: Collection[str], seed: str) -> Choice:
    """Choose bags within ``budget`` bytes; ``seed`` is the mirror's id.

    The catalogue comes first, for without it the rest is mute; then what is held already; then what has the
    fewest known copies, none known counting as none. Equals are put in an order that differs from mirror to
    mirror. A bag that does not fit is passed over and smaller ones after it may be taken.
    """
    # What is held takes its room even when it is over the budget: nothing is deleted to make place.
    spare = budget - sum(bag.size for bag in bags if bag.id in held)
    kept = budget
    chosen, left_out = [], []
    for bag in sorted(bags, key=lambda bag: _rank(bag, held, seed)):
        room = kept if bag.id in held else min(kept, spare)
        if bag.size <= room:
            chosen.append(bag.id)
            kept -= bag.size
            spare -= 0 if bag.id in held else bag.size
        elif bag.id in held:
            left_out.append((bag.id, "held, but over the budget: it is kept, nothing new is taken"))
        else:
            left_out.append((bag.id, f"needs {bag.size} bytes where {max(room, 0)} are left of the budget"))
    return Choice(tuple(chosen), tuple(left_out))


def _rank(bag: Candidate, held: Collection[str], seed: str) -> tuple[bool, bool, int, bytes]:
    spread = hashlib.sha256(f"{seed}\0{bag.id}".encode()).digest()
    return (not bag.catalogue, bag.id not in held, bag.copies or 0, spread)
