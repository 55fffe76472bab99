"""DuckDB as the catalogue uses it: offline, within a memory limit, spilling where it is told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import duckdb

from phonotheque.model.errors import PhonothequeError


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


def run_script(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Run ``sql/<name>.sql``: one or several statements, readable by themselves."""
    connection.execute(files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8"))


def quoted(text: str | Path) -> str:
    """Return an SQL string literal, for the few places where DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"


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
