"""Where the pages of a snapshot's tables lie, noted in the index: rows are then read without any footer.

A leaf is what is read for a row: as many rows as all columns have one page each for (see ``paged``), or else
a row group. Notes are made for the columns that are looked up by row (``LOOKED_UP``), and for tables that are
sorted by a key, of the key with which a leaf begins.
"""

from __future__ import annotations

import mmap
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import NamedTuple

import msgspec
import pyarrow.parquet as pq

from phonotheque.catalogue import thrift
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.paged import Column, layout
from phonotheque.catalogue.schema import TABLES

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
            with pq.ParquetFile(path) as file, path.open("rb") as stream:
                if not file.metadata.num_rows:
                    continue
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    for group in range(file.num_row_groups):
                        go_on()
                        leaves = _leaves(table, file, content, first, part, group)
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
                        first += file.metadata.row_group(group).num_rows


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


def leaves(connection: sqlite3.Connection, table: str, key: int) -> Iterator[Leaf]:
    """Yield the leaves of a sorted table in which rows with a key may be, in order."""
    number = _NUMBERS[table]
    before = connection.execute(
        "SELECT place FROM beginning WHERE tab = ? AND key < ? ORDER BY key DESC, place DESC LIMIT 1",
        (number, key),
    ).fetchone()
    at = connection.execute(
        "SELECT place FROM beginning WHERE tab = ? AND key = ? ORDER BY place", (number, key)
    )
    for (place,) in chain([before] if before else [], at):
        if found := leaf(connection, table, place):
            yield found


def _leaves(
    table: str, file: pq.ParquetFile, content: mmap.mmap, first: int, part: int, group: int
) -> list[Leaf]:
    metadata = file.metadata.row_group(group)
    whole = [Leaf(first, metadata.num_rows, part, group)]
    columns: dict[str, Same | list[tuple[Page, int]]] = {}
    for column in range(metadata.num_columns):
        name = file.schema.column(column).path.partition(".")[0]
        if name not in LOOKED_UP[table]:
            continue
        chunk = metadata.column(column)
        same = _same(chunk)
        if same is None and (chunk.compression != "ZSTD" or not _expected(table, name, file, column)):
            return whole
        columns[name] = same or list(_pages(content, chunk))
    cuts = {tuple(rows for _, rows in pages) for pages in columns.values() if not isinstance(pages, Same)}
    rows = cuts.pop() if cuts else (metadata.num_rows,)
    if cuts or not all(rows) or sum(rows) != metadata.num_rows or columns.keys() != set(LOOKED_UP[table]):
        return whole
    return [
        Leaf(first + start, rows[place], part, group, _at(table, columns, place))
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


def _pages(content: mmap.mmap, chunk: pq.ColumnChunkMetaData) -> Iterator[tuple[Page, int]]:
    """Yield a column's pages and their rows; rows are 0 for pages of a version that does not tell."""
    place = chunk.dictionary_page_offset or chunk.data_page_offset
    end = place + chunk.total_compressed_size
    dictionary = (0, 0)
    while place < end:
        header, body = thrift.read(content, place)
        size = body - place + header[3]
        if header[1] == _DICTIONARY_PAGE:
            dictionary = (place, size)
        elif header[1] == _DATA_PAGE_V2:
            values, _, rows, encoding = (header[8][number] for number in (1, 2, 3, 4))
            needed = dictionary if encoding in _DICTIONARY_ENCODINGS else (0, 0)
            yield Page(place, size, values, *needed), rows
        else:
            yield Page(place, size, 0), 0
        place += size


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
