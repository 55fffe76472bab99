"""Single recordings of an edition: what people ask for, and where its index says that it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.names import check_portable

_MAX_LIST = 64 * 1024**2  # bytes: a million and a half of ids
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COLUMNS = ["recording", "bag", "path", "size", "sha256"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: ids of recordings, SHA-256 of files, and files as (bag, path)."""

    recordings: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    files: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Indexed:
    """A file as an edition's index lists it. ``recording`` is None for what belongs to several."""

    recording: str | None
    bag: str
    path: str
    size: int
    sha256: str


def parse_wanted(texts: Iterable[str]) -> Wanted:
    """Read recordings' ids, SHA-256s and paths such as ``songs-0001/data/A/Song.flac``. Raises UsageError."""
    recordings, hashes, files = set(), set(), set()
    for text in texts:
        bag, _, path = text.partition("/")
        if _ID.fullmatch(text.lower()):
            recordings.add(text.lower())
        elif _SHA256.fullmatch(text.lower()):
            hashes.add(text.lower())
        elif path.startswith(PAYLOAD) and check_portable(text) is None:
            files.add((bag, path))
        else:
            raise UsageError(
                f"“{text:.100}” is no recording.",
                "Write its id, the SHA-256 of a file, or a path: BAG/data/…",
            )
    return Wanted(frozenset(recordings), frozenset(hashes), frozenset(files))


def read_list(path: Path) -> Wanted:
    """Read a file with one of these a line; notes begin with ``#``. Raises UsageError naming it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_LIST + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} is not there.", "Name the file that lists the recordings.") from error
    if len(data) > _MAX_LIST:
        raise UsageError(f"{path} is larger than {_MAX_LIST} bytes.", "Mirror whole bags instead.")
    try:
        lines = map(_without_note, data.decode("utf-8-sig").split("\n"))
        found = parse_wanted(line for line in lines if line)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 at byte {error.start}.", "Save it as UTF-8.") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.advice) from error
    return found


def _without_note(line: str) -> str:
    line = line.strip()
    what, _, note = line.partition("#")
    what = what.strip()
    # A path may hold the sign.
    plain = not what or _ID.fullmatch(what.lower()) or _SHA256.fullmatch(what.lower())
    return what if note and plain else line


def find(index: Path, wanted: Wanted) -> list[Indexed]:
    """Return the files of an edition's index that are asked for, in its order.

    The index is read some thousands of rows at a time. Raises VerificationError where it is no index.
    """
    return [
        row
        for row in _rows(index, wanted)
        if row.path.startswith(PAYLOAD) and check_portable(f"{row.bag}/{row.path}") is None
    ]


def _rows(index: Path, wanted: Wanted) -> Iterator[Indexed]:
    recordings, hashes = (pa.array(sorted(some), pa.string()) for some in (wanted.recordings, wanted.hashes))
    bags = pa.array(sorted({bag for bag, _ in wanted.files}), pa.string())
    try:
        with pq.ParquetFile(index) as table:
            for batch in table.iter_batches(columns=_COLUMNS):
                named = pc.or_(
                    pc.is_in(batch["recording"], value_set=recordings),
                    pc.is_in(batch["sha256"], value_set=hashes),
                )
                near = pc.is_in(batch["bag"], value_set=bags)
                for row in batch.filter(named).to_pylist():
                    yield _indexed(row)
                for row in batch.filter(pc.and_not(near, named)).to_pylist():
                    if (row["bag"], row["path"]) in wanted.files:
                        yield _indexed(row)
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"{index.name} is no index of an edition: {error}.") from error


def _indexed(row: dict[str, Any]) -> Indexed:
    recording, size = row["recording"], row["size"]
    texts = [row["bag"], row["path"], row["sha256"], *([] if recording is None else [recording])]
    if not all(isinstance(text, str) for text in texts) or not isinstance(size, int):
        raise ValueError("a row has not what it should")
    return Indexed(recording, row["bag"], row["path"], size, row["sha256"])
