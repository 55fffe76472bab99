"""Which recordings are published, and when that last changed: a file that is derived, and asked by key.

``harvest/records.sqlite`` in the archive's or the mirror's folder (docs/format.md). Its file may be deleted:
it is made again of what is published (web.oai.deriving).
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

FORMAT: Final = "1"
_MOST: Final = 10_000  # rows of one answer
_PATIENCE: Final = 30.0  # seconds that a writer waits for another

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS record (
    id BLOB PRIMARY KEY,        -- the UUID's 16 bytes
    stamp INTEGER NOT NULL,     -- seconds since 1970, when what is published of it last changed
    edition INTEGER NOT NULL,   -- which brought the bag that it is in, or was in last
    deleted INTEGER NOT NULL,   -- 1: it is not published any more
    facts INTEGER NOT NULL      -- of what the catalogue says: changes with it
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_stamp ON record (stamp, id, edition, deleted);
CREATE INDEX IF NOT EXISTS by_edition ON record (edition, stamp, id, deleted);
CREATE TABLE IF NOT EXISTS part (number INTEGER PRIMARY KEY, first BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Record:
    """A recording that is, or was, published."""

    id: UUID
    stamp: int
    edition: int
    deleted: bool


Key = tuple[int, UUID]  # of a record: its stamp and id, by which lists are ordered


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the records is asked for: stamps from ``since`` to ``until``, both included, of one edition."""

    since: int | None = None
    until: int | None = None
    edition: int | None = None


def make(path: Path) -> None:
    """Make the file if it is not there."""
    with closing(writer(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(_TABLES)
        with made:
            first = "INSERT OR IGNORE INTO state VALUES (?, ?)"
            made.executemany(first, [("format", FORMAT), ("key", secrets.token_hex(32))])


def writer(path: Path) -> sqlite3.Connection:
    """Open the file for writing, or make it."""
    return sqlite3.connect(path, timeout=_PATIENCE)


@contextmanager
def reader(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, which must be there, for reading."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as opened:
        yield opened


def state(opened: sqlite3.Connection, name: str) -> str | None:
    """Return something that is noted, None if it is not."""
    found = opened.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def listed(opened: sqlite3.Connection, asked: Asked, after: Key | None, most: int) -> list[Record]:
    """Return the next records in the order of their keys, at most so many."""
    where: list[str] = []
    values: list[int | bytes] = []
    if asked.edition is not None:
        where.append("edition = ?")
        values.append(asked.edition)
    if after is not None:
        where.append("(stamp, id) > (?, ?)")
        values += [after[0], after[1].bytes]
    if asked.since is not None:
        where.append("stamp >= ?")
        values.append(asked.since)
    if asked.until is not None:
        where.append("stamp <= ?")
        values.append(asked.until)
    index = "by_stamp" if asked.edition is None else "by_edition"
    query = f"SELECT id, stamp, edition, deleted FROM record INDEXED BY {index}"  # noqa: S608
    query += (f" WHERE {' AND '.join(where)}" if where else "") + " ORDER BY stamp, id LIMIT ?"
    return [_record(row) for row in opened.execute(query, (*values, min(most, _MOST)))]


def one(opened: sqlite3.Connection, name: UUID) -> Record | None:
    """Return the record of a recording, None if it never was published."""
    query = "SELECT id, stamp, edition, deleted FROM record WHERE id = ?"
    row = opened.execute(query, (name.bytes,)).fetchone()
    return None if row is None else _record(row)


def earliest(opened: sqlite3.Connection) -> int | None:
    """Return the first stamp, None if there is none."""
    found = opened.execute("SELECT min(stamp) FROM record").fetchone()[0]
    return None if found is None else int(found)


def parts(opened: sqlite3.Connection) -> list[int]:
    """Return the numbers of the parts into which published recordings are cut, for lists of addresses."""
    return [number for (number,) in opened.execute("SELECT number FROM part ORDER BY number")]


def in_part(opened: sqlite3.Connection, number: int, most: int) -> list[UUID] | None:
    """Return the published recordings of a part, by id; None if there is no such part."""
    query = "SELECT number, first FROM part WHERE number IN (?, ?) ORDER BY number"
    bounds = dict(opened.execute(query, (number, number + 1)).fetchall())
    if number not in bounds:
        return None
    end = bounds.get(number + 1, b"\xff" * 17)
    query = "SELECT id FROM record WHERE id >= ? AND id < ? AND deleted = 0 ORDER BY id LIMIT ?"
    return [UUID(bytes=row[0]) for row in opened.execute(query, (bounds[number], end, most))]


def _record(row: tuple[bytes, int, int, int]) -> Record:
    return Record(UUID(bytes=row[0]), row[1], row[2], bool(row[3]))
