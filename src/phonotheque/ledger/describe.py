"""What a ledger is, for whoever looks after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from phonotheque.ledger.connect import HEAD, shown
from phonotheque.ledger.move import rows_of

_SQLITE = (
    "SELECT 'SQLite ' || sqlite_version(), page_count * page_size FROM pragma_page_count, pragma_page_size"
)
_POSTGRESQL = (
    "SELECT 'PostgreSQL ' || current_setting('server_version'), pg_database_size(current_database())"
)


@dataclass(frozen=True, slots=True)
class Described:
    """Where a ledger is, the kind and version of its database, its schema, bytes and rows of each table."""

    place: str
    database: str
    revision: str
    bytes: int
    rows: Mapping[str, int]
    warnings: tuple[str, ...]


def describe(engine: Engine) -> Described:
    """Return what can be said of an open ledger; ``warnings`` name what makes it less safe than it can be."""
    on_server = engine.dialect.name == "postgresql"
    with engine.connect() as ledger:
        kind, size = ledger.execute(text(_POSTGRESQL if on_server else _SQLITE)).one()
        warnings = tuple(_warnings(ledger)) if on_server else ()
    return Described(shown(engine), kind, HEAD, int(size), dict(sorted(rows_of(engine).items())), warnings)


def _warnings(ledger: Connection) -> list[str]:
    safe = {"fsync": "on", "full_page_writes": "on"}
    return [
        f"The server runs with {name} = {value}: a power cut can destroy the ledger."
        for name, wanted in safe.items()
        if (value := ledger.execute(text(f"SHOW {name}")).scalar_one()) != wanted
    ]
