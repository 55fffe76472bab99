"""How fast bags come: who uploads how much of what in one step. Fluid, and on the careful side.

A bag is served by mirrors that hold all of it, and by the publisher; mirrors that are still fetching it give
each other nothing here, though in BitTorrent they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_AT_ONCE: Final = 4 * 1024**2  # cells of the table of copies that are worked on at once: bounds memory
_ROUNDS: Final = 2  # what a source cannot give is asked of the others once more


@dataclass(frozen=True, slots=True)
class Flow:
    """Bytes in one step: ``served`` of each bag asked for, ``sent`` by each mirror, and by the publisher."""

    served: Floats
    sent: Floats
    published: float


def flow(
    wanted: Floats, copies: NDArray[np.bool_], bags: NDArray[np.int64], room: Floats, publisher: float
) -> Flow:
    """Share what mirrors and the publisher can send among the bags that are asked for.

    ``wanted``: bytes of each of ``bags``; ``copies``: row a bag, column a mirror; ``room``: bytes that each
    mirror can send, 0 while it is away; ``publisher``: bytes that the publisher can send, 0 if it is gone.
    Each source gives to all that ask it in proportion, and who asks spreads evenly over the sources.
    """
    served, left = np.zeros(len(bags)), room.copy()
    left_publisher = publisher
    for _ in range(_ROUNDS):
        open_ = np.flatnonzero(wanted - served > 0.5)
        sources = (left > 0.5).astype(np.float32)
        there = 1.0 if left_publisher > 0.5 else 0.0
        if not len(open_) or not (sources.any() or there):
            break
        table = _Table(copies, bags[open_])
        count = table.of_bags(sources) + there
        each = np.divide((wanted - served)[open_], count, out=np.zeros(len(open_)), where=count > 0)
        load = table.of_mirrors(each) * sources
        gives = np.divide(np.minimum(left, load), load, out=np.zeros(len(room)), where=load > 0)
        asked = float(each.sum()) * there
        given = min(left_publisher, asked) / asked if asked else 0.0
        served[open_] += each * (table.of_bags(gives) + given)
        left -= load * gives
        left_publisher -= asked * given
    return Flow(np.minimum(served, wanted), room - left, publisher - left_publisher)


class _Table:
    """The rows of some bags, for products with a vector over mirrors or bags, a part at a time."""

    def __init__(self, copies: NDArray[np.bool_], bags: NDArray[np.int64]) -> None:
        self._copies = copies
        step = max(1, _AT_ONCE // max(copies.shape[1], 1))
        self._cuts = [bags[at : at + step] for at in range(0, len(bags), step)]
        self._small = copies[bags].astype(np.float32) if len(self._cuts) == 1 else None

    def of_bags(self, mirrors: NDArray[np.floating[Any]]) -> Floats:
        narrow = mirrors.astype(np.float32)
        return np.concatenate([part @ narrow for part in self._parts()]).astype(np.float64)

    def of_mirrors(self, bags: Floats) -> Floats:
        narrow, at = bags.astype(np.float32), 0
        total = np.zeros(self._copies.shape[1])
        for part in self._parts():
            total += narrow[at : at + len(part)] @ part
            at += len(part)
        return total

    def _parts(self) -> Iterator[NDArray[np.float32]]:
        if self._small is not None:
            yield self._small
            return
        for some in self._cuts:
            yield self._copies[some].astype(np.float32)
