"""Opening a ledger: SQLite by path, PostgreSQL by address, always at the newest schema."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError

HEAD = "0020"  # the newest revision in migrations/versions
MOVING = "moving "  # begins the revision of a copy that is not whole yet (ledger.move)
_WRITE_IT = "Write it like postgresql://user@host/name (docs/how-to/ledger-on-postgresql.md)."


def connect(url: str | URL) -> Engine:
    """Return an engine for the ledger at ``url``, migrated to the newest schema.

    ``postgresql://…`` is written as PostgreSQL's own programs understand it. Raises UsageError for an address
    that means nothing here, PhonothequeError when the ledger cannot be opened, is a newer program's or an
    unfinished copy, VerificationError when it is not a sound database.
    """
    engine = open_database(url)
    try:
        revision = revision_of(engine)
        if revision is not None and revision.startswith(MOVING):
            raise PhonothequeError(
                f"The ledger {shown(engine)} is a copy that was not finished.",
                "Run “phono ledger move” again, and use the old ledger until then.",
            )
        if revision != HEAD:
            migrate(engine)
    except PhonothequeError:
        engine.dispose()
        raise
    except DatabaseError as error:
        engine.dispose()
        raise opening_error(engine, error) from error
    return engine


def connect_file(path: Path) -> Engine:
    """Return an engine for the SQLite ledger at ``path``."""
    # Not as text: a folder's name may hold what an address cannot, such as "?" or "%".
    return connect(URL.create("sqlite", database=str(path)))


def shown(engine: Engine) -> str:
    """Return where a ledger is, for people: a file's path, or an address without its password."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return engine.url.database
    without = engine.url.set(drivername=engine.url.get_backend_name(), password=None)
    return without.difference_update_query(["password"]).render_as_string()


def opening_error(engine: Engine, error: DatabaseError) -> PhonothequeError:
    """Return what an error at the first words with a database means for people."""
    if engine.dialect.name == "postgresql":
        from phonotheque.ledger import postgresql

        return postgresql.as_ours(error, shown(engine))
    if isinstance(error, OperationalError):
        return PhonothequeError(
            f"The ledger {shown(engine)} cannot be opened: {error.orig}.",
            "Check that the folder exists, that it and the ledger are yours, and that its disk is not full.",
        )
    return VerificationError(
        f"The ledger {shown(engine)} is damaged: {error.orig}.",
        "Restore it from a backup; sealed bags and the catalogue are not affected.",
    )


def integrity_errors(engine: Engine) -> list[str]:
    """Return what the database itself finds wrong with what it keeps and its references, in its words."""
    if engine.dialect.name == "postgresql":
        from phonotheque.ledger import postgresql

        return list(postgresql.integrity_errors(engine))
    try:
        with engine.connect() as connection:
            found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
    except DatabaseError as error:
        return [str(error.orig)]
    errors = [line for line in found if line != "ok"]
    return errors + [f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}" for row in dangling]


def open_database(url: str | URL) -> Engine:
    """Return an engine for a database, whatever it holds. Raises UsageError for an address without sense."""
    try:
        address = make_url(url)
        if address.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
            return _on_postgresql(address)
        if address.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise UsageError(
                f"[ledger] url cannot be used: the ledger does not work on “{address.drivername}”.", _WRITE_IT
            )
        engine = create_engine(address, hide_parameters=True)  # an error's text goes into logs
    except (ArgumentError, NoSuchModuleError) as error:  # not repeated: the address may hold a password
        raise UsageError(f"[ledger] url cannot be used: {error}.", _WRITE_IT) from error
    event.listen(engine, "do_connect", _make_private)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _on_postgresql(address: URL) -> Engine:
    try:
        from phonotheque.ledger import postgresql
    except ImportError as error:
        raise UsageError(
            f"[ledger] url cannot be used: {error}.",
            "A ledger on PostgreSQL needs: pip install 'phonotheque[postgresql]'",
        ) from error
    settings = {key: value for key, value in postgresql.CONNECT.items() if key not in address.query}
    engine = create_engine(
        address.set(drivername=postgresql.DRIVER),
        connect_args=settings,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", postgresql.prepare)
    return engine


def _make_private(_dialect: object, _record: object, args: list[Any], _named: object) -> None:
    """Make the file of a new ledger its owner's alone: it says who asked for what, and how to reach them.

    SQLite gives the files beside it the same mode.
    """
    place = str(args[0])
    if place != ":memory:":
        # Never one that is there: to close it would end the locks that this process has on it (fcntl).
        with suppress(OSError):  # else SQLite says why there can be none
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # FULL: a commit that was acknowledged survives a power cut, also in WAL mode.
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def revision_of(engine: Engine) -> str | None:
    """Return which schema the database has; None for one without a ledger."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine) -> None:
    """Bring a database to the newest schema, whole or not at all. Raises PhonothequeError if it is newer."""
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
        else:
            from phonotheque.ledger import postgresql

            postgresql.begin_migration(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise PhonothequeError(
                f"The ledger {shown(engine)} was made by a newer Phonotheque: {error}.",
                "Update Phonotheque, then try again.",
            ) from error
