"""Coverage: the share of all listening that the first n recordings account for, and what they weigh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from phonotheque.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative counts after each recording, in the chosen order; all three arrays have one entry each.

    ``share`` goes up to 1: of all listens, or of all recordings where nobody counted.
    """

    recordings: NDArray[np.int64]
    bytes: NDArray[np.int64]
    share: NDArray[np.float64]

    def reaching(self, share: float) -> int | None:
        """Return the index of the first point that covers ``share`` (0 to 1), or None if none does."""
        index = int(np.searchsorted(self.share, share - 1e-12))
        return index if index < len(self.share) else None

    def thinned(self, most: int, keep: tuple[int, ...] = ()) -> NDArray[np.int64]:
        """Return at most ``most`` indices: spread evenly over the share, the ends, and those to ``keep``."""
        if len(self.share) <= most:
            return np.arange(len(self.share))
        room = most - len(keep)
        levels = np.linspace(self.share[0], self.share[-1], max(room, 2))
        spread = np.searchsorted(self.share, levels).clip(max=len(self.share) - 1)
        spread[-1] = len(self.share) - 1
        return np.unique(np.concatenate([spread, np.asarray(keep, dtype=np.int64)]))


def curve(listens: ArrayLike, sizes: ArrayLike, *, total: float | None = None, dense: bool = False) -> Curve:
    """Return the coverage curve of recordings with these listens (not negative) and sizes in bytes.

    The most listened come first, as is best per recording; with ``dense`` those with the most listens per
    byte, as is best per byte; the smaller first among equals. ``total`` is what counts as everything, when
    these are not all there are. Where nobody counted (all zero), every recording counts the same.
    """
    weight, size = np.asarray(listens, dtype=np.float64), np.asarray(sizes, dtype=np.int64)
    if weight.shape != size.shape or weight.ndim != 1:
        raise UsageError(
            "Listens and sizes must be two lists of one length.", "Give one of each per recording."
        )
    if (weight < 0).any() or (size < 0).any() or not np.isfinite(weight).all():
        raise UsageError("Listens and sizes cannot be negative.", "Correct the counts.")
    if not weight.any():
        weight = np.ones_like(weight)
    rank = np.divide(weight, size, out=np.full_like(weight, np.inf), where=size > 0) if dense else weight
    order = np.lexsort((size, -rank))
    covered = np.cumsum(weight[order])
    whole = total or (covered[-1] if len(covered) else 1.0)
    return Curve(np.arange(1, len(order) + 1), np.cumsum(size[order]), covered / whole)
