"""Keeping ids from one snapshot to the next, and leading ids that vanish to what they became."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from phonotheque.catalogue.engine import Engine, nothing, numbered_facts, quoted, view
from phonotheque.catalogue.manifest import Snapshot, TableFile
from phonotheque.catalogue.schema import MADE

_TABLES = ("recordings", "tracks", "releases", "artists", "credits", "redirects")


def inherit(engine: Engine, previous: Snapshot | None, parts: Sequence[TableFile]) -> None:
    """Find what of the previous snapshot is still here: ``carried`` facts, the ``heir`` of each id.

    ``parts`` are those of the facts of the snapshot that is being made.
    """
    connection = engine.connection
    for table in _TABLES:
        rows = f"FROM read_parquet({quoted(previous.table(table))})" if previous else nothing(MADE[table])
        connection.execute(f"CREATE VIEW previous_{table} AS {rows}")
    old = previous.tables["facts"] if previous else ()
    rows = numbered_facts(previous.path if previous else Path(), old)
    connection.execute(f"CREATE VIEW previous_facts AS {rows}")
    _carry(engine, old, parts)
    engine.run("inherit")


def redirect(engine: Engine, recordings: Path) -> None:
    """Make ``out_redirects``: where ids lead that name nothing any more.

    ``recordings`` has just been written.
    """
    view(engine.connection, "written_recordings", recordings)
    engine.run("redirects")


def _carry(engine: Engine, old: Sequence[TableFile], new: Sequence[TableFile]) -> None:
    """Parts that both snapshots have, by their hash, carry their rows over.

    Other rows are known by their evidence.
    """
    engine.connection.execute("CREATE TABLE carried (fact BIGINT, previous_fact BIGINT)")
    today = {part.sha256: first for first, part in _placed(new)}
    outlived = []
    for first, part in _placed(old):
        last = first + part.rows
        if part.sha256 in today:
            engine.connection.execute(
                "INSERT INTO carried SELECT range + ?, range FROM range(?, ?)",
                [today[part.sha256] - first, first, last],
            )
        else:
            outlived.append(f"fact >= {first} AND fact < {last}")
    if outlived:
        spans = " OR ".join(outlived)
        rows = f"SELECT * FROM previous_facts WHERE {spans}"  # noqa: S608 — numbers of our own
        engine.connection.execute(f"CREATE VIEW outlived AS {rows}")
        engine.run("carry")


def _placed(parts: Sequence[TableFile]) -> list[tuple[int, TableFile]]:
    placed, first = [], 0
    for part in parts:
        placed.append((first, part))
        first += part.rows
    return placed
