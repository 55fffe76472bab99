"""Withdrawals, and bags that were taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _of(table: str, *columns: tuple[str, str]) -> list[sa.schema.SchemaItem]:
    """Return a table's foreign keys, by (column, "table.column")."""
    return [
        sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))
        for column, target in columns
    ]


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "withdrawals",
        _text("id", 36),
        _text("requested_at", 32),
        _text("asked_by"),
        _text("contact", nullable=True),
        sa.Column("public_name", sa.Boolean(), nullable=False),
        _text("reason"),
        _text("public_reason", nullable=True),
        _text("document_sha256", 64, nullable=True),
        _text("territory"),
        sa.Column("acts", sa.JSON(), nullable=False),
        sa.Column("erase", sa.Boolean(), nullable=False),
        sa.Column("asked_for", sa.JSON(), nullable=False),
        _key("withdrawals", "id"),
    )
    op.create_table(
        "withdrawal_items",
        _text("withdrawal_id", 36),
        _text("kind", 16),
        _text("value", 64),
        *_of("withdrawal_items", ("withdrawal_id", "withdrawals.id")),
        _key("withdrawal_items", "withdrawal_id", "kind", "value"),
    )
    op.create_index("ix_withdrawal_items_value", "withdrawal_items", ["value"])
    op.create_table(
        "withdrawal_steps",
        sa.Column("id", row, nullable=False),
        _text("withdrawal_id", 36),
        _text("at", 32),
        _text("step", 16),
        _text("by"),
        _text("note", nullable=True),
        *_of("withdrawal_steps", ("withdrawal_id", "withdrawals.id")),
        _key("withdrawal_steps", "id"),
    )
    op.create_index("ix_withdrawal_steps_withdrawal_id", "withdrawal_steps", ["withdrawal_id"])
    op.create_table(
        "withdrawal_files",
        _text("withdrawal_id", 36),
        sa.Column("file_id", row, nullable=False),
        _text("recording", 36, nullable=True),
        _text("name"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _text("sha256", 64),
        _text("pcm_sha256", 64, nullable=True),
        sa.Column("statements", sa.JSON(), nullable=False),
        sa.Column("bagged", sa.JSON(), nullable=False),
        _text("at", 32),
        *_of("withdrawal_files", ("withdrawal_id", "withdrawals.id"), ("file_id", "files.id")),
        _key("withdrawal_files", "withdrawal_id", "file_id"),
    )
    op.create_index("ix_withdrawal_files_file_id", "withdrawal_files", ["file_id"])
    op.create_table(
        "former_bags",
        _text("id", 128),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        _text("audience"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("payload_files", sa.Integer(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("listens", sa.BigInteger(), nullable=True),
        _text("tagmanifest_sha256", 64),
        sa.Column("torrent_size", sa.BigInteger(), nullable=False),
        _text("torrent_sha256", 64),
        _text("infohash_v1", 40),
        _text("infohash_v2", 64),
        _text("sealed_at", 32),
        sa.Column("taken_back_in", sa.Integer(), nullable=False),
        _text("taken_back_at", 32),
        _text("reason"),
        _text("replaced_by", 128, nullable=True),
        sa.Column("places", sa.JSON(), nullable=False),
        _key("former_bags", "id"),
    )
    op.create_table(
        "former_bag_files",
        _text("bag_id", 128),
        _text("path", 1024),
        sa.Column("file_id", row, nullable=True),
        _text("recording", 36, nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _text("sha256", 64),
        _text("left_because", 16, nullable=True),
        _text("withdrawal_id", 36, nullable=True),
        *_of(
            "former_bag_files",
            ("bag_id", "former_bags.id"),
            ("file_id", "files.id"),
            ("withdrawal_id", "withdrawals.id"),
        ),
        _key("former_bag_files", "bag_id", "path"),
    )
    op.create_index("ix_former_bag_files_file_id", "former_bag_files", ["file_id"])
