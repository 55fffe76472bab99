"""Groups of copies, found on arrays: millions of pairs take some tens of bytes each, and no objects.

Files are in the order of ``quality``, the best first. Those with equal samples and lengths are one *unit*:
what holds for one of them holds for all. The best unit that is left takes what is the same as it, again and
again; units are numbered in that order, so a unit's number is also the moment when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from phonotheque.audio.fingerprint import BestAlignment
from phonotheque.audio.sameness import FARTHEST, SAME, TOLERANCE
from phonotheque.ledger.copies import masters, same_samples
from phonotheque.model.batches import IN_A_STATEMENT
from phonotheque.model.copies import quality

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_Rows = NDArray[Any]

_FILE: Final = [("id", "<i8"), ("size", "<i8"), ("seconds", "<f8"), ("held", "?")]
# As ``quality`` gives it, but for the id.
_QUALITY: Final = [("whole", "?"), ("lossless", "?"), ("rate", "<i8"), ("intact", "?"), ("last", "<i8")]


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside the best of a group; how it lies on the fingerprint of the best, or of the copy ``via``.

    No ``alignment``: the samples are equal.
    """

    file_id: int
    alignment: BestAlignment | None = None
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A group by the ids of its files; ``frees`` in bytes."""

    best: int
    copies: tuple[Beside, ...]
    perhaps: tuple[Beside, ...]
    frees: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """The groups that free most, the most first; and of all: how many, their copies, and what these take."""

    groups: tuple[Found, ...]
    total: int
    copies: int
    frees: int
    doubtful: int


def find_groups(ledger: Connection, pairs: _Rows, *, limit: int) -> Grouped:
    """Return the groups of masters with equal samples, or alike by ``pairs`` (of likeness.PAIRS)."""
    equal = _equal(ledger)
    names = np.unique(np.concatenate([pairs["later"].astype(np.int64), pairs["earlier"], equal["id"]]))
    files = _files(ledger, names)
    sounds = _sounds(files, equal)
    units = _Units(files, sounds)
    edges = _edges(units, sounds, _compared(files, sounds, pairs))
    return _Grouping(files, units, edges).result(limit)


def _equal(ledger: Connection) -> _Rows:
    """Return (id, group) of the masters whose samples are equal to others'."""
    each = chain.from_iterable(
        ((file_id, number) for file_id in ids) for number, ids in enumerate(same_samples(ledger))
    )
    return np.fromiter(each, dtype=[("id", "<i8"), ("group", "<i8")])


def _files(ledger: Connection, names: Numbers) -> _Rows:
    """Return what is needed of the masters with these ids, the best first; one that is gone is left out."""
    told = np.empty(len(names), dtype=_FILE + _QUALITY)
    count = 0
    for start in range(0, len(names), IN_A_STATEMENT):
        rows = masters(ledger, ids=names[start : start + IN_A_STATEMENT].tolist())
        told[count : count + len(rows)] = [
            (row.id, row.size, row.duration or 0.0, row.held, *quality(row)[:-1]) for row in rows
        ]
        count += len(rows)
    told = told[:count]
    worst_first = np.lexsort((-told["id"], *(told[name] for name, _ in reversed(_QUALITY)), told["held"]))
    files = np.empty(count, dtype=_FILE)
    for name, _ in _FILE:
        files[name] = told[name][worst_first[::-1]]
    return files


def _sounds(files: _Rows, equal: _Rows) -> Numbers:
    """Return a number for each file, which those with equal samples have in common."""
    sounds = np.arange(len(files)) + len(equal)
    at = _places(files, equal["id"])
    sounds[at[at >= 0]] = equal["group"][at >= 0]
    return np.unique(sounds, return_inverse=True)[1]


def _places(files: _Rows, ids: Numbers) -> Numbers:
    """Return where in ``files`` these ids are; -1 for one that is not."""
    if not len(files):
        return np.full(len(ids), -1)
    order = np.argsort(files["id"])
    at = order[np.minimum(np.searchsorted(files["id"], ids, sorter=order), len(files) - 1)]
    return np.where(files["id"][at] == ids, at, -1)


class _Units:
    """``of``: the unit of each file. Of each unit: its ``first`` file, its ``sound`` and ``seconds``."""

    def __init__(self, files: _Rows, sounds: Numbers) -> None:
        order = np.lexsort((files["seconds"], sounds))  # stable: the best first
        new = np.ones(len(files), dtype=np.bool_)
        new[1:] = (np.diff(sounds[order]) != 0) | (np.diff(files["seconds"][order]) != 0)
        firsts = order[new]
        number = np.empty(len(firsts), dtype=np.int64)
        number[np.argsort(firsts)] = np.arange(len(firsts))
        self.of = np.empty(len(files), dtype=np.int64)
        self.of[order] = number[np.cumsum(new) - 1]
        self.first = np.sort(firsts)
        self.sound = sounds[self.first]
        self.seconds = files["seconds"][self.first]


