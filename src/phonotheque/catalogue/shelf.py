"""What lists show of every recording, and the rest of its row, in blocks of consecutive ones.

A hit, and what a recording is called by itself, cost no look into Parquet. A block is one Arrow record batch
(IPC message), zstd. How many recordings one has is not said: older indexes have twice as many.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from phonotheque.catalogue.answers import Answers
from phonotheque.catalogue.columns import uuids
from phonotheque.catalogue.views import Hit

_ROWS = 256  # recordings in a block
_KEPT, _LARGEST_KEPT = 512, 1 << 17  # blocks, and bytes of one: 64 MiB at most, a third of that as a rule
_CODEC = pa.Codec("zstd", compression_level=15)  # slow to write, in a thread that has time; as quick to read
_SHOWN = pa.schema(
    [
        ("id", pa.binary(16)),
        ("title", pa.string()),
        ("credit", pa.string()),
        ("duration_ms", pa.int32()),
        ("listens", pa.int64()),
        ("files", pa.int32()),
        ("date", pa.int32()),  # its digits; 00 for a month or day that is not known
        ("tracks", pa.int32()),
        ("artists", pa.list_(pa.int32())),
        ("by_musicbrainz", pa.bool_()),
    ]
)
_OF_HITS = 7  # the first columns
COLUMNS = _SHOWN.names  # of the table recordings

Told = TypeVar("Told")


class _Block(NamedTuple):
    """Recordings from ``first`` on."""

    first: int
    rows: pa.RecordBatch


# What is listened to most is asked for most.
_BLOCKS = Answers[_Block | None](
    _KEPT, lambda block: block is not None and block.rows.nbytes <= _LARGEST_KEPT
)


@dataclass(frozen=True, slots=True)
class Shelved:
    """A row of the table recordings, but for what its id was made from."""

    hit: Hit
    date: str | None
    tracks: int | None
    artists: tuple[int, ...]  # keys
    mbid: str | None


def create(connection: sqlite3.Connection) -> None:
    """Make the empty table."""
    connection.execute("CREATE TABLE shelf (first INTEGER PRIMARY KEY, size INTEGER, content BLOB)")


def fill(connection: sqlite3.Connection, batches: Iterable[pa.RecordBatch]) -> None:
    """Store recordings, which come in order from the first."""
    start = 0
    rest = pa.Table.from_batches([], _SHOWN)
    for batch in batches:
        columns = {name: batch[name] for name in COLUMNS}
        columns["id"] = uuids(columns["id"], "recordings.parquet")
        columns["date"] = pc.utf8_rpad(pc.replace_substring(columns["date"], "-", ""), 8, "0")
        table = pa.concat_tables([rest, pa.table(columns).cast(_SHOWN)])
        whole = table.num_rows - table.num_rows % _ROWS
        start = _store(connection, table.slice(0, whole), start)
        rest = table.slice(whole)
    _store(connection, rest, start)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The shelf of one index. By ``identity`` it is known again, as long as its file is the same."""

    connection: sqlite3.Connection
    identity: Hashable

    def hits(self, recordings: Sequence[int]) -> dict[int, Hit]:
        """Return those of the recordings that there are."""
        return self._told(recordings, _hit)

    def names(self, recordings: Sequence[int]) -> dict[int, tuple[str | None, str | None]]:
        """Return title and credit of those of the recordings that there are."""
        return self._told(recordings, _names)

    def rows(self, recordings: Sequence[int]) -> dict[int, Shelved]:
        """Return the rows of those of the recordings that there are."""
        return self._told(recordings, _row)

    def _told(
        self, recordings: Sequence[int], tell: Callable[[pa.RecordBatch, int], Told]
    ) -> dict[int, Told]:
        found: dict[int, Told] = {}
        wanted: dict[int, list[int]] = {}
        for recording in recordings:
            wanted.setdefault(recording - recording % _ROWS, []).append(recording)
        for start, keys in sorted(wanted.items()):
            if block := _BLOCKS.get((self.identity, start), partial(self._block, start)):
                first, content = block
                found |= {key: tell(content, key - first) for key in keys if key - first < content.num_rows}
        return found

    def _block(self, start: int) -> _Block | None:
        """Return the block that a recording is in, if there is one."""
        row = self.connection.execute(
            "SELECT first, size, content FROM shelf WHERE first <= ? ORDER BY first DESC LIMIT 1", (start,)
        ).fetchone()
        return row and _Block(row[0], _decoded(*row[1:]))


def _hit(block: pa.RecordBatch, place: int) -> Hit:
    name, title, credit, duration, listens, files, date = (
        column[place].as_py() for column in block.columns[:_OF_HITS]
    )
    year = date // 10_000 if date is not None else None
    return Hit(str(uuid.UUID(bytes=name)), title, credit, duration, listens, files, year)


def _names(block: pa.RecordBatch, place: int) -> tuple[str | None, str | None]:
    return block.column(1)[place].as_py(), block.column(2)[place].as_py()


def _row(block: pa.RecordBatch, place: int) -> Shelved:
    hit = _hit(block, place)
    date, tracks, artists, named = (column[place].as_py() for column in block.columns[_OF_HITS - 1 :])
    return Shelved(hit, _date(date), tracks, tuple(artists or ()), hit.id if named else None)


def _date(digits: int | None) -> str | None:
    if digits is None:
        return None
    year, month, day = f"{digits // 10_000:04}", digits // 100 % 100, digits % 100
    return f"{year}-{month:02}-{day:02}" if day else f"{year}-{month:02}" if month else year


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
