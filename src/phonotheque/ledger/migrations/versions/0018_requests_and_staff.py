"""What visitors ask for, and the staff who review it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    _requests()
    _staff()


def _requests() -> None:
    row, uuid, time = sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.String(36), sa.String(32)
    op.create_table(
        "requests",
        sa.Column("id", uuid, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("received_at", time, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("named", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text()),
        sa.Column("public_name", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("public_reason", sa.Text()),
        sa.Column("document_sha256", sa.String(64)),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("erase", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index("ix_requests_received_at_id", "requests", ["received_at", "id"])
    op.create_table(
        "corrections",
        sa.Column("request_id", uuid, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text()),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("fk_corrections_request_id_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_corrections")),
    )
    op.create_table(
        "request_steps",
        sa.Column("id", row, nullable=False),
        sa.Column("request_id", uuid, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("withdrawal_id", uuid),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name=op.f("fk_request_steps_request_id_requests")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_request_steps_withdrawal_id_withdrawals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_steps")),
    )
    op.create_index("ix_request_steps_request_id", "request_steps", ["request_id"])
    op.create_index("ix_request_steps_withdrawal_id", "request_steps", ["withdrawal_id"])


def _staff() -> None:
    row, name, time = sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.String(64), sa.String(32)
    op.create_table(
        "staff",
        sa.Column("name", name, nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("added_at", time, nullable=False),
        sa.Column("changed_at", time, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_staff")),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("name", name, nullable=False),
        sa.Column("secure", sa.Boolean(), nullable=False),
        sa.Column("begun_at", time, nullable=False),
        sa.Column("seen_at", time, nullable=False),
        sa.ForeignKeyConstraint(["name"], ["staff.name"], name=op.f("fk_staff_sessions_name_staff")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_staff_sessions")),
    )
    op.create_index("ix_staff_sessions_name", "staff_sessions", ["name"])
    op.create_table(
        "staff_actions",
        sa.Column("id", row, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("name", name, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_actions")),
    )