@dataclass(frozen=True, slots=True)
class _Edges:
    """Units that were compared, once each, the better one as ``a``; sorted by both.

    ``b[i]`` lies on ``a[i + offset]``. A ``ber`` of -1: equal samples, lengths that are not.
    """

    a: Numbers
    b: Numbers
    ber: NDArray[np.float64]
    offset: Numbers
    overlap: Numbers
    same: Flags

    def find(self, a: int, b: int) -> BestAlignment | None:
        """Return how two units agree that were compared."""
        start, end = np.searchsorted(self.a, [a, a + 1])
        at = start + np.searchsorted(self.b[start:end], b)
        if self.ber[at] < 0:
            return None
        return BestAlignment(float(self.ber[at]), int(self.offset[at]), int(self.overlap[at]))


def _compared(files: _Rows, sounds: Numbers, pairs: _Rows) -> Mapping[str, NDArray[Any]]:
    """Return how sounds agree, each two once, as columns: what holds for a file holds for its equals."""
    later, earlier = _places(files, pairs["later"]), _places(files, pairs["earlier"])
    there = (later >= 0) & (earlier >= 0)
    kept = pairs[there]
    a, b = sounds[later[there]], sounds[earlier[there]]
    turned = a > b
    a, b = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((kept["ber"], b, a))  # of several, the closest
    a, b, kept, turned = a[order], b[order], kept[order], turned[order]
    once = a != b
    once[1:] &= (np.diff(a) != 0) | (np.diff(b) != 0)
    offset = np.where(turned, -kept["offset"].astype(np.int64), kept["offset"])
    columns = {"a": a, "b": b, "ber": kept["ber"], "offset": offset, "overlap": kept["overlap"]}
    return {name: column[once] for name, column in columns.items()}


def _edges(units: _Units, sounds: Numbers, compared: Mapping[str, NDArray[Any]]) -> _Edges:
    by_sound = np.argsort(units.sound, kind="stable")
    starts = np.searchsorted(units.sound[by_sound], np.arange(sounds.max(initial=-1) + 2))
    # Every unit of one sound with every unit of the other: nearly always one with one.
    which, left, right = _crossed(starts, compared["a"], compared["b"])
    several = np.flatnonzero(np.diff(starts) > 1)
    _, here, there = _crossed(starts, several, several)
    here, there = here[here < there], there[here < there]
    x, y = (
        np.concatenate([by_sound[left], by_sound[here]]),
        np.concatenate([by_sound[right], by_sound[there]]),
    )
    equal = np.zeros(len(here), dtype=np.int64)
    ber = np.concatenate([compared["ber"][which], equal - 1.0])
    offset = np.concatenate([compared["offset"][which], equal])
    overlap = np.concatenate([compared["overlap"][which].astype(np.int64), equal])
    apart = np.abs(units.seconds[x] - units.seconds[y])
    close = (ber < SAME) & ~(apart > TOLERANCE) & ~(np.abs(offset) > FARTHEST)  # as ``judge`` says it
    turned = x > y
    a, b = np.minimum(x, y), np.maximum(x, y)
    order = np.lexsort((b, a))
    offset = np.where(turned, -offset, offset)
    columns = (a, b, ber, offset, overlap, close | (ber < 0))
    return _Edges(*(column[order] for column in columns))


