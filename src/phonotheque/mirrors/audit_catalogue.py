"""Auditing a bag of the catalogue: only its snapshot's tables, and other terms only where they are named."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.catalogue.schema import FLAGGED, FORMAT, TABLES
from phonotheque.editions.audit import What
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.bagfolder import PAYLOAD

_MANIFEST: Final = f"{PAYLOAD}snapshot.json"
_MAX_MANIFEST: Final = 64 * 1024**2
_AT_ONCE: Final = 65_536  # rows

_Wrong = tuple[What, str, str]


def audit_catalogue(
    origin: Origin, home: str, manifest: Mapping[str, str], sizes: Mapping[str, tuple[int, str]]
) -> Iterator[_Wrong]:
    """Yield what in the bag at ``home`` is none of the snapshot's tables, or under terms not named."""
    try:
        tables = _tables(origin, home, manifest)
    except (VerificationError, NotFoundError) as error:
        yield What.CATALOGUE, _MANIFEST, error.message
        return
    for path, sha256 in manifest.items():
        if path == _MANIFEST:
            continue
        listed = tables.get(path.removeprefix(PAYLOAD))
        if listed is None:
            yield What.CATALOGUE, path, "is no table of the snapshot: nothing says that it may be published"
            continue
        table, part = listed
        if part.get("sha256") != sha256:
            yield What.CATALOGUE, path, "is not the table that snapshot.json lists under that name"
        else:
            yield from _table(origin, f"{home}/{path}", path, table, part, sizes.get(path, (0, ""))[0])


def _tables(
    origin: Origin, home: str, manifest: Mapping[str, str]
) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the snapshot's files, each with its table and what snapshot.json says of it."""
    if _MANIFEST not in manifest:
        raise VerificationError("the catalogue lacks its snapshot.json")
    data = fetch(origin, f"{home}/{_MANIFEST}", _MAX_MANIFEST)
    try:
        content = json.loads(data)
        if content["format"] != FORMAT:
            raise VerificationError(f"the snapshot has the format {content['format']!r:.40}, not {FORMAT}")
        return {
            part["file"]: (table, part)
            for table, parts in content["tables"].items()
            for part in parts
            if table in TABLES
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationError(f"snapshot.json makes no sense: {error!r}") from error


def _table(
    origin: Origin, place: str, path: str, table: str, part: Mapping[str, Any], size: int
) -> Iterator[_Wrong]:
    """Read the end of a table, and of one under other terms the column that names them; nothing else."""
    try:
        with pq.ParquetFile(_Ranges(origin, place, size)) as file:
            if set(file.schema_arrow.names) != set(TABLES[table].names):
                yield What.CATALOGUE, path, f"has not the columns of the table {table}"
                return
            if file.metadata.num_rows != part.get("rows"):
                yield What.CATALOGUE, path, "has not as many rows as snapshot.json says"
            if table in FLAGGED and (without := _without_terms(file)):
                yield What.CATALOGUE, path, f"is under other terms, and {without} rows do not name them"
    except NotFoundError:
        yield What.MISSING, path, "is not there"
    except (pa.ArrowException, VerificationError, OSError) as error:
        yield What.DAMAGED, path, f"cannot be read as a table: {error}"


def _without_terms(file: pq.ParquetFile) -> int:
    count = 0
    for batch in file.iter_batches(batch_size=_AT_ONCE, columns=["licence"]):
        named = pc.fill_null(batch.column(0), "")
        count += pc.sum(pc.equal(named, "")).as_py() or 0
    return count


class _Ranges(io.RawIOBase):
    """A file of the origin as pyarrow reads it: only the ranges that it asks for are fetched."""

    def __init__(self, origin: Origin, place: str, size: int) -> None:
        self._origin, self._place, self._size, self._at = origin, place, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        got = b"".join(self._origin.open_range(self._place, self._at, length))
        buffer[: len(got)] = got
        self._at += len(got)
        return len(got)
