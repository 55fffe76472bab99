"""DuckDB as the catalogue uses it: offline, within a memory limit, spilling where it is told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from phonotheque.catalogue.manifest import TableFile
from phonotheque.catalogue.schema import FACTS
from phonotheque.model.errors import PhonothequeError

_SQL = {
    "string": "TEXT",
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    str(pa.list_(pa.string())): "TEXT[]",
    str(pa.list_(pa.int64())): "BIGINT[]",
}


def connect(
    database: Path | None = None, *, memory_limit: str, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database file, or one in memory, that downloads no extension and reads no Python variables."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "memory_limit": memory_limit,
        "fsync_mode": "NONE",  # the database is scratch; what it exports is synced by whoever exports it
        "temp_directory": str(spill) if spill else "",
    }
    connection = duckdb.connect(str(database) if database else ":memory:", config=settings)
    connection.execute("SET python_enable_replacements = false")
    return connection


def script(name: str) -> str:
    """Return ``sql/<name>.sql``: one or several statements, readable by themselves."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")


class SqlEngine(Protocol):
    """What resolving asks of an engine: DuckDB, or another that runs the same scripts (ADR 0011)."""

    def run(self, name: str, **variables: str | int) -> None:
        """Run a script; ``getvariable('x')`` in it is the value given here."""

    def any(self, source: str) -> bool:
        """Whether a table or join has a row."""

    def number(self, query: str) -> int:
        """Return the one number that a query answers."""


class Engine:
    """DuckDB, as the scripts run on it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def run(self, name: str, **variables: str | int) -> None:
        """Run a script; ``getvariable('x')`` in it is the value given here."""
        for variable, value in variables.items():
            self.connection.execute(f"SET VARIABLE {variable} = ?", [value])
        self.connection.execute(script(name))
        self.connection.execute("CHECKPOINT")  # the room of what was dropped is used again

    def any(self, source: str) -> bool:
        """Whether a table or join has a row."""

        return self.connection.execute(f"FROM {source} LIMIT 1").fetchone() is not None

    def number(self, query: str) -> int:
        """Return the one number that a query answers."""
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def view(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Let a Parquet file be read by a name."""
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet({quoted(path)})")


def quoted(text: str | Path) -> str:
    """Return an SQL string literal, for the few places where DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"


def literal(paths: Iterable[Path]) -> str:
    """Return a list of paths as an SQL literal."""
    return "[" + ", ".join(map(quoted, paths)) + "]"


def numbered_facts(folder: Path, parts: Sequence[TableFile]) -> str:
    """Return SQL for all rows of these parts, with ``fact``: a row's place when they are read in order."""
    if not parts:
        return nothing(FACTS, "NULL::BIGINT AS fact, ")
    firsts, first = [], 0
    for part in parts:
        firsts.append(first)
        first += part.rows
    number = f"({firsts}::BIGINT[])[file_index::BIGINT + 1] + file_row_number AS fact"
    paths = literal(folder / part.file for part in parts)
    return f"SELECT {number}, * FROM read_parquet({paths})"  # noqa: S608 — paths are quoted


def nothing(schema: pa.Schema, before: str = "") -> str:
    """Return SQL for a table of these columns without a row."""
    columns = ", ".join(f"NULL::{_SQL[str(field.type)]} AS {field.name}" for field in schema)
    return f"SELECT {before}{columns} WHERE false"


@contextmanager
def explaining(what: str, where: Path) -> Iterator[None]:
    """Turn errors of the engine, or of the index, into one that says what failed, where, and what to do."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise PhonothequeError(
            f"{where}: {what} ran out of memory: {error}", "Raise the memory limit."
        ) from error
    except (
        duckdb.OperationalError,
        duckdb.InvalidInputException,
        duckdb.FatalException,
        sqlite3.OperationalError,
    ) as error:
        raise PhonothequeError(
            f"{where}: {what} failed: {error}",
            "Check that the disk is not full and the files are whole; run it again.",
        ) from error
