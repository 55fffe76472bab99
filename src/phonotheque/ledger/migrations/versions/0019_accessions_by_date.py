"""Accessions are found by when they began, for lists of what came since."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index("ix_accessions_started_at", "accessions", ["started_at", "id"])
