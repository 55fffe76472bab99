"""What statements allow, when and on which facts; territories of any length."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXTS = (("decisions", "territory"), ("bags", "audience"))


def upgrade() -> None:
    with op.batch_alter_table("rights_statements") as table:
        table.add_column(sa.Column("supersedes", sa.String(36)))
        for name in ("acts", "conditions", "dates"):
            table.add_column(sa.Column(name, sa.JSON(none_as_null=True)))
        for name in ("valid_from", "valid_until"):
            table.add_column(sa.Column(name, sa.String(10)))
        table.add_column(sa.Column("stated_at", sa.String(32)))
        table.add_column(sa.Column("evidence_sha256", sa.String(64)))
        name = "fk_rights_statements_supersedes_rights_statements"
        table.create_foreign_key(name, "rights_statements", ["supersedes"], ["id"])
    if op.get_bind().dialect.name == "postgresql":
        for table_name, column in _TEXTS:
            op.alter_column(table_name, column, type_=sa.Text())
