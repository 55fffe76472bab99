"""The ledger's tables of what visitors ask for, and of the staff who review it.

Of requests, rows are added and none is changed. Sessions go when they end; what staff did stays.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from phonotheque.ledger import withdrawal_tables as withdrawal_tables  # referred to
from phonotheque.ledger.schema import metadata

_ROW = BigInteger().with_variant(Integer(), "sqlite")
_SHA256 = String(64)
_UUID = String(36)
_TIME = String(32)

# What somebody asked for on the page “Correct or withdraw”, as they wrote it
requests = Table(
    "requests",
    metadata,
    Column("id", _UUID, primary_key=True),  # of its public page: whoever knows it sees how it stands
    Column("kind", String(16), nullable=False),  # "withdrawal" or "correction"
    Column("received_at", _TIME, nullable=False),
    Column("language", String(8), nullable=False),
    Column("named", JSON, nullable=False),  # lines: ids of recordings, or words
    Column("asked_by", Text, nullable=False),
    Column("contact", Text),
    Column("public_name", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("public_reason", Text),
    Column("document_sha256", _SHA256),
    Column("territory", Text, nullable=False),  # model.territory
    Column("erase", Boolean, nullable=False),
    Index("ix_requests_received_at_id", "received_at", "id"),
)

# What a request to correct facts says besides.
corrections = Table(
    "corrections",
    metadata,
    Column("request_id", _UUID, ForeignKey("requests.id"), primary_key=True),
    Column("statement", Text, nullable=False),  # what is wrong, and how it should be
    Column("evidence", Text),  # how that is known
)

request_steps = Table(
    "request_steps",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("request_id", _UUID, ForeignKey("requests.id"), nullable=False),
    Column("at", _TIME, nullable=False),
    Column("step", String(16), nullable=False),  # ledger.requests.Step
    Column("by", Text, nullable=False),
    Column("note", Text),  # private
    Column("answer", Text),  # public, to whoever knows the request's id
    Column("withdrawal_id", _UUID, ForeignKey("withdrawals.id")),  # as which it was filed
    Index("ix_request_steps_request_id", "request_id"),
    Index("ix_request_steps_withdrawal_id", "withdrawal_id"),
)

staff = Table(
    "staff",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", Text, nullable=False),  # Argon2id (RFC 9106), as a PHC string
    Column("added_at", _TIME, nullable=False),
    Column("changed_at", _TIME, nullable=False),  # the password
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_sha256", _SHA256, primary_key=True),  # the token itself only the browser has
    Column("name", String(64), ForeignKey("staff.name"), nullable=False),
    Column("secure", Boolean, nullable=False),  # begun over https: its cookie goes over nothing else
    Column("begun_at", _TIME, nullable=False),
    Column("seen_at", _TIME, nullable=False),
    Index("ix_staff_sessions_name", "name"),
)

# Append-only.
staff_actions = Table(
    "staff_actions",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("at", _TIME, nullable=False),
    Column("name", String(64), nullable=False),  # also of staff who are no more
    Column("action", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSON, nullable=False),
)
