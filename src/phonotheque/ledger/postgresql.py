"""What is different where the ledger is on PostgreSQL, in one place.

Text compares by bytes there too (docs/adr), sums are whole numbers, what is acknowledged is on the disk, and
nobody waits for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection as Session
from psycopg.adapt import Loader
from psycopg.types.string import StrDumper
from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    Text,
    and_,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError

from phonotheque.ledger.schema import metadata
from phonotheque.model.errors import PhonothequeError, VerificationError

DRIVER = "postgresql+psycopg"
LOCK_WAIT = "60s"  # how long a statement waits for another transaction before it fails with a message
_DAMAGE = ("XX001", "XX002")  # data_corrupted, index_corrupted (PostgreSQL's manual, appendix A)
_UNSOUND = ("XX", "58", "22")  # internal errors and damage, errors of the disk, values that are none
_FORBIDDEN = "42501"  # insufficient_privilege
_TAKEN = "42P07"  # duplicate_table
# Firewalls drop connections that are silent for some minutes; the archive's lock is silent for hours.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
CONNECT = {**_KEEPALIVES, "connect_timeout": 30}

_TEXT_NOT_BY_BYTES = text(
    "SELECT table_name, column_name, character_maximum_length AS length FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')"
    " AND collation_name IS DISTINCT FROM 'C' ORDER BY table_name, ordinal_position"
)

_INDEXES = text(
    "SELECT CAST(c.oid AS bigint), c.relname, t.relname FROM pg_index AS i"
    " JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid"
    " JOIN pg_am AS a ON a.oid = c.relam"
    " WHERE a.amname = 'btree' AND t.relnamespace = CAST(current_schema() AS regnamespace)"
)

_AMCHECK = text(
    "SELECT nspname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace"
    " WHERE proname = 'bt_index_check' AND pronargs = 2 AND has_function_privilege(pg_proc.oid, 'execute')"
)


class _WholeNumber(Loader):
    """Sums of sizes come as ``numeric``: whole numbers stay exact, and are what they are with SQLite."""

    def load(self, data: Any) -> int | float:
        written = bytes(data)
        return int(written) if written.lstrip(b"-").isdigit() else float(written)


class _WithoutNul(StrDumper):
    """The one character that PostgreSQL keeps in no text becomes the one for what is not known."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


def prepare(session: Session[Any], _record: object) -> None:
    """Set up a new connection."""
    session.adapters.register_loader("numeric", _WholeNumber)
    session.adapters.register_dumper(str, _WithoutNul)
    with session.cursor() as cursor:
        # Acknowledged means on the disk, whatever the server does for others.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_WAIT])
        # A reader that streams stays in its transaction while what it read is worked on, for hours.
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', '0', false)")
        for name, value in _KEEPALIVES.items():  # and the server: the lock of a machine that died must end
            cursor.execute("SELECT set_config(%s, %s, false)", [f"tcp_{name}", str(value)])
    session.commit()


def begin_migration(connection: Connection) -> None:
    """Let nobody else migrate until the transaction ends.

    Raises PhonothequeError for a database that cannot hold every text.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('phonotheque migration'))"))
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise PhonothequeError(
            f"The database {connection.engine.url.database} keeps text as {encoding}, not as UTF8.",
            "Make another one: createdb --encoding=UTF8 --template=template0 NAME",
        )


def compare_by_bytes(connection: Connection) -> None:
    """Give every text column of the ledger the collation "C": ordered as with SQLite, everywhere."""
    quote = connection.dialect.identifier_preparer.quote
    changes: dict[str, list[str]] = {}
    for table, column, length in connection.execute(_TEXT_NOT_BY_BYTES):
        if table in metadata.tables:
            kind = "text" if length is None else f"varchar({length})"
            change = f'ALTER COLUMN {quote(column)} TYPE {kind} COLLATE "C"'
            changes.setdefault(table, []).append(change)
    for table, columns in changes.items():
        connection.execute(text(f"ALTER TABLE {quote(table)} {', '.join(columns)}"))


def as_ours(error: DatabaseError, where: str) -> PhonothequeError:
    """Return what an error of the server means, in our words."""
    code = getattr(error.orig, "sqlstate", None)
    said = " ".join(str(error.orig).split())
    if code in _DAMAGE:
        return VerificationError(
            f"The ledger {where} is damaged: {said}.",
            "Restore it from a backup; sealed bags and the catalogue are not affected.",
        )
    if code == _FORBIDDEN:
        advice = "The database, or a schema in it, must belong to you: createdb --owner=USER NAME"
    elif code == _TAKEN:
        advice = "Something else is in it. Give the ledger a database of its own: createdb NAME"
    else:
        advice = "Check that the server runs, that the database exists (createdb NAME) and lets you in."
    return PhonothequeError(f"The ledger {where} cannot be opened: {said}.", advice)


def integrity_errors(engine: Engine) -> Iterator[str]:
    """Read every row of every table and follow every reference; with ``amcheck`` installed, check indexes."""
    for table in metadata.sorted_tables:
        yield from _asked(engine, f"{table.name} cannot be read", _read_all, table)
        yield from _asked(engine, f"references of {table.name} cannot be read", _dangling, table)
    yield from _asked(engine, "indexes cannot be checked", _indexes, metadata)


def _asked(engine: Engine, failed: str, ask: Any, about: Table | MetaData) -> list[str]:
    try:
        with engine.connect() as connection:
            return list(ask(connection, about))
    except DatabaseError as error:
        return [f"{failed}: {_told(error)}"]


def _told(error: DatabaseError) -> str:
    """Return what the server says of damage. A server that is gone or busy says nothing of it: raise that."""
    if str(getattr(error.orig, "sqlstate", ""))[:2] not in _UNSOUND:
        raise error
    return " ".join(str(error.orig).split())


def _read_all(connection: Connection, table: Table) -> list[str]:
    # A row as text needs all of it, also what is kept apart because it is long.
    row = cast(literal_column(connection.dialect.identifier_preparer.format_table(table)), Text)
    connection.execute(select(func.count(row)).select_from(table)).scalar_one()
    return []


def _dangling(connection: Connection, table: Table) -> Iterator[str]:
    for key in table.foreign_key_constraints:
        other = key.referred_table.alias()
        pairs = [(element.parent, other.c[element.column.name]) for element in key.elements]
        query = (
            select(func.count())
            .select_from(table.outerjoin(other, and_(*[mine == theirs for mine, theirs in pairs])))
            .where(pairs[0][1].is_(None), *[mine.is_not(None) for mine, _ in pairs])
        )
        if missing := connection.execute(query).scalar_one():
            yield f"{missing} rows of {table.name} refer to missing rows of {key.referred_table.name}"


def _indexes(connection: Connection, tables: MetaData) -> Iterator[str]:
    amcheck = connection.execute(_AMCHECK).scalar()
    if amcheck is None:
        return
    for index, name, table in connection.execute(_INDEXES).all():
        if table not in tables.tables:
            continue
        try:
            with connection.begin_nested():
                connection.execute(select(getattr(func, amcheck).bt_index_check(index, True)))
        except DatabaseError as error:
            yield f"the index {name} of {table}: {_told(error)}"
