"""Which files of bags held in part were lost since they were verified."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "holding_lost",
        sa.Column("bag_id", sa.String(128), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["bag_id"], ["holdings.bag_id"], name=op.f("fk_holding_lost_bag_id")),
        sa.PrimaryKeyConstraint("bag_id", "path", name=op.f("pk_holding_lost")),
    )
