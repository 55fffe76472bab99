"""Find the access copies of a master without reading all files."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("ix_files_master_id", "files", ["master_id"])
