"""Where bags lie besides, or instead of, the archive's own folder."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "bag_places",
        sa.Column("bag_id", sa.String(length=128), nullable=False),
        sa.Column("place", sa.String(length=1024), nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("verified_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["bag_id"], ["bags.id"], name=op.f("fk_bag_places_bag_id")),
        sa.PrimaryKeyConstraint("bag_id", "place", name=op.f("pk_bag_places")),
    )
