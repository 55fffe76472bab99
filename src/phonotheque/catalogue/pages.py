"""Where the pages of a snapshot's tables lie, noted in the index: rows are then read without any footer.

A leaf is what is read for a row: as many rows as all columns have one page each for (see ``paged``), or else
a row group. Notes are made for the columns that are looked up by row (``LOOKED_UP``), and for tables that are
sorted by a key, of the key with which a leaf begins.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import thrift
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.paged import Column, layout
from phonotheque.catalogue.schema import TABLES
from phonotheque.model.errors import VerificationError

# Tables and their columns that are read by row; a table's place in this is its number in the index.
LOOKED_UP: Mapping[str, tuple[str, ...]] = {
    "facts": (
        "source",
        "accession",
        "record_id",
        "source_id",
        "title",
        "credit",
        "artist_mbids",
        "artist_keys",
        "album",
        "album_credit",
        "release_type",
        "country",
        "track_number",
        "disc_number",
        "position",
        "date",
        "composers",
        "genres",
        "isrcs",
        "recording_mbid",
        "track_mbid",
        "release_mbid",
        "barcode",
        "label",
        "catalogue_number",
        "duration_ms",
        "file_sha256",
    ),
    **{
        table: tuple(TABLES[table].names)
        for table in (
            "releases",
            "artists",
            "tracks",
            "credits",
            "listens",
            "conflicts",
            "redirects",
        )
    },
}
_NUMBERS = {table: number for number, table in enumerate(LOOKED_UP)}
SORTED = {"tracks": "recording", "credits": "artist", "listens": "recording"}
_TABLE = 48  # bits of a row's number; above them is that of its table
_DICTIONARY_PAGE, _DATA_PAGE_V2 = 2, 3  # PageType
_HEADER, _LARGEST_HEADER = 1 << 9, 1 << 20  # bytes that are read of a page to know its header
_DICTIONARY_ENCODINGS = (2, 8)  # PLAIN_DICTIONARY, RLE_DICTIONARY


class Page(NamedTuple):
    """A column's page in its file, header included, and that of its dictionary where it needs one."""

    offset: int
    size: int
    values: int  # with nulls
    dictionary: int = 0  # its offset
    dictionary_size: int = 0


class Same(NamedTuple):
    """What a column says in every row of its row group: one value, or nothing."""

    value: str | int | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """Rows that are read at once: by pages, or where there are none, the whole row group."""

    first: int  # its first row, counted over all parts of the table
    rows: int
    part: int
    group: int
    columns: Mapping[str, Page | Same] = field(default_factory=dict)


def fill(connection: sqlite3.Connection, snapshot: Snapshot, go_on: Callable[[], None]) -> None:
    """Note the leaves of all tables that are looked up."""
    connection.execute("CREATE TABLE leaf (place INTEGER PRIMARY KEY, content BLOB NOT NULL)")
    connection.execute(
        "CREATE TABLE beginning (tab INTEGER, key INTEGER, place INTEGER, PRIMARY KEY (tab, key, place)) "
        "WITHOUT ROWID"
    )
    for table, number in _NUMBERS.items():
        first = 0
        for part, path in enumerate(snapshot.parts(table)):
            with (
                explaining_damage(path, "it cannot be read"),
                path.open("rb") as stream,
                pq.ParquetFile(path) as file,
            ):
                for group in range(file.num_row_groups):
                    go_on()
                    if not (rows := file.metadata.row_group(group).num_rows):
                        continue
                    leaves = _leaves(table, file, stream.fileno(), first, part, group)
                    connection.executemany(
                        "INSERT INTO leaf VALUES (?, ?)",
                        ((number << _TABLE | leaf.first, _encode(leaf)) for leaf in leaves),
                    )
                    if table in SORTED:
                        keys = file.read_row_group(group, columns=[SORTED[table]]).column(0)
                        connection.executemany(
                            "INSERT INTO beginning VALUES (?, ?, ?)",
                            ((number, keys[leaf.first - first].as_py(), leaf.first) for leaf in leaves),
                        )
                    first += rows


