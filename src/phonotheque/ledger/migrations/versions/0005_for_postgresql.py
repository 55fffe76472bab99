"""Room for whatever files say of themselves on PostgreSQL, and paths of any length as keys."""

import sqlalchemy as sa
from alembic import op

from phonotheque.ledger.schema import path_key

revision = "0005"
down_revision = "0004"

_STATED = ("sample_rate", "channels", "bit_rate", "bits_per_sample")
_TEXTS = (("accessions", "source"), ("rights_statements", "licence"), ("rights_statements", "territory"))
_HASHED = (("events", "subject"), ("job_items", "item"))  # looked up by equality, and of any length


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for column in _STATED:
            op.alter_column("files", column, type_=sa.BigInteger())
        for table, column in _TEXTS:
            op.alter_column(table, column, type_=sa.Text())
        for table, column in _HASHED:
            op.drop_index(f"ix_{table}_{column}", table)
            op.create_index(f"ix_{table}_{column}", table, [column], postgresql_using="hash")
    _shorten("sightings", "path")
    _shorten("sidecars", "path")
    _shorten("sidecars", "beside")


def _shorten(table: str, column: str) -> None:
    path = sa.column(column, sa.LargeBinary)
    kept = sa.table(table, path)
    long = sa.select(path).where(sa.func.length(path) > 2000).distinct()
    for (value,) in op.get_bind().execute(long).all():
        op.execute(sa.update(kept).where(path == value).values({column: path_key(value)}))
