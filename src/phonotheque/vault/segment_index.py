"""An index that grows: a folder of segments, and one manifest that says which of them count.

New items make a new segment; when the newest ones together outweigh a quarter of the one before, they become
one with it, so that there are few, and an entry is written again only a few times. Bytes are on the disk
before the manifest names them, and the manifest is replaced in one step: killed at any moment, the index is
as it was before or after. All of it is derived. Who changes it holds the archive's lock; who reads it needs
none, for a mapped file stays when its name goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.vault.place import naming, replace_durably, write_durably
from phonotheque.vault.segments import (
    Item,
    Numbers,
    Values,
    damaged,
    merge_segments,
    open_segment,
    write_segment,
)

PART: Final = "part"  # the usual kind of a caller's own files
_MANIFEST: Final = "index.json"
_OURS: Final = re.compile(r"\.?\d{6,}\.[a-z]+(\.tmp)?|.*\.tmp")  # what may be removed once nothing names it
_RATIO: Final = 4  # a segment outweighs all newer ones together by so much, or becomes one with them
_TRIES: Final = 10  # to open what a manifest names while somebody else merges


@dataclass(frozen=True, slots=True)
class Named:
    """A segment as the manifest has it. ``dropped``: ids of items that no longer count."""

    name: str
    items: int
    entries: int
    dropped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that counts. ``setup`` says how values were made; ``parts`` and ``state`` are the caller's own."""

    setup: Mapping[str, Any]
    segments: tuple[Named, ...] = ()
    parts: tuple[str, ...] = ()
    state: Mapping[str, int] = field(default_factory=dict)
    number: int = 0  # of the file named last


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that shares ``shared`` values with a question, of those that are not too common."""

    id: int
    shared: int


class SegmentIndex:
    """The index in one folder, as its manifest was when it was opened or last changed here."""

    def __init__(self, folder: Path, setup: Mapping[str, Any]) -> None:
        self.folder = folder
        for attempt in range(_TRIES):
            self.manifest = _read(folder / _MANIFEST) or Manifest(setup)
            if dict(self.manifest.setup) != dict(setup):  # made in another way: of no use
                self.manifest = Manifest(setup, number=self.manifest.number)
            try:
                self._segments = {one.name: open_segment(folder / one.name) for one in self.manifest.segments}
            except FileNotFoundError as error:
                if attempt == _TRIES - 1:
                    raise damaged(folder / _MANIFEST, f"{error.filename} is missing") from error
            else:
                return

    @property
    def items(self) -> int:
        """How many items were added, those dropped since included: the number that the next one gets."""
        return sum(one.items for one in self.manifest.segments)

    @property
    def entries(self) -> int:
        """How many values are kept, over all items."""
        return sum(one.entries for one in self.manifest.segments)

    @property
    def size(self) -> int:
        """How many bytes the segments take."""
        return sum((self.folder / one.name).stat().st_size for one in self.manifest.segments)

    def ids(self, first: int) -> Iterable[NDArray[np.uint64]]:
        """Yield the ids of the items from number ``first`` on, segment by segment, dropped ones included."""
        at = 0
        for one in self.manifest.segments:
            if at + one.items > first:
                yield self._segments[one.name].ids[max(first - at, 0) :]
            at += one.items

    def add(self, items: Sequence[Item], state: Mapping[str, int]) -> None:
        """Add items as a segment of their own; of none, only the state is kept."""
        if not items:
            self._commit(replace(self.manifest, state=state))
            return
        name = self._next("seg")
        write_segment(self.folder / name, items)
        new = Named(name, len(items), sum(len(item.values) for item in items))
        self._segments[name] = open_segment(self.folder / name)
        self._commit(replace(self.manifest, segments=(*self.manifest.segments, new), state=state))

    def drop(self, ids: Iterable[int], state: Mapping[str, int]) -> None:
        """Forget items by their ids; they may be added again."""
        gone = np.fromiter(ids, dtype=np.uint64)
        segments = []
        for one in self.manifest.segments:
            here = np.intersect1d(self._segments[one.name].ids, gone).tolist()
            segments.append(replace(one, dropped=tuple(sorted({*one.dropped, *here}))))
        self._commit(replace(self.manifest, segments=tuple(segments), state=state))

    def keep(
        self, content: bytes, state: Mapping[str, int], *, kind: str = PART, instead: bool = False
    ) -> None:
        """Add a file of the caller's own, or put it ``instead`` of all earlier ones of its kind."""
        name = self._next(kind)
        temporary = self.folder / f".{name}.tmp"
        with naming(temporary):
            temporary.write_bytes(content)
        replace_durably(temporary, self.folder / name)
        gone = self.parts_of(kind) if instead else ()
        before = tuple(one for one in self.manifest.parts if one not in gone)
        self._commit(replace(self.manifest, parts=(*before, name), state=state))

    def parts_of(self, kind: str = PART) -> tuple[str, ...]:
        """Return the names of the caller's own files of a kind, in the order in which they were added."""
        return tuple(name for name in self.manifest.parts if name.endswith(f".{kind}"))

    def parts(self, kind: str = PART) -> list[bytes]:
        """Return what is in the caller's own files of a kind, in the order in which they were added."""
        return [(self.folder / name).read_bytes() for name in self.parts_of(kind)]

    def clear(self) -> None:
        """Forget everything."""
        self._commit(Manifest(self.manifest.setup, number=self.manifest.number))

    def tidy(self) -> None:
        """Make one segment of the newest where they are many, and remove files that no longer count.

        Dropped items are left out of what is written, so that items may have smaller numbers afterwards.
        """
        segments = self.manifest.segments
        count = _too_small([one.entries for one in segments])
        if count < 2:
            self._clean()
            return
        kept, merged = segments[:-count], segments[-count:]
        name = self._next("seg")
        merge_segments(
            self.folder / name,
            [self._segments[one.name] for one in merged],
            [one.dropped for one in merged],
        )
        new = open_segment(self.folder / name)
        self._segments[name] = new
        named = Named(name, len(new.ids), len(new.items))
        self._commit(replace(self.manifest, segments=(*kept, named)))
        self._clean()

    def ask(
        self, questions: Sequence[Values], *, common: int, before: Sequence[int] | None = None
    ) -> list[list[Hit]]:
        """Return, for each question (distinct values, sorted), the items that share enough of them.

        The most shared come first. A value that more than ``common`` items have says nothing. ``before`` has
        an item number for each question: only items with smaller ones are looked at, and count as having a
        value, so that the answer does not depend on what was added later.
        """
        values = np.concatenate([*questions, np.zeros(0, np.uint32)])
        of = np.repeat(np.arange(len(questions)), [len(question) for question in questions])
        limit = None if before is None else np.asarray(before, dtype=np.int64)[of]
        which, items = self._entries(values, common, limit)
        rare = np.bincount(which, minlength=len(values)) <= common
        useful = rare[which]
        pairs, shared = np.unique(
            (of[which[useful]].astype(np.uint64) << np.uint64(32)) | items[useful].astype(np.uint64),
            return_counts=True,
        )
        found: list[list[Hit]] = [[] for _ in questions]
        ids, needed = self._told((pairs & np.uint64(0xFFFFFFFF)).astype(np.int64))
        enough = shared >= needed
        order = np.lexsort((pairs[enough], -shared[enough]))
        asked = (pairs[enough] >> np.uint64(32)).astype(np.int64)[order].tolist()
        for question, id_, count in zip(
            asked, ids[enough][order].tolist(), shared[enough][order].tolist(), strict=True
        ):
            found[question].append(Hit(id_, count))
        return found

    def _entries(self, values: Values, common: int, limit: Numbers | None) -> tuple[Numbers, Numbers]:
        """Return (which value, item number) for the entries of ``values``: of common ones not all."""
        which: list[Numbers] = [np.zeros(0, np.int64)]
        items: list[Numbers] = [np.zeros(0, np.int64)]
        offset = 0
        for one in self.manifest.segments:
            segment = self._segments[one.name]
            # Dropped ones lie among the entries that are looked at, so a few more of those are needed.
            first, count = segment.find(values, common + 1 + len(one.dropped))
            here = np.repeat(np.arange(len(values)), count)
            places = np.arange(len(here)) + np.repeat(first - (np.cumsum(count) - count), count)
            found = segment.items[places].astype(np.int64)
            good = np.ones(len(found), bool)
            if one.dropped:
                good &= ~np.isin(segment.ids[found], np.array(one.dropped, np.uint64))
            if limit is not None:
                good &= found + offset < limit[here]
            which.append(here[good])
            items.append(found[good] + offset)
            offset += one.items
        return np.concatenate(which), np.concatenate(items)

    def _told(self, items: Numbers) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Return the ids of items, and how many shared values each needs."""
        ids, needed = np.zeros(len(items), np.uint64), np.zeros(len(items), np.uint8)
        offset = 0
        for one in self.manifest.segments:
            segment = self._segments[one.name]
            here = (items >= offset) & (items < offset + one.items)
            ids[here] = segment.ids[items[here] - offset]
            needed[here] = segment.needed[items[here] - offset]
            offset += one.items
        return ids, needed

    def _next(self, kind: str) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.manifest = replace(self.manifest, number=self.manifest.number + 1)
        return f"{self.manifest.number:06}.{kind}"

    def _commit(self, manifest: Manifest) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / _MANIFEST, (json.dumps(asdict(manifest), indent=1) + "\n").encode())
        self.manifest = manifest

    def _clean(self) -> None:
        """Remove what the manifest does not name: what became part of others, and what a kill left."""
        named = {_MANIFEST, *self.manifest.parts, *(one.name for one in self.manifest.segments)}
        self._segments = {name: one for name, one in self._segments.items() if name in named}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in named and _OURS.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _too_small(sizes: Sequence[int]) -> int:
    """Return how many of the newest segments are to become one."""
    count, total = 0, 0
    for size in reversed(sizes):
        if count and size >= _RATIO * total:
            break
        count, total = count + 1, total + size
    return count


def _read(path: Path) -> Manifest | None:
    """Return what a manifest says; None where there is none. Raises VerificationError for a damaged one."""
    try:
        content = json.loads(path.read_bytes())
        segments = tuple(Named(**one | {"dropped": tuple(one["dropped"])}) for one in content.pop("segments"))
        return Manifest(segments=segments, parts=tuple(content.pop("parts")), **content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path, repr(error)) from error
