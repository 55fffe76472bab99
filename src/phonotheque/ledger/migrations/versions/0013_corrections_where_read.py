"""Corrections are found by what they supersede, and end with what they correct, where that was read."""

from alembic import op

revision = "0013"
down_revision = "0012"

_WHERE_READ = """UPDATE rights_statements SET found_at =
(SELECT old.found_at FROM rights_statements AS old WHERE old.id = rights_statements.supersedes)
WHERE found_at IS NULL AND supersedes IN (SELECT id FROM rights_statements WHERE found_at IS NOT NULL)"""


def upgrade() -> None:
    op.create_index("ix_rights_statements_supersedes", "rights_statements", ["supersedes"])
    while op.get_bind().exec_driver_sql(_WHERE_READ).rowcount:
        pass  # a correction of a correction comes after it
