"""Parquet in pages of equally many rows: a row is read without reading its whole row group.

All columns of a row group are cut into pages at the same rows (``ROWS_PER_PAGE``), and dictionaries are only
of what comes again and again, because whoever reads one page has to read the dictionary, too. Any reader of
Parquet reads such files; ``pages`` and ``rows`` read single pages of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import thrift
from phonotheque.catalogue.schema import TABLES

ROWS_PER_GROUP = 122_880  # what DuckDB reads best
ROWS_PER_PAGE = 2048  # a divisor of that
# No page is cut, and no dictionary given up, before these sizes: other columns' pages would be cut elsewhere.
_LARGEST_PAGE = 64 << 20  # bytes, not compressed
_LARGEST_DICTIONARY = 256 << 20
_MAGIC = b"PAR1"
_SCHEMA = 2  # field of FileMetaData
_PHYSICAL = {"BOOLEAN": 0, "INT32": 1, "INT64": 2, "DOUBLE": 5, "BYTE_ARRAY": 6}  # Type
_ZSTD = 6  # CompressionCodec

Chunk: TypeAlias = tuple[int, bytes, bytes]
# Values that come again: each is kept once in a row group, in a dictionary. Others are kept as they are, with
# their lengths, or their differences, apart (Parquet, Encodings.md).
_COME_AGAIN = frozenset(
    {
        "source",
        "accession",
        "artists",
        "album_artists",
        "release_type",
        "track_number",
        "track_total",
        "disc_number",
        "position",
        "genres",
        "composers",
        "country",
        "label",
        "type",
        "kind",
        "licence",
        "as_of",
        "scope",
        "reason",
        "people",
        "artist_keys",
        "file",
        "tracks",
        "files",
        "recordings",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a Parquet file has it."""

    path: str
    definitions: int  # the highest level
    repetitions: int
    physical: str

    @classmethod
    def of(cls, column: pq.ColumnSchema) -> Column:
        """Return what a file's schema says of a column."""
        return cls(
            column.path, column.max_definition_level, column.max_repetition_level, column.physical_type
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a table, in order, and their schema as it stands in a footer (parquet.thrift)."""

    columns: tuple[Column, ...]
    schema: bytes
    chunks: tuple[bytes, ...]  # how each column's ColumnMetaData begins: what is the same in every row group


@lru_cache(maxsize=256)
def layout(table: str, names: Sequence[str]) -> Layout:
    """Return the layout of a file that has these columns of a table; ``names`` are in the table's order."""
    empty = BytesIO()
    pq.ParquetWriter(empty, pa.schema(map(TABLES[table].field, names)), store_schema=False).close()
    file, content = pq.ParquetFile(empty), empty.getvalue()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    columns = tuple(Column.of(file.schema.column(number)) for number in range(len(file.schema.names)))
    return Layout(columns, thrift.raw(content, start, _SCHEMA), tuple(map(_begun, columns)))


def _begun(column: Column) -> bytes:
    path = [thrift.text(name) for name in column.path.split(".")]
    return thrift.begun(
        [
            (1, thrift.I32, thrift.integer(_PHYSICAL[column.physical])),
            (2, thrift.LIST, thrift.array(thrift.I32, [])),  # encodings: pages say theirs
            (3, thrift.LIST, thrift.array(thrift.BINARY, path)),
            (4, thrift.I32, thrift.integer(_ZSTD)),
        ]
    )


def assembled(table: str, names: Sequence[str], groups: Sequence[tuple[int, Sequence[Chunk]]]) -> bytes:
    """Return a Parquet file of row groups that are made of pages of other files.

    A group is the number of its rows and for each column its values (with nulls), the page with its header,
    and that of the dictionary, or nothing.
    """
    columns = layout(table, tuple(names))
    written, place, described = [_MAGIC], len(_MAGIC), []
    for rows, chunks in groups:
        parts = []
        for begun, (values, page, dictionary) in zip(columns.chunks, chunks, strict=True):
            written += dictionary, page
            parts.append(_chunk(begun, values, place, len(dictionary), len(page)))
            place += len(dictionary) + len(page)
        described.append(
            thrift.structure(
                [
                    (1, thrift.LIST, thrift.array(thrift.STRUCT, parts)),
                    (2, thrift.I64, thrift.integer(place)),
                    (3, thrift.I64, thrift.integer(rows)),
                ]
            )
        )
    footer = thrift.structure(
        [
            (1, thrift.I32, thrift.integer(2)),
            (_SCHEMA, thrift.LIST, columns.schema),
            (3, thrift.I64, thrift.integer(sum(rows for rows, _ in groups))),
            (4, thrift.LIST, thrift.array(thrift.STRUCT, described)),
        ]
    )
    return b"".join([*written, footer, len(footer).to_bytes(4, "little"), _MAGIC])


def _chunk(begun: bytes, values: int, place: int, dictionary: int, page: int) -> bytes:
    """Return the ColumnChunk of a column whose dictionary and page, of so many bytes, are at a place.

    There is one for every column of every row that is shown: no fields are counted here.
    """
    return b"".join(
        (
            b"\x26\0",  # ColumnChunk: 2, file_offset, which nobody reads
            b"\x1c",  # 3, meta_data
            begun,
            b"\x16",  # 5, num_values
            thrift.integer(values),
            b"\x16\0",  # 6, total_uncompressed_size, which nobody reads
            b"\x16",  # 7, total_compressed_size
            thrift.integer(dictionary + page),
            b"\x26",  # 9, data_page_offset
            thrift.integer(place + dictionary),
            b"\x26" + thrift.integer(place) if dictionary else b"",  # 11, dictionary_page_offset
            b"\0\0",
        )
    )


def writer(
    path: Path,
    schema: pa.Schema,
    *,
    level: int = 3,
    paged: bool = True,
    without_dictionary: Collection[str] = (),
) -> pq.ParquetWriter:
    """Return what writes a file of these columns; ``level`` is zstd's. Write whole row groups to it.

    Without ``paged``, pages are of a megabyte: for what is never read row by row.
    """
    again = {field.name for field in schema if _comes_again(field) and field.name not in without_dictionary}
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        data_page_version="2.0",  # its pages say how many rows they have
        use_dictionary=[_path(field) for field in schema if field.name in again],
        column_encoding={
            _path(field): encoding
            for field in schema
            if field.name not in again and (encoding := _encoding(field.type))
        },
        **(
            {
                "max_rows_per_page": ROWS_PER_PAGE,
                "data_page_size": _LARGEST_PAGE,
                "dictionary_pagesize_limit": _LARGEST_DICTIONARY,
            }
            if paged
            else {}
        ),
    )


def row_groups(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], rows: int = ROWS_PER_GROUP
) -> Iterator[pa.Table]:
    """Yield the rows of batches in tables of so many rows; the last may have fewer."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            whole = pa.Table.from_batches(held).cast(schema)
            yield whole.slice(0, rows)
            rest = whole.slice(rows)
            held, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(held).cast(schema)


def _path(field: pa.Field) -> str:
    """Return a column as Parquet names it."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


def _comes_again(field: pa.Field) -> bool:
    return field.name in _COME_AGAIN and field.type != pa.list_(pa.int64())  # keys seldom do


def _encoding(kind: pa.DataType) -> str | None:
    value = kind.value_type if pa.types.is_list(kind) else kind
    if pa.types.is_integer(value):
        return "DELTA_BINARY_PACKED"
    return "DELTA_LENGTH_BYTE_ARRAY" if pa.types.is_string(value) else None
