"""The derived index: SQLite tables for exact look-ups and full text, rebuilt from the snapshot when need be.

``index.sqlite`` answers with the dense keys of the snapshot's rows. ``index.json`` beside it says which
snapshot it belongs to and what its bytes are; it is written last: an index without it is not used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import duckdb

from phonotheque.catalogue import durable
from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.manifest import Snapshot, encode, hash_file
from phonotheque.model.bags import Finding
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.text import search_tokens

INDEX = "index.sqlite"
STATE = "index.json"
_WORK = ".index.tmp"
_VERSION = 1  # of the tables below: another one means rebuild
_BATCH = 20_000  # rows on their way from Parquet to SQLite

# The text table keeps no text (content=''). Everything but white space is part of a token: search_tokens
# decides. The primary keys are written in ascending order, which keeps the trees dense.
_TABLES = """
    CREATE VIRTUAL TABLE words USING fts5(
        title, artist, release, content='', columnsize=0,
        tokenize="unicode61 remove_diacritics 2 categories 'L* M* N* P* S* C*'"
    );
    CREATE TABLE id (id BLOB PRIMARY KEY, kind INTEGER, key INTEGER) WITHOUT ROWID;
    CREATE TABLE isrc (isrc TEXT, recording INTEGER, PRIMARY KEY (isrc, recording)) WITHOUT ROWID;
    CREATE TABLE file (sha256 BLOB, recording INTEGER, PRIMARY KEY (sha256, recording)) WITHOUT ROWID;
    CREATE TABLE barcode (barcode TEXT, release INTEGER, PRIMARY KEY (barcode, release)) WITHOUT ROWID;
"""


class Kind(IntEnum):
    """What an id names."""

    RECORDING = 1
    RELEASE = 2
    ARTIST = 3


@dataclass(frozen=True, slots=True)
class _State:
    version: int
    snapshot: str  # SHA-256 of its snapshot.json
    sha256: str  # of index.sqlite
    bytes: int


# What to fill each table with. Ids: things first, then the ids that lead to them.
_IDS = """
    WITH named AS (
        SELECT id, 1 AS kind, recording AS key FROM read_parquet($recordings)
        UNION ALL SELECT id, 2, release FROM read_parquet($releases)
        UNION ALL SELECT id, 3, artist FROM read_parquet($artists)
    ),
    led AS (
        SELECT old_id AS id, named.kind, named.key
        FROM read_parquet($redirects) r JOIN named ON named.id = r.new_id
        UNION ALL
        SELECT recording_mbid, 1, min(recording) FROM read_parquet($tracks)
        WHERE recording_mbid IS NOT NULL GROUP BY recording_mbid
        UNION ALL
        SELECT id, 1, min(recording) FROM read_parquet($tracks) GROUP BY id
    )
    SELECT id, first(kind ORDER BY rank, kind, key) AS kind, first(key ORDER BY rank, kind, key) AS key
    FROM (SELECT *, 0 AS rank FROM named UNION ALL SELECT *, 1 FROM led) GROUP BY id ORDER BY id
"""
_WORDS = """
    SELECT r.recording, r.title, r.credit, t.titles, t.credits, t.albums
    FROM read_parquet($recordings) r
    LEFT JOIN (
        SELECT recording, list(DISTINCT title ORDER BY title) AS titles,
               list(DISTINCT credit ORDER BY credit) AS credits, list(DISTINCT album ORDER BY album) AS albums
        FROM read_parquet($tracks) GROUP BY recording
    ) t USING (recording)
    ORDER BY r.recording
"""
_ISRCS = "SELECT isrc, recording FROM read_parquet($isrcs) ORDER BY isrc, recording"
_FILES = "SELECT DISTINCT sha256, recording FROM read_parquet($files) ORDER BY sha256, recording"
_BARCODES = """
    SELECT barcode, release FROM read_parquet($releases) WHERE barcode IS NOT NULL ORDER BY barcode, release
