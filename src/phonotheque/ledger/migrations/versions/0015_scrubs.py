"""How far the scrub is, and when each unit was last read from end to end."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "scrubs",
        sa.Column("place", sa.String(1024), nullable=False),
        sa.Column("unit", sa.String(160), nullable=False),
        sa.Column("verified_at", sa.String(32)),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("wrong", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.String(32)),
        sa.Column("after", sa.Text()),
        sa.Column("begun_files", sa.BigInteger(), nullable=False),
        sa.Column("begun_bytes", sa.BigInteger(), nullable=False),
        sa.Column("begun_wrong", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", "unit", name=op.f("pk_scrubs")),
    )
