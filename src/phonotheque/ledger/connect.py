"""Opening a ledger: SQLite by path, any other database by URL, always at the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from phonotheque.model.errors import PhonothequeError, VerificationError

HEAD = "0001"  # the newest revision in migrations/versions


def connect(url: str) -> Engine:
    """Return an engine for the ledger at ``url``, migrated to the newest schema.

    Raises PhonothequeError when it cannot be opened, VerificationError when it is not a sound database.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    try:
        if _revision(engine) != HEAD:
            _migrate(engine)
    except OperationalError as error:
        engine.dispose()
        raise PhonothequeError(
            f"The ledger {url} cannot be opened: {error.orig}.",
            "Check that the folder exists, is writable, and that its disk is not full.",
        ) from error
    except DatabaseError as error:
        engine.dispose()
        raise VerificationError(
            f"The ledger {url} is damaged: {error.orig}.",
            "Restore it from a backup; sealed bags and the catalogue are not affected.",
        ) from error
    return engine


def connect_file(path: Path) -> Engine:
    """Return an engine for the SQLite ledger at ``path``."""
    return connect(f"sqlite:///{path}")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the ledger; nothing is written."""
    with engine.connect() as connection:
        yield connection


def integrity_errors(engine: Engine) -> list[str]:
    """Return what the database itself finds wrong with its file and its references, in its words."""
    if engine.dialect.name != "sqlite":
        return []
    try:
        with engine.connect() as connection:
            found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
    except DatabaseError as error:
        return [str(error.orig)]
    errors = [line for line in found if line != "ok"]
    return errors + [f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}" for row in dangling]


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # FULL: a commit that was acknowledged survives a power cut, also in WAL mode.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _revision(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine) -> None:
    # Imported here: most runs need no migration, and Alembic takes longer to import than they take.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "phonotheque:ledger/migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise PhonothequeError(
                f"The ledger {engine.url} was made by a newer Phonotheque: {error}.",
                "Update Phonotheque, then try again.",
            ) from error
