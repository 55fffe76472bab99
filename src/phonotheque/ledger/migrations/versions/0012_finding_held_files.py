"""Files of held bags are found by their size and by their SHA-256, so that none is fetched twice."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_index("ix_holding_files_size", "holding_files", ["size"])
    op.create_index("ix_holding_files_sha256", "holding_files", ["sha256"])
