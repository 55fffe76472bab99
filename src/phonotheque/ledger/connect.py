"""Opening a ledger: SQLite by path, any other database by URL, always at the newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError

HEAD = "0002"  # the newest revision in migrations/versions


def connect(url: str | URL) -> Engine:
    """Return an engine for the ledger at ``url``, migrated to the newest schema.

    Raises UsageError for an address that means nothing here, PhonothequeError when the ledger cannot be
    opened or is a newer program's, VerificationError when it is not a sound database.
    """
    engine = _engine(url)
    try:
        if _revision(engine) != HEAD:
            _migrate(engine)
    except PhonothequeError:
        engine.dispose()
        raise
    except OperationalError as error:
        engine.dispose()
        raise PhonothequeError(
            f"The ledger {shown(engine)} cannot be opened: {error.orig}.",
            "Check that the folder exists, is writable, and that its disk is not full.",
        ) from error
    except DatabaseError as error:
        engine.dispose()
        raise VerificationError(
            f"The ledger {shown(engine)} is damaged: {error.orig}.",
            "Restore it from a backup; sealed bags and the catalogue are not affected.",
        ) from error
    return engine


def connect_file(path: Path) -> Engine:
    """Return an engine for the SQLite ledger at ``path``."""
    # Not as text: a folder's name may hold what an address cannot, such as "?" or "%".
    return connect(URL.create("sqlite", database=str(path)))


def shown(engine: Engine) -> str:
    """Return where a ledger is, for people: a file's path, or an address without its password."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return engine.url.database
    return engine.url.render_as_string(hide_password=True)


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


def _engine(url: str | URL) -> Engine:
    try:
        engine = create_engine(url)
    except (
        ArgumentError,
        ImportError,
    ) as error:  # the address itself is not repeated: it may hold a password
        raise UsageError(
            f"[ledger] url cannot be used: {error}.",
            "Write it like postgresql+psycopg://user@host/name, with that driver installed.",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # FULL: a commit that was acknowledged survives a power cut, also in WAL mode.
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
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
        if engine.dialect.name == "sqlite":
            # Python's driver would run each CREATE by itself, and being killed would leave half a schema.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise PhonothequeError(
                f"The ledger {shown(engine)} was made by a newer Phonotheque: {error}.",
                "Update Phonotheque, then try again.",
            ) from error
