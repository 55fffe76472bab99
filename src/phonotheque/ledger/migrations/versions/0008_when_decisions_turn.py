"""When decisions may change, each time that all were made anew, and why a statement was retracted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "redecisions",
        sa.Column("id", row, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("finished_at", sa.String(32)),
        sa.Column("last_file", sa.BigInteger, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redecisions")),
    )
    op.add_column("decisions", sa.Column("turns_on", sa.String(10)))
    op.create_index("ix_decisions_turns_on", "decisions", ["turns_on"])
    op.add_column("rights_statements", sa.Column("withdrawn_because", sa.Text))
