"""Files of held bags are found by their pieces root, too: there may be many of one size."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("holding_files", sa.Column("root_start", sa.BigInteger()))
    op.drop_index("ix_holding_files_size", "holding_files")
    op.create_index("ix_holding_files_size", "holding_files", ["size", "root_start"])
