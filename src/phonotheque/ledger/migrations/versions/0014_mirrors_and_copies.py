"""Mirrors that report, what they proved, and the copies of each bag over time."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    time, sha256 = sa.String(32), sa.String(64)
    op.create_table(
        "mirrors",
        sa.Column("number", row, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sha256),
        sa.Column("first_seen", time, nullable=False),
        sa.Column("reported_at", time),
        sa.Column("received_at", time),
        sa.Column("report_sha256", sha256),
        sa.Column("edition", sa.Integer()),
        sa.Column("name", sa.Text()),
        sa.Column("country", sa.String(2)),
        sa.Column("web", sa.Text()),
        sa.Column("peers", sa.JSON(), nullable=False),
        sa.Column("bags", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("holds", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_mirrors")),
        sa.UniqueConstraint("id", name=op.f("uq_mirrors_id")),
    )
    op.create_table(
        "copies",
        sa.Column("number", row, nullable=False),
        sa.Column("bag_id", sa.String(128), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.Column("proven", sa.Integer(), nullable=False),
        sa.Column("proven_since", time),
        sa.Column("seeders", sa.Integer()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_copies")),
        sa.UniqueConstraint("bag_id", name=op.f("uq_copies_bag_id")),
    )
    op.create_table(
        "mirror_changes",
        sa.Column("mirror", row, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("bags", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mirror"], ["mirrors.number"], name=op.f("fk_mirror_changes_mirror_mirrors")
        ),
        sa.PrimaryKeyConstraint("mirror", "at", name=op.f("pk_mirror_changes")),
    )
    op.create_table(
        "copies_over_time",
        sa.Column("bag", row, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.Column("proven", sa.Integer(), nullable=False),
        sa.Column("seeders", sa.Integer()),
        sa.ForeignKeyConstraint(["bag"], ["copies.number"], name=op.f("fk_copies_over_time_bag_copies")),
        sa.PrimaryKeyConstraint("bag", "day", name=op.f("pk_copies_over_time")),
    )
    op.create_table(
        "proofs",
        sa.Column("id", row, nullable=False),
        sa.Column("mirror", row, nullable=False),
        sa.Column("bag", row, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mirror"], ["mirrors.number"], name=op.f("fk_proofs_mirror_mirrors")),
        sa.ForeignKeyConstraint(["bag"], ["copies.number"], name=op.f("fk_proofs_bag_copies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proofs")),
    )
    for column in ("bag", "mirror", "at"):
        op.create_index(f"ix_proofs_{column}", "proofs", [column])
    op.create_table(
        "copy_alerts",
        sa.Column("id", row, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("measure", sa.String(8), nullable=False),
        sa.Column("fell", sa.Boolean(), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("bags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_alerts")),
    )