"""


def ensure(snapshot: Snapshot, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> Path:
    """Return the index of a snapshot; build it first if it is missing, truncated or of other tables."""
    if not _usable(snapshot):
        with _building(snapshot):
            if not _usable(snapshot):  # another process may have built it meanwhile
                _build(snapshot, memory_limit, progress)
    return snapshot.path / INDEX


def rebuild(snapshot: Snapshot, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> None:
    """Build the index anew and put it in place of what was there."""
    with _building(snapshot):
        _build(snapshot, memory_limit, progress)


def check(snapshot: Snapshot) -> list[Finding]:
    """Re-hash the index, if there is one. A damaged index is rebuilt by deleting it."""
    state, path = _state(snapshot), snapshot.path / INDEX
    if state is None or not path.exists() or hash_file(path) == state.sha256:
        return []
    return [Finding("damaged", f"{snapshot.stamp}/{INDEX}", "derived: delete it and it will be built again")]


@contextmanager
def _building(snapshot: Snapshot) -> Iterator[None]:
    """One process at a time builds. The lock goes with the process: nothing is left of a killed one."""
    folder = os.open(snapshot.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _build(snapshot: Snapshot, memory_limit: str, progress: Progress) -> None:
    work = snapshot.path / _WORK
    if work.exists():  # of a run that was killed
        shutil.rmtree(work)
    work.mkdir()
    try:
        temporary = work / INDEX
        with (
            explaining("indexing the catalogue", snapshot.path),
            closing(sqlite3.connect(temporary)) as index,
            closing(connect(memory_limit=memory_limit, spill=work / "spill")) as parquet,
        ):
            _fill(index, parquet, snapshot, progress)
        state = _State(_VERSION, _identity(snapshot), hash_file(temporary), temporary.stat().st_size)
        durable.rename(temporary, snapshot.path / INDEX)
        durable.write(snapshot.path / STATE, json.dumps(asdict(state), indent=2).encode())
    finally:
        shutil.rmtree(work)


def _usable(snapshot: Snapshot) -> bool:
    state, path = _state(snapshot), snapshot.path / INDEX
    return state is not None and path.is_file() and path.stat().st_size == state.bytes


def _identity(snapshot: Snapshot) -> str:
    return hashlib.sha256(encode(snapshot)).hexdigest()


def _state(snapshot: Snapshot) -> _State | None:
    """What index.json says, or None when it is absent, damaged, or speaks of other tables."""
    try:
        state = _State(**json.loads((snapshot.path / STATE).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return state if (state.version, state.snapshot) == (_VERSION, _identity(snapshot)) else None


def _fill(
    index: sqlite3.Connection, parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, progress: Progress
) -> None:
    total = sum(snapshot.counts[table] for table in ("recordings", "isrcs", "files"))
    progress.start("Indexing the catalogue", total_files=total)
    # a crash leaves a temporary file, which nobody reads: no journal, one sync at the end
    index.executescript(
        "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA page_size = 4096;" + _TABLES
    )
    sources = (
        (_IDS, "INSERT INTO id VALUES (?, ?, ?)", _id_row),
        (_ISRCS, "INSERT INTO isrc VALUES (?, ?)", tuple),
        (_FILES, "INSERT INTO file VALUES (?, ?)", lambda row: (bytes.fromhex(row[0]), row[1])),
        (_BARCODES, "INSERT INTO barcode VALUES (?, ?)", tuple),
        (_WORDS, "INSERT INTO words (rowid, title, artist, release) VALUES (?, ?, ?, ?)", _word_row),
    )
    for query, insert, convert in sources:
        for rows in _rows(parquet, query, snapshot):
            index.executemany(insert, map(convert, rows))
            progress.advance(files=len(rows) if query != _IDS and query != _BARCODES else 0)
    index.execute("INSERT INTO words(words) VALUES ('optimize')")
    index.commit()


def _rows(
    parquet: duckdb.DuckDBPyConnection, query: str, snapshot: Snapshot
) -> Iterator[list[tuple[Any, ...]]]:
    paths = {name: str(snapshot.table(name)) for name in snapshot.tables if f"${name}" in query}
    cursor = parquet.execute(query, paths)
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def _id_row(row: tuple[Any, ...]) -> tuple[bytes, int, int]:
    return uuid.UUID(row[0]).bytes, row[1], row[2]


def _word_row(row: tuple[Any, ...]) -> tuple[int, str, str, str]:
    recording, title, credit, titles, credits_, albums = row
    return (
        recording,
        _words([title, *(titles or ())]),
        _words([credit, *(credits_ or ())]),
        _words(albums or ()),
    )


def _words(texts: Iterable[str | None]) -> str:
    """Return the tokens of several texts, each text once, with a bar between them that no phrase crosses."""
    return " | ".join(dict.fromkeys(" ".join(search_tokens(text)) for text in texts if text))
