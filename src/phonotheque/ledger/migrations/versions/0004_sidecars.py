"""Artwork, lyrics and documents that lie beside music."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sidecars",
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", row, nullable=False),
        sa.Column("beside", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("accession_id", sa.String(length=36), nullable=False),
        sa.Column("seen_at", sa.String(length=32), nullable=False),
        sa.Column("superseded_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_sidecars_file_id")),
        sa.ForeignKeyConstraint(["accession_id"], ["accessions.id"], name=op.f("fk_sidecars_accession_id")),
        sa.PrimaryKeyConstraint("path", "file_id", name=op.f("pk_sidecars")),
    )
    op.create_index("ix_sidecars_beside", "sidecars", ["beside"])
    op.create_index("ix_sidecars_file_id", "sidecars", ["file_id"])
