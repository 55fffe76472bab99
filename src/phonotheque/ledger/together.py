"""Writing rows that another process may be writing at the same moment: once, by whoever comes first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from phonotheque.ledger.schema import files
from phonotheque.model.batches import IN_A_STATEMENT, batched


def insert_unless_there(
    connection: Connection, table: Table, row: Mapping[str, Any], unique: Column[Any]
) -> int | str | None:
    """Insert a row; return its key, or None where there is one already with that value in ``unique``.

    One that another transaction has just inserted is waited for.
    """
    (key,) = table.primary_key.columns
    statement = _insert(connection, table).values(**row).on_conflict_do_nothing(index_elements=[unique])
    found: int | str | None = connection.execute(statement.returning(key)).scalar()
    return found


def insert_or_replace(
    connection: Connection, table: Table, row: Mapping[str, Any], *, keep: Collection[str] = ()
) -> None:
    """Insert a row, or put it in the place of the one that has its key, whose columns ``keep`` stay."""
    statement = _insert(connection, table).values(**row)
    key = [column.name for column in table.primary_key.columns]
    values = {name: statement.excluded[name] for name in row if name not in key and name not in keep}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values))


def one_at_a_time(connection: Connection, file_ids: Iterable[int]) -> None:
    """Let nobody else write about these files until the transaction ends; with SQLite nobody can anyway.

    Locked in one order, so that two who want the same files do not wait for each other.
    """
    for some in batched(sorted(file_ids), IN_A_STATEMENT):
        query = select(files.c.id).where(files.c.id.in_(some)).order_by(files.c.id)
        connection.execute(query.with_for_update())


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
