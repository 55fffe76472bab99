"""Deposits, messages of labels, and the files that they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "deliveries",
        sa.Column("release", sa.String(600), nullable=False),
        sa.Column("message_sha256", sa.String(64), nullable=False),
        sa.Column("main", sa.String(600), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("release", "message_sha256", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_main", "deliveries", ["main"])
    op.create_table(
        "deposits",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("agreement_sha256", sa.String(64), nullable=False),
        sa.Column("depositor", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("finished_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
        sa.UniqueConstraint("agreement_sha256", name=op.f("uq_deposits_agreement_sha256")),
    )
    op.create_table(
        "granted_files",
        sa.Column("basis", sa.String(620), nullable=False),
        sa.Column("file_id", row, nullable=False),
        sa.Column("what", sa.String(1024), nullable=False),
        sa.Column("accession_id", sa.String(36), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_granted_files_file_id_files")),
        sa.ForeignKeyConstraint(
            ["accession_id"], ["accessions.id"], name=op.f("fk_granted_files_accession_id_accessions")
        ),
        sa.PrimaryKeyConstraint("basis", "file_id", "what", name=op.f("pk_granted_files")),
    )
    op.create_index("ix_granted_files_file_id", "granted_files", ["file_id"])
    op.create_index("ix_granted_files_accession_id", "granted_files", ["accession_id"])
