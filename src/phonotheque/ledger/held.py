"""The masters that are held, streamed: for questions about all of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from phonotheque.ledger.schema import files

_AT_ONCE = 50_000


def held_masters(connection: Connection) -> Iterator[list[tuple[str, int]]]:
    """Yield the SHA-256 and size in bytes of every held master, some thousands at a time."""
    query = select(files.c.sha256, files.c.size).where(files.c.kind == "master", files.c.held)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(query)
    for part in rows.partitions(_AT_ONCE):
        yield [(str(row.sha256), int(row.size)) for row in part]
