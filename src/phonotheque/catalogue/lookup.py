"""Asking the catalogue: search, show, and streams for those who plan.

A ``Catalogue`` is one snapshot and its index. It may be used by several threads; when a newer snapshot has
been made, open a new one.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from phonotheque.catalogue import describe, index, manifest
from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.index import Kind
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.views import Hit, View
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.text import fold, query_terms

_CONSIDERED = 200  # most listened matches, among which the closest come first
_LONGEST_QUERY = 1000  # characters
_PREFIX = re.compile(r"[0-9a-f]{6,64}")  # of a SHA-256


class Catalogue:
    """The current snapshot of a catalogue, opened for reading."""

    def __init__(self, snapshot: Snapshot, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> None:
        self.snapshot = snapshot
        self._memory_limit = memory_limit
        self._index = index.ensure(snapshot, memory_limit=memory_limit, progress=progress)
        self._parquet = connect(memory_limit=memory_limit)

    @classmethod
    def open(cls, catalogue_dir: Path, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> Catalogue:
        """Open the current snapshot; build its index if that is missing or does not belong to it.

        Raises NotFoundError when no snapshot was made yet, VerificationError when it is broken.
        """
        snapshot = manifest.current(catalogue_dir)
        if snapshot is None:
            raise NotFoundError(
                f"{catalogue_dir} holds no catalogue yet.", "Add some music first: phono add."
            )
        return cls(snapshot, memory_limit=memory_limit, progress=progress)

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the snapshot's files."""
        self._parquet.close()

    def counts(self) -> dict[str, int]:
        """Return the number of rows of every table."""
        return self.snapshot.counts

    def verify(self) -> list[Finding]:
        """Re-hash every file of the snapshot and its index; return what is wrong."""
        return manifest.verify(self.snapshot) + index.check(self.snapshot)

    def search(self, query: str, limit: int = 20) -> list[Hit]:
        """Return recordings whose titles, artists or releases hold every word; the last may be unfinished.

        The closest come first (what was typed is the title, or artist and title), then the most listened.
        Anything may be typed: there is no query language.
        """
        expression = _expression(query)
        if not expression or limit < 1:
            return []
        considered = max(_CONSIDERED, limit)
        sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT ?"
        keys = [key for (key,) in self._ask(sql, (expression, considered))]
        with self._reading() as parquet:
            hits = describe.hits(parquet, self.snapshot, keys)
        wanted = fold(query[:_LONGEST_QUERY])
        return sorted(hits, key=lambda hit: _distance(hit, wanted))[
            :limit
        ]  # a stable sort keeps listens' order

    def show(self, key: str) -> View:
        """Return what is known of an id, MBID, ISRC, barcode, or (the beginning of) a file's SHA-256.

        Ids that were merged lead to what they became. Where a code names several things, the most listened
        comes back and the others are its ``see_also``. Raises NotFoundError, or UsageError for a beginning
        that several files share.
        """
        text = key.strip()
        for find in (self._by_id, self._by_isrc, self._by_barcode, self._by_sha256):
            if found := find(text):
                with self._reading() as parquet:
                    return describe.view(parquet, self.snapshot, *found)
        raise NotFoundError(
            f"The catalogue knows nothing by the name of “{key}”.",
            "Give an id, an ISRC, a barcode, or six or more digits of a file's SHA-256; or use phono search.",
        )

    def recordings(self, *, batch_size: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield every recording, the most listened first.

        Columns: id, title, artist (credit), listens, duration_ms, files (sorted SHA-256, maybe none).
        """
        with (
            tempfile.TemporaryDirectory(prefix="phonotheque-") as spill,
            closing(connect(memory_limit=self._memory_limit, spill=Path(spill))) as parquet,
            explaining("reading the catalogue", self.snapshot.path),
        ):
            yield from describe.all_recordings(parquet, self.snapshot, batch_size)

    def _by_id(self, text: str) -> tuple[Kind, list[int]] | None:
        mbid = parse_mbid(text)
        if mbid is None:
            return None
        rows = self._ask("SELECT kind, key FROM id WHERE id = ?", (bytes.fromhex(mbid.replace("-", "")),))
        return (Kind(rows[0][0]), [rows[0][1]]) if rows else None

    def _by_isrc(self, text: str) -> tuple[Kind, list[int]] | None:
        isrc = parse_isrc(text)
        rows = (
            self._ask("SELECT recording FROM isrc WHERE isrc = ? ORDER BY recording", (isrc,)) if isrc else []
        )
        return (Kind.RECORDING, [row[0] for row in rows]) if rows else None

    def _by_barcode(self, text: str) -> tuple[Kind, list[int]] | None:
        code = parse_barcode(text)
        rows = (
            self._ask("SELECT release FROM barcode WHERE barcode = ? ORDER BY release", (code,))
            if code
            else []
        )
        return (Kind.RELEASE, [row[0] for row in rows]) if rows else None

    def _by_sha256(self, text: str) -> tuple[Kind, list[int]] | None:
        prefix = text.lower()
        if not _PREFIX.fullmatch(prefix):
            return None
        first, last = bytes.fromhex(prefix.ljust(64, "0")), bytes.fromhex(prefix.ljust(64, "f"))
        sql = "SELECT DISTINCT recording FROM file WHERE sha256 BETWEEN ? AND ? ORDER BY recording LIMIT 2"
        rows = self._ask(sql, (first, last))
        if len(rows) > 1:
            raise UsageError(f"Several files' SHA-256 begin with {text}.", "Give more of its digits.")
        return (Kind.RECORDING, [rows[0][0]]) if rows else None

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._parquet.cursor() as parquet, explaining("reading the catalogue", self.snapshot.path):
            yield parquet

    def _ask(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Query the index; a damaged one is built again, once."""
        try:
            return self._query(sql, parameters)
        except sqlite3.DatabaseError:
            index.rebuild(self.snapshot, memory_limit=self._memory_limit)
            return self._query(sql, parameters)

    def _query(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        # the file never changes once it has its name; a connection per question suits any number of threads
        location = f"{self._index.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(location, uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()


def _expression(query: str) -> str:
    """Return what was typed for FTS5: every word quoted, all of them required, the last one a prefix."""
    phrases = [
        '"' + " ".join(tokens).replace('"', '""') + '"' for tokens in query_terms(query[:_LONGEST_QUERY])
    ]
    return " AND ".join(phrases) + " *" if phrases else ""


def _distance(hit: Hit, wanted: str) -> int:
    title, artist = fold(hit.title or ""), fold(hit.artist or "")
    if wanted in (title, f"{artist} {title}", f"{title} {artist}"):
        return 0
    if wanted == artist:
        return 1
    return 2 if title.startswith(wanted) else 3
