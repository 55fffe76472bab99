"""The state of a simulated archive: who has which bags, who is there, and what happens to them.

Mirrors are columns of one table of copies; the column of one that left is used again. Counts are kept with
every change, so that nothing ever goes over the whole table.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from phonotheque.mirrors.simulation.choice import Ints
from phonotheque.mirrors.simulation.flow import Floats
from phonotheque.mirrors.simulation.scenario import Group

_NONE = np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Mirror:
    """One mirror. ``column`` is its place in the table, ``key`` the number that spreads its choices."""

    column: int
    key: int
    group: Group
    budget: int
    disks: int
    lying: bool
    fooling: bool
    there: bool = True
    ready: float = 0.0  # the day from which its disks are whole
    mine: Ints = field(default_factory=lambda: _NONE)  # bags held whole
    rotten: set[int] = field(default_factory=set)  # held, with a wrong place that nobody has found yet
    queue: Ints = field(default_factory=lambda: _NONE)  # to fetch, first ones first
    lacking: Floats = field(default_factory=lambda: np.zeros(0))  # bytes of these still to come
    width: int = 0  # bags fetched at once
    failed_once: bool = False
    full: bool = False  # nothing more fits than what is in the queue


class World:
    """All copies of all bags. Bags and mirrors are numbers; sizes in bytes."""

    def __init__(self, sizes: Ints, columns: int) -> None:
        self.sizes = sizes
        self.copies = np.zeros((len(sizes), max(columns, 1)), dtype=np.bool_)  # whole and right
        self.good = np.zeros(len(sizes), dtype=np.int64)  # such copies, of mirrors that are away, too
        self.reachable = np.zeros(len(sizes), dtype=np.int64)  # such copies of mirrors that are there
        self.claimed = np.zeros(len(sizes), dtype=np.int64)  # said by liars and by those that are gone
        self.publisher = True
        self.unreachable = 0  # bags without a reachable copy at mirrors
        self.unheld = len(sizes)  # bags without any copy at mirrors
        self.held_bytes = 0
        self.mirrors: dict[int, Mirror] = {}
        self._free: list[int] = list(range(self.copies.shape[1]))[::-1]
        self.unreachable = len(sizes)

    def column(self) -> int:
        """Return a free column; the table grows when there is none."""
        if not self._free:
            old = self.copies.shape[1]
            more = max(16, old // 8)
            self.copies = np.concatenate(
                [self.copies, np.zeros((len(self.sizes), more), dtype=np.bool_)], axis=1
            )
            self._free = list(range(old, old + more))[::-1]
        return self._free.pop()

    def gain(self, mirror: Mirror, bags: Ints) -> None:
        """A mirror now holds these bags."""
        self.copies[bags, mirror.column] = True
        mirror.mine = np.concatenate([mirror.mine, bags])
        self.unheld -= int(np.count_nonzero(self.good[bags] == 0))
        self.good[bags] += 1
        self.held_bytes += int(self.sizes[bags].sum())
        if mirror.there:
            self._reach(bags)

    def lose(self, mirror: Mirror, bags: Ints) -> None:
        """A mirror no longer holds these bags, which it held."""
        self.copies[bags, mirror.column] = False
        mirror.mine = mirror.mine[~np.isin(mirror.mine, bags)] if len(bags) < len(mirror.mine) else _NONE
        self.good[bags] -= 1
        self.unheld += int(np.count_nonzero(self.good[bags] == 0))
        self.held_bytes -= int(self.sizes[bags].sum())
        if mirror.there:
            self._miss(bags)

    def go(self, mirror: Mirror) -> None:
        """A mirror cannot be reached for a while."""
        if mirror.there:
            mirror.there = False
            self._miss(mirror.mine)

    def come_back(self, mirror: Mirror) -> None:
        """A mirror can be reached again."""
        if not mirror.there:
            mirror.there = True
            self._reach(mirror.mine)

    def leave(self, mirror: Mirror) -> Ints:
        """A mirror goes for ever; return what it held."""
        gone = mirror.mine
        self.lose(mirror, gone)
        del self.mirrors[mirror.column]
        self._free.append(mirror.column)
        return gone

    def _reach(self, bags: Ints) -> None:
        self.unreachable -= int(np.count_nonzero(self.reachable[bags] == 0))
        self.reachable[bags] += 1

    def _miss(self, bags: Ints) -> None:
        self.reachable[bags] -= 1
        self.unreachable += int(np.count_nonzero(self.reachable[bags] == 0))

    def taken(self, mirror: Mirror) -> NDArray[np.bool_]:
        """Return which bags have their room at a mirror already: held, damaged, or in its queue."""
        taken = np.zeros(len(self.sizes), dtype=np.bool_)
        taken[mirror.mine] = True
        taken[mirror.queue] = True
        taken[np.array(sorted(mirror.rotten), dtype=np.int64)] = True
        return taken

    def room(self, mirror: Mirror) -> int:
        """Return the bytes that a mirror has left for other bags; negative when it has too much."""
        rotten = np.array(sorted(mirror.rotten), dtype=np.int64)
        return mirror.budget - sum(
            int(self.sizes[bags].sum()) for bags in (mirror.mine, mirror.queue, rotten)
        )

    def lost(self, bags: Ints) -> NDArray[np.bool_]:
        """Return which of these bags nobody has any more."""
        lost: NDArray[np.bool_] = (self.good[bags] == 0) & np.bool_(not self.publisher)
        return lost
