"""The names of all rules that a decision follows, one for each law that takes part in it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("decisions", "rule", type_=sa.Text())
