"""Auditing a bag of the catalogue: only its snapshot's tables, and other terms only where they are named."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.catalogue.manifest import belongs
from phonotheque.catalogue.schema import FLAGGED, FORMAT, TABLES
from phonotheque.editions.audit import What
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.bagfolder import PAYLOAD

_MANIFEST: Final = f"{PAYLOAD}snapshot.json"
_MAX_MANIFEST: Final = 64 * 1024**2
_AT_ONCE: Final = 65_536  # rows
_MAGIC: Final = b"PAR1"
_FILTERS: Final = 65_536  # bytes

_Wrong = tuple[What, str, str]


@dataclass(frozen=True, slots=True)
class CatalogueLook:
    """Whether files must be there, and whether every row is decoded; else only what shows what a table is."""

    must_be_there: bool
    every_row: bool


def audit_catalogue(
    origin: Origin,
    home: str,
    manifest: Mapping[str, str],
    sizes: Mapping[str, tuple[int, str]],
    look: CatalogueLook,
) -> Iterator[_Wrong]:
    """Yield what in the bag at ``home`` is none of the snapshot's tables, or under terms not named."""
    try:
        tables = _tables(origin, home, manifest)
    except VerificationError as error:
        yield What.CATALOGUE, _MANIFEST, error.message
        return
    except NotFoundError:
        if look.must_be_there:
            yield What.MISSING, _MANIFEST, "is not there: what else there is cannot be compared with it"
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
            place, size = f"{home}/{path}", sizes.get(path, (0, ""))[0]
            for wrong in _table(origin, place, path, table, part, size, every_row=look.every_row):
                if look.must_be_there or wrong[0] is not What.MISSING:
                    yield wrong


def _tables(
    origin: Origin, home: str, manifest: Mapping[str, str]
) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the snapshot's files, each with its table and what snapshot.json says of it."""
    if _MANIFEST not in manifest:
        raise VerificationError("the catalogue lacks its snapshot.json")
    data = fetch(origin, f"{home}/{_MANIFEST}", _MAX_MANIFEST)
    try:
        content = read_json(data)
        if content["format"] != FORMAT:
            raise VerificationError(f"the snapshot has the format {content['format']!r:.40}, not {FORMAT}")
        return {
            part["file"]: (table, part)
            for table, parts in content["tables"].items()
            for part in parts
            if table in TABLES and belongs(table, part["file"])
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationError(f"snapshot.json makes no sense: {error!r}") from error


def _table(
    origin: Origin,
    place: str,
    path: str,
    table: str,
    part: Mapping[str, Any],
    size: int,
    *,
    every_row: bool,
) -> Iterator[_Wrong]:
    """Read the end of a table, and of one under other terms the column that names them; or every row."""
    try:
        with pq.ParquetFile(_Ranges(origin, place, size)) as file:
            if not has_columns(file.schema_arrow, TABLES[table]):
                yield What.CATALOGUE, path, f"has not the columns of the table {table}"
                return
            if file.metadata.num_rows != part.get("rows"):
                yield What.CATALOGUE, path, "has not as many rows as snapshot.json says"
            if (other := _bytes_of_no_column(file.metadata, size)) is not None:
                yield What.CATALOGUE, path, f"holds bytes that are of no column, from byte {other} on"
            if table in FLAGGED and (without := _without_terms(file)):
                yield What.CATALOGUE, path, f"is under other terms, and {without} rows do not name them"
            if every_row and (rows := _decoded(file)) != file.metadata.num_rows:
                yield What.CATALOGUE, path, f"holds {rows} rows, not {file.metadata.num_rows}"
    except NotFoundError:
        yield What.MISSING, path, "is not there"
    except (pa.ArrowException, VerificationError, OSError) as error:
        yield What.DAMAGED, path, f"cannot be read as a table: {error}"


def has_columns(found: pa.Schema, wanted: pa.Schema) -> bool:
    """Tell whether names and types are equal; which columns may be null is not written by all who write."""
    return [(field.name, field.type) for field in found] == [(field.name, field.type) for field in wanted]


def _bytes_of_no_column(metadata: pq.FileMetaData, size: int) -> int | None:
    """Return where bytes begin that no column chunk accounts for: music may follow, or come before.

    After the chunks there may be filters (of DuckDB), of which nothing tells the length here; they are small.
    """
    chunks = []
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            begin = chunk.data_page_offset
            if chunk.dictionary_page_offset is not None:
                begin = min(begin, chunk.dictionary_page_offset)
            chunks.append((begin, begin + chunk.total_compressed_size))
    at = len(_MAGIC)
    for begin, end in sorted(chunks):
        if begin != at:
            return at
        at = end
    left = size - at - metadata.serialized_size - 4 - len(_MAGIC)  # before the footer, its length, the end
    return at if not 0 <= left <= _FILTERS + at // 4 else None


def _decoded(file: pq.ParquetFile) -> int:
    return sum(batch.num_rows for batch in file.iter_batches(batch_size=_AT_ONCE))


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
