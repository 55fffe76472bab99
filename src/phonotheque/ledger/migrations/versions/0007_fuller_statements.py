"""What statements allow, when and on which facts; territories of any length."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXTS = (("decisions", "territory"), ("bags", "audience"))


# Not in a batch: on SQLite that drops the table that questions refer to.
_SUPERSEDES = """ALTER TABLE rights_statements ADD COLUMN supersedes VARCHAR(36)
CONSTRAINT fk_rights_statements_supersedes_rights_statements REFERENCES rights_statements (id)"""


def upgrade() -> None:
    op.execute(_SUPERSEDES)
    for name in ("acts", "conditions", "dates"):
        op.add_column("rights_statements", sa.Column(name, sa.JSON(none_as_null=True)))
    for name in ("valid_from", "valid_until"):
        op.add_column("rights_statements", sa.Column(name, sa.String(10)))
    op.add_column("rights_statements", sa.Column("stated_at", sa.String(32)))
    op.add_column("rights_statements", sa.Column("evidence_sha256", sa.String(64)))
    if op.get_bind().dialect.name == "postgresql":
        for table_name, column in _TEXTS:
            op.alter_column(table_name, column, type_=sa.Text())