@contextmanager
def explaining_damage(path: Path, what: str) -> Iterator[None]:
    """Turn what Arrow raises of a damaged file into a VerificationError; an error of the disk stays one."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise VerificationError(
            f"{path}: {what}: {error}",
            "Check the catalogue: phono check; or make a new snapshot by adding a source again.",
        ) from error


def leaf(connection: sqlite3.Connection, table: str, row: int) -> Leaf | None:
    """Return the leaf that a row is in, or None when the table does not have so many."""
    number = _NUMBERS[table]
    found = connection.execute(
        "SELECT place, content FROM leaf WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1",
        (number << _TABLE, number << _TABLE | row),
    ).fetchone()
    if found is None:
        return None
    place, content = found
    decoded = _decode(table, place - (number << _TABLE), content)
    return decoded if row < decoded.first + decoded.rows else None


def leaves(connection: sqlite3.Connection, table: str, key: int, most: int) -> Iterator[Leaf]:
    """Yield the leaves of a sorted table in which the first ``most`` rows with a key are, in order."""
    number = _NUMBERS[table]
    before = connection.execute(
        "SELECT place FROM beginning WHERE tab = ? AND key < ? ORDER BY key DESC, place DESC LIMIT 1",
        (number, key),
    ).fetchone()
    at = connection.execute(
        "SELECT place FROM beginning WHERE tab = ? AND key = ? ORDER BY place", (number, key)
    )
    if before and (found := leaf(connection, table, *before)):
        yield found
    rows = 0  # all of which have the key, where it goes on
    for (place,) in at:
        if rows >= most:
            return
        if found := leaf(connection, table, place):
            yield found
            rows += found.rows


def _leaves(
    table: str, file: pq.ParquetFile, descriptor: int, first: int, part: int, group: int
) -> list[Leaf]:
    whole = [Leaf(first, file.metadata.row_group(group).num_rows, part, group)]
    try:
        return _cut(table, file, descriptor, whole[0]) or whole
    except (IndexError, KeyError, TypeError, ValueError):  # no headers of pages: Arrow will say what is wrong
        return whole


def _cut(table: str, file: pq.ParquetFile, descriptor: int, whole: Leaf) -> list[Leaf]:
    """Return a row group cut into pages; nothing where its columns are not cut at the same rows."""
    metadata = file.metadata.row_group(whole.group)
    columns: dict[str, Same | list[tuple[Page, int]]] = {}
    for column in range(metadata.num_columns):
        name = file.schema.column(column).path.partition(".")[0]
        if name not in LOOKED_UP[table]:
            continue
        chunk = metadata.column(column)
        same = _same(chunk)
        if same is None and (chunk.compression != "ZSTD" or not _expected(table, name, file, column)):
            return []
        columns[name] = same or list(_pages(descriptor, chunk))
    cuts = {tuple(rows for _, rows in pages) for pages in columns.values() if not isinstance(pages, Same)}
    rows = cuts.pop() if cuts else (metadata.num_rows,)
    if cuts or min(rows) < 1 or sum(rows) != metadata.num_rows or columns.keys() != set(LOOKED_UP[table]):
        return []
    return [
        Leaf(whole.first + start, rows[place], whole.part, whole.group, _at(table, columns, place))
        for place, start in enumerate(accumulate(rows[:-1], initial=0))
    ]


def _at(
    table: str, columns: Mapping[str, Same | list[tuple[Page, int]]], place: int
) -> dict[str, Page | Same]:
    found = ((name, columns[name]) for name in LOOKED_UP[table])
    return {name: pages if isinstance(pages, Same) else pages[place][0] for name, pages in found}


def _same(chunk: pq.ColumnChunkMetaData) -> Same | None:
    said = chunk.statistics
    if said is None or not said.has_null_count:
        return None
    if said.null_count == chunk.num_values:
        return Same(None)
    flat = "." not in chunk.path_in_schema
    if flat and not said.null_count and said.has_min_max and said.min == said.max:
        return Same(said.min) if isinstance(said.min, str | int) else None
    return None


def _expected(table: str, name: str, file: pq.ParquetFile, column: int) -> bool:
    """Whether a column is laid out as a file that this program writes would have it."""
    (expected,) = layout(table, (name,)).columns
    return expected == Column.of(file.schema.column(column))


def _pages(descriptor: int, chunk: pq.ColumnChunkMetaData) -> Iterator[tuple[Page, int]]:
    """Yield a column's pages and their rows; rows are 0 for pages of a version that does not tell.

    Raises IndexError, KeyError, TypeError or ValueError where there are none.
    """
    place = chunk.dictionary_page_offset or chunk.data_page_offset
    end = place + chunk.total_compressed_size
    if not 0 < place < end <= os.fstat(descriptor).st_size:
        raise ValueError("a column beyond its file")
    dictionary = (0, 0)
    while place < end:
        header, size = _header(descriptor, place)
        if header[3] < 0:
            raise ValueError("a page of less than no bytes")
        size += header[3]
        if header[1] == _DICTIONARY_PAGE:
            dictionary = (place, size)
        elif header[1] == _DATA_PAGE_V2:
            values, _, rows, encoding = (header[8][number] for number in (1, 2, 3, 4))
            needed = dictionary if encoding in _DICTIONARY_ENCODINGS else (0, 0)
            if values < rows:  # or no numbers at all
                raise ValueError("a page of more rows than values")
            yield Page(place, size, values, *needed), rows
        else:
            yield Page(place, size, 0), 0
        place += size


def _header(descriptor: int, place: int) -> tuple[thrift.Structure, int]:
    """Return the header of the page at a place, and its bytes."""
    try:
        return thrift.read(os.pread(descriptor, _HEADER, place))
    except IndexError:  # it has longer texts in it
        return thrift.read(os.pread(descriptor, _LARGEST_HEADER, place))


def _encode(leaf: Leaf) -> bytes:
    cells = [
        cell if isinstance(cell, Same) else cell[: 5 if cell.dictionary_size else 3]
        for cell in leaf.columns.values()
    ]
    return msgspec.msgpack.encode((leaf.rows, leaf.part, leaf.group, cells))


def _decode(table: str, first: int, content: bytes) -> Leaf:
    try:
        rows, part, group, cells = msgspec.msgpack.decode(content)
        columns = [Same(*cell) if len(cell) == 1 else Page(*cell) for cell in cells]
        names = LOOKED_UP[table] if columns else ()
        return Leaf(first, rows, part, group, dict(zip(names, columns, strict=True)))
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise sqlite3.DatabaseError(f"a damaged note of pages: {error}") from error
