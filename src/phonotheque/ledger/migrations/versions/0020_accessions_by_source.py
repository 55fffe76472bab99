"""Accessions are listed by source, and what each took in, some at a time."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_index("ix_accessions_source", "accessions", ["source", "started_at", "id"])
    op.drop_index("ix_files_accession_id", "files")
    op.create_index("ix_files_accession_id", "files", ["accession_id", "id"])
