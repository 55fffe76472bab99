"""What lists show of every recording, in blocks of consecutive ones: a hit costs no look into Parquet.

A block is one Arrow record batch (IPC message), zstd.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from phonotheque.catalogue.columns import uuids
from phonotheque.catalogue.views import Hit

_ROWS = 512  # recordings in a block
_CODEC = pa.Codec("zstd", compression_level=3)
_SHOWN = pa.schema(
    [
        ("id", pa.binary(16)),
        ("title", pa.string()),
        ("credit", pa.string()),
        ("duration_ms", pa.int32()),
        ("listens", pa.int64()),
        ("files", pa.int32()),
        ("year", pa.int16()),
    ]
)
COLUMNS = [*_SHOWN.names[:-1], "date"]  # of the table recordings


def create(connection: sqlite3.Connection) -> None:
    """Make the empty table."""
    connection.execute("CREATE TABLE shelf (first INTEGER PRIMARY KEY, size INTEGER, content BLOB)")


def fill(connection: sqlite3.Connection, batches: Iterable[pa.RecordBatch]) -> None:
    """Store recordings, which come in order from the first."""
    start = 0
    rest = pa.Table.from_batches([], _SHOWN)
    for batch in batches:
        names, *columns, dates = (batch[name] for name in COLUMNS)
        year = pc.utf8_slice_codeunits(dates, 0, 4).cast(pa.int16())
        shown = pa.table([uuids(names, "recordings.parquet"), *columns, year], schema=_SHOWN)
        table = pa.concat_tables([rest, shown])
        whole = table.num_rows - table.num_rows % _ROWS
        start = _store(connection, table.slice(0, whole), start)
        rest = table.slice(whole)
    _store(connection, rest, start)


def hits(connection: sqlite3.Connection, recordings: Sequence[int]) -> dict[int, Hit]:
    """Return those of the recordings that there are."""
    found: dict[int, Hit] = {}
    wanted: dict[int, list[int]] = {}
    for recording in recordings:
        wanted.setdefault(recording - recording % _ROWS, []).append(recording)
    for first, keys in sorted(wanted.items()):
        row = connection.execute("SELECT size, content FROM shelf WHERE first = ?", (first,)).fetchone()
        if row is None:
            continue
        block = _decoded(*row)
        for key in keys:
            if key - first < block.num_rows:
                name, *shown = (column[key - first].as_py() for column in block.columns)
                found[key] = Hit(str(uuid.UUID(bytes=name)), *shown)
    return found


def _store(connection: sqlite3.Connection, table: pa.Table, start: int) -> int:
    statement = "INSERT INTO shelf VALUES (?, ?, ?)"
    for whole in table.combine_chunks().to_batches():
        for i in range(0, whole.num_rows, _ROWS):
            block = whole.slice(i, _ROWS).serialize()
            connection.execute(statement, (start + i, block.size, _CODEC.compress(block, asbytes=True)))
        start += whole.num_rows
    return start


def _decoded(size: int, content: bytes) -> pa.RecordBatch:
    try:
        return pa.ipc.read_record_batch(_CODEC.decompress(content, size), _SHOWN)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:  # nothing is read from a disk here
        raise sqlite3.DatabaseError(f"a damaged block of the shelf: {error}") from error
