"""An engine for one question that may outgrow memory: it spills beside nobody's data, and leaves nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from phonotheque.catalogue.engine import connect, explaining, quoted
from phonotheque.catalogue.manifest import Snapshot

MEMORY = "1GB"  # of the engine; it spills beyond

Row = dict[str, Any]


@contextmanager
def scratch(
    what: str, where: Path, memory_limit: str = MEMORY, *, beside: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that may spill to the disk; its errors say that ``what`` failed at ``where``.

    With ``beside``, a folder, its tables lie on the disk, compressed, and all that it writes in that folder.
    """
    with (
        tempfile.TemporaryDirectory(prefix=".scratch-" if beside else "phonotheque-", dir=beside) as spill,
        closing(
            connect(Path(spill) / "tables" if beside else None, memory_limit=memory_limit, spill=Path(spill))
        ) as engine,
        explaining(what, where),
    ):
        yield engine


def open_tables(engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, *names: str, prefix: str = "") -> None:
    """Make a view of each of these tables, named as it is after ``prefix``; ``place`` is a row's number."""
    for name in names:
        path = quoted(snapshot.table(name))
        engine.execute(
            f"CREATE VIEW {prefix}{name} AS "
            f"FROM read_parquet({path}, file_row_number = true) SELECT *, file_row_number AS place"
        )


def rows(engine: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> list[Row]:
    """Return the rows of a query, by column. The caller sees to it that they are few."""
    cursor = engine.execute(sql, parameters or None)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
