"""Files that turn on some days, grouped, and in the order of how much their recordings are listened to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import open_tables, rows, scratch

_COLUMNS = pa.schema(
    [
        ("day", pa.date32()),
        ("sha256", pa.string()),
        ("name", pa.string()),
        ("gained", pa.string()),
        ("lost", pa.string()),
    ]
)
_RANKED = """
    CREATE TABLE ranked AS
    SELECT turned.*, recordings.id, recordings.title, recordings.credit, recordings.listens
    FROM turned
    LEFT JOIN (SELECT sha256, min(recording) AS recording FROM files GROUP BY sha256) USING (sha256)
    LEFT JOIN recordings USING (recording)
"""
_UNRANKED = """
    CREATE TABLE ranked AS
    SELECT *, NULL::VARCHAR AS id, NULL::VARCHAR AS title, NULL::VARCHAR AS credit, NULL::BIGINT AS listens
    FROM turned
"""
_GROUPS = """
    SELECT day, gained, lost, count(*) AS files FROM ranked GROUP BY ALL
    ORDER BY day, files DESC, gained, lost
"""
_FILES = """
    SELECT name, sha256, id, title, credit, listens FROM ranked
    WHERE day = $day AND gained = $gained AND lost = $lost
    ORDER BY listens DESC NULLS LAST, name, sha256
"""
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Group:
    """How many files turn on a day in the same way: where an act is gained, and where it is lost."""

    day: date
    gained: str
    lost: str
    files: int


@dataclass(frozen=True, slots=True)
class TurningFile:
    """A file, and the recording that the catalogue knows it as, if it does."""

    file: str
    sha256: str
    recording: str | None
    title: str | None
    artist: str | None
    listens: int | None


class Turning:
    """The files that turn, to be asked for while ``turning`` is open."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def groups(self) -> list[Group]:
        """Return every group, by day, the largest of a day first."""
        return [Group(**row) for row in rows(self._engine, _GROUPS)]

    def files(self, group: Group, most: int | None = None) -> Iterator[TurningFile]:
        """Yield the files of a group, the most listened first; of them all, or up to ``most``."""
        limit = "" if most is None else f" LIMIT {int(most)}"
        parameters = {"day": group.day, "gained": group.gained, "lost": group.lost}
        found = self._engine.execute(_FILES + limit, parameters)
        while part := found.fetchmany(_CHUNK):
            yield from (TurningFile(*row) for row in part)


@contextmanager
def turning(
    snapshot: Snapshot | None, batches: Iterable[Sequence[tuple[date, str, str, str, str]]], where: Path
) -> Iterator[Turning]:
    """Take in (day, SHA-256, name, gained, lost) of files; ``where`` is named in errors."""
    with scratch("looking ahead", where) as engine:
        engine.execute("CREATE TABLE turned (day DATE, sha256 TEXT, name TEXT, gained TEXT, lost TEXT)")
        for part in batches:
            if part:
                columns = [list(column) for column in zip(*part, strict=True)]
                engine.register("batch", pa.table(columns, schema=_COLUMNS))
                engine.execute("INSERT INTO turned FROM batch")
                engine.unregister("batch")
        if snapshot is not None:
            open_tables(engine, snapshot, "files", "recordings")
        engine.execute(_UNRANKED if snapshot is None else _RANKED)
        yield Turning(engine)