def _crossed(starts: Numbers, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return ``i``, and all places of range ``a[i]`` with all of ``b[i]``; ranges begin at ``starts``."""
    lengths = np.diff(starts)
    each = lengths[a] * lengths[b]
    which = np.repeat(np.arange(len(a)), each)
    number = np.arange(len(which)) - np.repeat(np.cumsum(each) - each, each)
    left = starts[a[which]] + number // lengths[b[which]]
    return which, left, starts[b[which]] + number % lengths[b[which]]


class _Grouping:
    """Who takes whom, and who is only told of."""

    def __init__(self, files: _Rows, units: _Units, edges: _Edges) -> None:
        self._files, self._units, self._edges = files, units, edges
        self._leader = _leaders(len(units.first), edges)
        # The unit that takes a file; and the files in that order, the better one first.
        self._taker = self._leader[units.of]
        self._in_order = np.argsort(self._taker, kind="stable")
        self._starts = np.searchsorted(self._taker[self._in_order], np.arange(len(units.first) + 1))
        by_unit = np.argsort(units.of, kind="stable")
        self._by_unit = by_unit
        self._unit_starts = np.searchsorted(units.of[by_unit], np.arange(len(units.first) + 1))
        self._perhaps = self._told()

    def result(self, limit: int) -> Grouped:
        count = len(self._units.first)
        copies = np.maximum(np.diff(self._starts) - 1, 0)
        best = self._units.first[self._taker]
        freed = np.where(self._files["held"] & self._files["held"][best], self._files["size"], 0)
        freed[self._units.first[self._leader == np.arange(count)]] = 0  # the best stay
        frees = np.zeros(count, dtype=np.int64)
        np.add.at(frees, self._taker, freed)
        doubtful = np.zeros(count, dtype=np.bool_)
        doubtful[self._perhaps[0]] = True
        groups = np.flatnonzero((copies > 0) | doubtful)
        names = self._files["id"][self._units.first[groups]]
        shown = groups[np.lexsort((names, -frees[groups]))[:limit]]
        return Grouped(
            tuple(self._found(int(unit), int(frees[unit])) for unit in shown),
            int((copies > 0).sum()),
            int(copies.sum()),
            int(frees.sum()),
            int(doubtful.sum()),
        )

    def _told(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return (unit, another, via): what is like a best unit, and not the same; sorted by the first.

        ``via`` is -1, or the first unit taken by it that is the same as the other: which was not compared
        with the best.
        """
        edges, leader, count = self._edges, self._leader, len(self._leader)
        left = ~edges.same & (leader[edges.a] == edges.a) & (leader[edges.b] > edges.a)
        same = np.flatnonzero(edges.same & (edges.ber >= 0))
        taken = np.concatenate([edges.a[same], edges.b[same]])
        other = np.concatenate([edges.b[same], edges.a[same]])
        best = leader[taken]
        only = (best != taken) & (leader[other] > best)
        taken, other, best = taken[only], other[only], best[only]
        known = _within(best * count + other, edges.a * count + edges.b)
        taken, other, best = taken[~known], other[~known], best[~known]
        order = np.lexsort((taken, other, best))
        taken, other, best = taken[order], other[order], best[order]
        once = np.ones(len(best), dtype=np.bool_)
        once[1:] = (np.diff(best) != 0) | (np.diff(other) != 0)
        direct = np.full(int(left.sum()), -1)
        units = np.concatenate([edges.a[left], best[once]])
        others = np.concatenate([edges.b[left], other[once]])
        via = np.concatenate([direct, taken[once]])
        order = np.lexsort((via, units))
        return units[order], others[order], via[order]

    def _found(self, unit: int, frees: int) -> Found:
        members = self._in_order[self._starts[unit] : self._starts[unit + 1]]
        copies = tuple(self._beside(unit, file) for file in members[1:])
        return Found(self._id(members[0]), copies, tuple(self._doubted(unit)), frees)

    def _doubted(self, unit: int) -> Iterator[Beside]:
        units, others, via = self._perhaps
        start, end = np.searchsorted(units, [unit, unit + 1])
        files = [
            (int(through), int(file))
            for other, through in zip(others[start:end], via[start:end], strict=True)
            for file in self._by_unit[self._unit_starts[other] : self._unit_starts[other + 1]]
        ]
        for through, file in sorted(files):
            yield self._beside(unit if through < 0 else through, file, None if through < 0 else through)

    def _beside(self, unit: int, file: int, via: int | None = None) -> Beside:
        other = int(self._units.of[file])
        through = None if via is None else self._id(self._units.first[via])
        if other == unit:
            return Beside(self._id(file))
        found = self._edges.find(min(unit, other), max(unit, other))
        if found is not None and other < unit:
            found = BestAlignment(found.ber, -found.offset, found.overlap)
        return Beside(self._id(file), found, through)

    def _id(self, file: Any) -> int:
        return int(self._files["id"][file])


def _leaders(count: int, edges: _Edges) -> Numbers:
    """Return for each unit the one that takes it: itself, if it is left when its turn comes."""
    leader = np.arange(count)
    b = edges.b[edges.same]
    units, starts = np.unique(edges.a[edges.same], return_index=True)
    bounds = np.append(starts, len(b))
    for unit, start, end in zip(units, bounds[:-1], bounds[1:], strict=True):
        if leader[unit] == unit:
            alike = b[start:end]
            alike = alike[leader[alike] == alike]
            leader[alike] = unit
    return leader


def _within(keys: Numbers, others: Numbers) -> Flags:
    """Say which of ``keys`` are in ``others``, which are sorted."""
    if not len(others):
        return np.zeros(len(keys), dtype=np.bool_)
    found: Flags = others[np.minimum(np.searchsorted(others, keys), len(others) - 1)] == keys
    return found
