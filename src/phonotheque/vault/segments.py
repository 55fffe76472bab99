"""Segments: files that tell which items hold a 32-bit value, sorted, never changed, read where they lie.

An item (one fingerprint) is numbered from 0 in its segment and has an id of the caller's and the number of
its values that a question has to share with it. Values are grouped by their upper 16 bits: a table says where
each group begins, so that an entry takes six bytes (the lower half of the value, the item's number), and a
question reads a few pages for each of its values, however large the segment is. docs/format.md has the
layout.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.model.errors import VerificationError
from phonotheque.vault.place import naming, replace_durably

_MAGIC: Final = b"phonoseg"
_HEADER: Final = struct.Struct("<8sIIQQ")  # magic, layout, unused, items, entries
_LAYOUT: Final = 1
_GROUPS: Final = 1 << 16
_LARGE: Final = 16_000_000  # bytes: from so many on, pages are asked for before they are looked at
_AT_ONCE: Final = 1 << 23  # entries sorted in memory while segments are merged: 64 MB

Values = NDArray[np.uint32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Item:
    """What a segment is told of one item. ``values`` are distinct; ``needed`` of them is what a hit takes."""

    id: int
    needed: int
    values: Values


@dataclass(frozen=True, slots=True)
class Segment:
    """An open segment. Its arrays lie in the file, mapped; group ``g`` begins at entry ``starts[g]``."""

    path: Path
    ids: NDArray[np.uint64]
    needed: NDArray[np.uint8]
    starts: NDArray[np.uint64]
    items: NDArray[np.uint32]
    lows: NDArray[np.uint16]
    mapped: mmap.mmap
    at: Mapping[str, int]  # where in the file each array begins

    def find(self, values: Values, most: int) -> tuple[Numbers, Numbers]:
        """Return for each value where its entries begin and how many there are, ``most`` at most.

        The entries of a value stand in the order of their items.
        """
        group, low = values >> np.uint32(16), (values & np.uint32(0xFFFF)).astype(np.uint16)
        begin = self.starts[group].astype(np.int64)
        end = self.starts[group + 1].astype(np.int64)
        self._expect("lows", 2, begin, end)
        first = _first(self.lows, low, begin, end, after=False)
        last = _first(self.lows, low, first, np.minimum(first + most, end), after=True)
        self._expect("items", 4, first, last)
        return first, last - first

    def _expect(self, name: str, width: int, begin: Numbers, end: Numbers) -> None:
        """Have the pages of many ranges of entries read at once: one after the other, a disk takes long."""
        if len(self.mapped) < _LARGE:
            return
        some = end > begin
        first = (self.at[name] + width * begin[some]) // mmap.PAGESIZE
        last = (self.at[name] + width * end[some] - 1) // mmap.PAGESIZE
        for page, until in dict.fromkeys(zip(first.tolist(), last.tolist(), strict=True)):
            size = min((until + 1) * mmap.PAGESIZE, len(self.mapped)) - page * mmap.PAGESIZE
            self.mapped.madvise(mmap.MADV_WILLNEED, page * mmap.PAGESIZE, size)


def damaged(path: Path, why: str) -> VerificationError:
    """Return the error for a derived file that is not as it was written."""
    advice = f"It is derived: delete {path.parent}, and it will be made again."
    return VerificationError(f"{path} is damaged: {why}.", advice)


def open_segment(path: Path) -> Segment:
    """Map a segment. Raises FileNotFoundError, and VerificationError when it is not one, or cut short."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(_HEADER.size).ljust(_HEADER.size, b"\0")
        magic, layout, _, items, entries = _HEADER.unpack(head)
        if magic != _MAGIC or layout != _LAYOUT or size != _size(items, entries):
            raise damaged(path, "it is not a whole segment")
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    mapped.madvise(mmap.MADV_RANDOM)
    at = _places(items, entries)

    def part(name: str, kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(mapped, dtype=kind, count=count, offset=at[name])

    starts = part("starts", "<u8", _GROUPS + 1).copy()  # every question needs it
    if starts[0] != 0 or starts[-1] != entries or np.any(starts[1:] < starts[:-1]):
        raise damaged(path, "its table of groups makes no sense")
    return Segment(
        path,
        ids=part("ids", "<u8", items),
        needed=part("needed", "u1", items),
        starts=starts,
        items=part("items", "<u4", entries),
        lows=part("lows", "<u2", entries),
        mapped=mapped,
        at=at,
    )


def write_segment(path: Path, items: Sequence[Item]) -> None:
    """Write a segment of some items, in their order, durably. All of it is in memory: 16 bytes an entry."""
    counts = [len(item.values) for item in items]
    order = np.repeat(np.arange(len(items), dtype=np.uint64), counts)
    values = np.concatenate([item.values for item in items]) if items else np.zeros(0, np.uint32)
    packed = (values.astype(np.uint64) << np.uint64(32)) | order
    packed.sort()
    ids = np.array([item.id for item in items], dtype="<u8")
    needed = np.array([item.needed for item in items], dtype="u1")
    _write(path, ids, needed, _starts(packed), iter([packed]))


def merge_segments(path: Path, segments: Sequence[Segment], dropped: Sequence[Iterable[int]]) -> None:
    """Write one segment of several, in their order, durably, without the ids ``dropped`` of each.

    Memory does not grow with the segments, only with the number of their items (eight bytes each).
    """
    renumbered: list[Numbers] = []
    total = 0
    for segment, without in zip(segments, dropped, strict=True):
        kept = ~np.isin(segment.ids, np.fromiter(without, dtype=np.uint64))
        numbers = np.where(kept, np.cumsum(kept, dtype=np.int64) - 1 + total, -1)
        renumbered.append(numbers)
        total += int(kept.sum())
    ids = np.concatenate([s.ids[n >= 0] for s, n in zip(segments, renumbered, strict=True)])
    needed = np.concatenate([s.needed[n >= 0] for s, n in zip(segments, renumbered, strict=True)])
    starts = np.zeros(_GROUPS + 1, dtype=np.uint64)
    if all((numbers >= 0).all() for numbers in renumbered):
        for segment in segments:
            starts += segment.starts
    else:
        counts = np.zeros(_GROUPS, dtype=np.int64)
        for packed in _merged(segments, renumbered):
            counts += np.bincount((packed >> np.uint64(48)).astype(np.int64), minlength=_GROUPS)
        starts[1:] = np.cumsum(counts)
    _write(path, ids, needed, starts, _merged(segments, renumbered))


def _merged(segments: Sequence[Segment], renumbered: Sequence[Numbers]) -> Iterator[NDArray[np.uint64]]:
    """Yield the entries of several segments as sorted 64-bit numbers, value above item, group by group."""
    together = np.zeros(_GROUPS + 1, dtype=np.uint64)
    for segment in segments:
        together += segment.starts
    group = 0
    while group < _GROUPS:
        fits = int(np.searchsorted(together, together[group] + np.uint64(_AT_ONCE), side="right")) - 1
        until = min(max(fits, group + 1), _GROUPS)
        parts = [
            _entries(segment, numbers, group, until)
            for segment, numbers in zip(segments, renumbered, strict=True)
        ]
        packed = np.concatenate(parts)
        packed.sort(kind="stable")  # finds the runs that are sorted already
        yield packed
        group = until


def _entries(segment: Segment, numbers: Numbers, group: int, until: int) -> NDArray[np.uint64]:
    starts = segment.starts[group : until + 1].astype(np.int64)
    here = slice(int(starts[0]), int(starts[-1]))
    groups = np.repeat(np.arange(group, until, dtype=np.uint64), np.diff(starts))
    items = numbers[segment.items[here]]
    packed = (groups << np.uint64(48)) | (segment.lows[here].astype(np.uint64) << np.uint64(32))
    kept = items >= 0
    return np.bitwise_or(packed[kept], items[kept].astype(np.uint64))


def _starts(packed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    groups = np.arange(_GROUPS + 1, dtype=np.uint64)
    groups[:-1] <<= np.uint64(48)
    starts = np.searchsorted(packed, groups[:-1]).astype(np.uint64)
    return np.append(starts, np.uint64(len(packed)))


def _write(
    path: Path,
    ids: NDArray[np.uint64],
    needed: NDArray[np.uint8],
    starts: NDArray[np.uint64],
    entries: Iterator[NDArray[np.uint64]],
) -> None:
    count = int(starts[-1])
    at = _places(len(ids), count)
    temporary = path.with_name(f".{path.name}.tmp")  # what a killed run left there is written over
    try:
        with temporary.open("wb") as out, naming(temporary):
            out.write(_HEADER.pack(_MAGIC, _LAYOUT, 0, len(ids), count))
            for name, array in (("ids", ids), ("needed", needed), ("starts", starts.astype("<u8"))):
                out.seek(at[name])
                out.write(np.ascontiguousarray(array).data)
            done = 0
            for packed in entries:
                out.seek(at["items"] + 4 * done)
                out.write((packed & np.uint64(0xFFFFFFFF)).astype("<u4").data)
                out.seek(at["lows"] + 2 * done)
                out.write(((packed >> np.uint64(32)) & np.uint64(0xFFFF)).astype("<u2").data)
                done += len(packed)
            out.truncate(_size(len(ids), count))
        replace_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _places(items: int, entries: int) -> dict[str, int]:
    """Return where each array begins, in bytes: all at multiples of eight."""
    places, at = {}, _HEADER.size
    for name, width, count in (
        ("ids", 8, items),
        ("starts", 8, _GROUPS + 1),
        ("items", 4, entries),
        ("lows", 2, entries),
        ("needed", 1, items),
    ):
        places[name] = at
        at += -(-width * count // 8) * 8
    return places | {"end": at}


def _size(items: int, entries: int) -> int:
    return _places(items, entries)["end"]


def _first(
    lows: NDArray[np.uint16], wanted: NDArray[np.uint16], begin: Numbers, end: Numbers, *, after: bool
) -> Numbers:
    """Return the first place in each of many sorted ranges that is not below ``wanted`` (``after``: above).

    All binary searches go on at once, a step at a time.
    """
    if not len(lows):
        return begin
    begin, end = begin.copy(), end.copy()
    while np.any(open_ := begin < end):
        middle = (begin + end) >> 1
        seen = lows[np.minimum(middle, len(lows) - 1)]
        below = open_ & ((seen <= wanted) if after else (seen < wanted))
        begin = np.where(below, middle + 1, begin)
        end = np.where(open_ & ~below, middle, end)
    return begin
