"""Which of the archive's files sound alike: the index of fingerprints, in step with the ledger.

Every file is asked once, when it comes, which earlier ones it is like; what was found is kept beside the
index, and so is how namesakes compare (``namesakes``). So a rebuild of the catalogue asks and compares only
what is new, and gives what asking for all would give.
Everything here follows from the ledger, and may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from phonotheque.audio.fingerprint import BestAlignment
from phonotheque.audio.sameness import ALIKE, COMMON, EVERY, MOST, align, question, sample
from phonotheque.ledger.copies import fingerprints_after, fingerprints_of, heard_anew, names_of, newest_event
from phonotheque.ledger.schema import files
from phonotheque.model.batches import batched
from phonotheque.model.progress import QUIET, Progress
from phonotheque.sources.namesakes import forget
from phonotheque.vault.archive import Archive
from phonotheque.vault.segment_index import SegmentIndex
from phonotheque.vault.segments import Item, Values

_SETUP: Final = {"algorithm": 2, "every": EVERY}  # what the values in the index are
_RUN: Final = 100_000  # files in a segment when many are new
_AT_ONCE: Final = 64  # files asked together
_KEPT: Final = 20_000  # files asked before what was found is kept
_PARTS: Final = 16  # files of pairs, before they become one
# Two files that sound alike: the later, the earlier, and how the earlier's fingerprint lies on the later's.
PAIRS: Final = np.dtype(
    [("later", "<u8"), ("earlier", "<u8"), ("ber", "<f8"), ("offset", "<i4"), ("overlap", "<i4")]
)
_Pairs = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Like:
    """A file of the ledger that sounds like what was asked. ``alignment`` is of its fingerprint on that."""

    file_id: int
    seconds: float
    alignment: BestAlignment


def open_index(archive: Archive) -> SegmentIndex:
    """Open the index as it is. Raises VerificationError when it is damaged: it may be deleted."""
    return SegmentIndex(_folder(archive), _SETUP)


def refresh(archive: Archive, progress: Progress = QUIET) -> SegmentIndex:
    """Bring the index up to what the ledger knows, and return it. The archive's lock must be held.

    What was done is kept as it goes: killed, the next run goes on from there.
    """
    index = open_index(archive)
    with archive.ledger.connect() as ledger:
        if not _of_this_ledger(index, ledger):
            index.clear()
        asked = min(index.manifest.state.get("asked", 0), index.items)
        _forget_changed(index, ledger, asked)
        new = unindexed(index, ledger)
        if new:
            progress.start("Indexing fingerprints", total_files=new)
            _add_new(index, ledger, asked, progress)
        if asked < index.items:
            progress.start("Comparing fingerprints", total_files=index.items - asked)
            _ask_new(index, ledger, asked, progress)
        index.tidy()
    return index


def is_current(index: SegmentIndex, ledger: Connection) -> bool:
    """Whether ``refresh`` would find nothing to do: all is indexed and asked, as it sounds now."""
    state = index.manifest.state
    if not _of_this_ledger(index, ledger) or unindexed(index, ledger):
        return False
    changed, _ = heard_anew(ledger, state.get("events", 0))
    return state.get("asked", 0) >= index.items and not any(one <= state.get("files", 0) for one in changed)


def unindexed(index: SegmentIndex, ledger: Connection) -> int:
    """Return how many masters the ledger has that the index does not know yet."""
    last = index.manifest.state.get("files", 0)
    query = select(func.count()).where(files.c.kind == "master", files.c.id > last)
    return int(ledger.execute(query).scalar_one())


def find_like(index: SegmentIndex, ledger: Connection, fingerprints: Sequence[bytes]) -> list[list[Like]]:
    """Return for each fingerprint what the ledger has that sounds like it, the closest first."""
    found = index.ask([question(one) for one in fingerprints], common=COMMON)
    known = fingerprints_of(ledger, {hit.id for hits in found for hit in hits[:MOST]})
    likes = []
    for fingerprint, hits in zip(fingerprints, found, strict=True):
        compared = (
            Like(hit.id, known[hit.id][1], align(fingerprint, known[hit.id][0]))
            for hit in hits[:MOST]
            if hit.id in known
        )
        close = [like for like in compared if like.alignment.ber < ALIKE]
        likes.append(sorted(close, key=lambda like: (like.alignment.ber, like.file_id)))
    return likes


def pairs(index: SegmentIndex) -> _Pairs:
    """Return all pairs of files that sound alike, each once, as an array of PAIRS."""
    kept = [np.frombuffer(part, dtype=PAIRS) for part in index.parts()]
    together = np.concatenate([*kept, np.zeros(0, PAIRS)])
    together = together[np.lexsort((together["later"], together["earlier"]))]
    once = np.ones(len(together), dtype=np.bool_)
    once[1:] = (np.diff(together["earlier"]) != 0) | (np.diff(together["later"]) != 0)
    return together[once]


def _of_this_ledger(index: SegmentIndex, ledger: Connection) -> bool:
    """Whether the last file that was indexed is still that file: a ledger may come back from a backup.

    One with fewer events than were seen has come back, too, and may have other fingerprints again.
    """
    state = index.manifest.state
    if state.get("events", 0) > newest_event(ledger):
        return False
    if not state.get("files"):
        return not index.items
    name = names_of(ledger, [state["files"]]).get(state["files"])
    return name is not None and _digits(name) == state.get("last")


def _forget_changed(index: SegmentIndex, ledger: Connection, asked: int) -> None:
    """Take out what has another fingerprint now, and add it anew, as if it came only now."""
    state = dict(index.manifest.state)
    changed, newest = heard_anew(ledger, state.get("events", 0))
    if newest == state.get("events", 0):
        return
    changed = [file_id for file_id in changed if file_id <= state.get("files", 0)]
    if changed:
        index.drop(changed, state)
        kept = pairs(index)
        gone = np.isin(kept["later"], changed) | np.isin(kept["earlier"], changed)
        index.keep(kept[~gone].tobytes(), state, instead=True)
        forget(index, changed, state)
    found = fingerprints_of(ledger, changed)
    items = (_item(file_id, found[file_id][0]) for file_id in changed if file_id in found)
    index.add([item for item in items if item is not None], state | {"events": newest, "asked": asked})


def _add_new(index: SegmentIndex, ledger: Connection, asked: int, progress: Progress) -> None:
    last = index.manifest.state.get("files", 0)
    for run in batched(fingerprints_after(ledger, last), _RUN):
        items = (_item(file_id, fingerprint) for file_id, _, fingerprint in run)
        last, name, _ = run[-1]
        state = {**index.manifest.state, "files": last, "last": _digits(name), "asked": asked}
        index.add([item for item in items if item is not None], state)
        progress.advance(files=len(run))


def _ask_new(index: SegmentIndex, ledger: Connection, asked: int, progress: Progress) -> None:
    numbers = (int(file_id) for ids in index.ids(asked) for file_id in ids)
    for chunk in batched(numbers, _KEPT):
        found: list[tuple[int, int, float, int, int]] = []
        for few in batched(chunk, _AT_ONCE):
            found += _earlier_like(index, ledger, few, asked)
            asked += len(few)
            progress.advance(files=len(few))
        _keep(index, found, asked)


def _earlier_like(
    index: SegmentIndex, ledger: Connection, ids: Sequence[int], first: int
) -> Iterator[tuple[int, int, float, int, int]]:
    """Yield what the items from number ``first`` on, with these ids, are like among earlier ones."""
    known = fingerprints_of(ledger, ids)
    questions = [question(known[file_id][0]) if file_id in known else _NOTHING for file_id in ids]
    hits = index.ask(questions, common=COMMON, before=range(first, first + len(ids)))
    known |= fingerprints_of(ledger, {hit.id for few in hits for hit in few[:MOST]} - known.keys())
    for file_id, few in zip(ids, hits, strict=True):
        for hit in few[:MOST]:
            if hit.id in known and hit.id != file_id:
                found = align(known[file_id][0], known[hit.id][0])
                if found.ber < ALIKE:
                    yield file_id, hit.id, found.ber, found.offset, found.overlap


def _keep(index: SegmentIndex, found: Iterable[tuple[int, int, float, int, int]], asked: int) -> None:
    state = {**index.manifest.state, "asked": asked}
    new = np.array(list(found), dtype=PAIRS)
    if len(index.parts_of()) >= _PARTS:
        index.keep(np.concatenate([pairs(index), new]).tobytes(), state, instead=True)
    elif len(new):
        index.keep(new.tobytes(), state)
    else:
        index.add([], state)


def _item(file_id: int, fingerprint: bytes) -> Item | None:
    found = sample(fingerprint)
    return None if found is None else Item(file_id, found.needed, found.values)


def _digits(sha256: str) -> int:
    return int(sha256[:15], 16)


def _folder(archive: Archive) -> Path:
    return archive.folder / "sameness"


_NOTHING: Final[Values] = np.zeros(0, np.uint32)
