"""The rule of :mod:`phonotheque.mirrors.choose` for all bags at once, in numpy; a test compares the two.

Only one thing is done otherwise: the number that differs from mirror to mirror is of a cheaper mixing than
SHA-256, which spreads as well. What people listen to is left out, as is what mirrors do not ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.mirrors.choose import BELIEVED

Ints = NDArray[np.int64]
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX2: Final = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Known:
    """What mirrors know of all bags: ``sizes`` in bytes, and ``rank``, lower for what is taken sooner."""

    sizes: Ints
    rank: Ints


def ranks(proven: Ints, claimed: Ints, catalogue: int = 0) -> Ints:
    """Return the rank of each bag: the catalogue (-1: none), then by copies, as mirrors count them."""
    rank: Ints = proven + np.clip(claimed - proven, 0, BELIEVED)
    if catalogue >= 0:
        rank[catalogue] = -1
    return rank


def spread(mirror: int, bags: Ints) -> NDArray[np.uint64]:
    """Return an order of bags that differs from mirror to mirror (splitmix64, of Steele and others 2014).

    Where no listens are known, the order of ``-ln(1-u)/w`` is that of ``u``.
    """
    with np.errstate(over="ignore"):
        z = bags.astype(np.uint64) * _GOLDEN + np.uint64(mirror) * _MIX2 + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX1
        z = (z ^ (z >> np.uint64(27))) * _MIX2
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def pick(
    known: Known,
    held: NDArray[np.bool_],
    room: int,
    order: NDArray[np.uint64] | NDArray[np.float64],
    most: int | None = None,
) -> Ints:
    """Return the bags that a mirror with ``room`` bytes left takes besides those ``held``, first ones first.

    ``order`` puts equals in order. With ``most``, only so many are returned: the first of all that it takes.
    """
    fits = np.flatnonzero(~held & (known.sizes <= room))
    if not len(fits) or most == 0:
        return fits[:0]
    rank = known.rank[fits]
    # Sorting all for the sake of a few would be most of the work: those of the lowest ranks come first.
    needed = min(room // int(known.sizes[fits].min()), len(fits), len(fits) if most is None else most)
    limit = np.partition(rank, needed - 1)[needed - 1]
    chosen: list[Ints] = []
    for some in (rank <= limit, rank > limit):
        ranked = fits[some][np.lexsort((order[fits[some]], rank[some]))]
        taken = ranked[_greedy(known.sizes[ranked], room)]
        room -= int(known.sizes[taken].sum())
        chosen.append(taken)
        if most is not None and sum(map(len, chosen)) >= most:
            break
    return np.concatenate(chosen)[:most]


def _greedy(sizes: Ints, room: int) -> Ints:
    """Return which of these, in this order, fit into ``room`` when those that do not are passed over."""
    left, taken = np.arange(len(sizes)), [np.arange(0)]
    while len(left := left[sizes[left] <= room]):
        ends = np.cumsum(sizes[left])
        fit = int(np.searchsorted(ends, room, side="right"))
        taken.append(left[:fit])
        room -= int(ends[fit - 1])
        left = left[fit:]
    return np.concatenate(taken)
