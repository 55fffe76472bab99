"""The ledger's tables of agreements: deposits, messages of labels, and the files that they are about."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from phonotheque.ledger.schema import metadata

_ROW = BigInteger().with_variant(Integer(), "sqlite")
_SHA256 = String(64)
_UUID = String(36)
_TIME = String(32)

# What each message of a label (DDEX) spoke of: of several about a release the one created last holds.
deliveries = Table(
    "deliveries",
    metadata,
    Column("release", String(600), primary_key=True),  # its sender's id and the release's
    Column("message_sha256", _SHA256, primary_key=True),
    Column("main", String(600), nullable=False),  # the release that it came with, as its track; or itself
    Column("message_id", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),  # as the message says
    Column("recorded_at", _TIME, nullable=False),
    Index("ix_deliveries_main", "main"),
)

# Deposits under an agreement, which is kept as evidence.
deposits = Table(
    "deposits",
    metadata,
    Column("id", _UUID, primary_key=True),
    Column("agreement_sha256", _SHA256, nullable=False, unique=True),
    Column("depositor", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("agent", Text, nullable=False),  # who took it in
    Column("signed_by", Text),  # the key's fingerprint
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME),  # null while under way or interrupted
)

# Which files an agreement is about, and what it calls them.
granted_files = Table(
    "granted_files",
    metadata,
    Column("basis", String(620), primary_key=True),  # "ddex:" and a release, or "deposit:" and its id
    Column("file_id", _ROW, ForeignKey("files.id"), primary_key=True),
    Column("what", String(1024), primary_key=True),  # a recording's code, or the path in the deposit
    Column("accession_id", _UUID, ForeignKey("accessions.id"), nullable=False),
    Column("recorded_at", _TIME, nullable=False),
    Index("ix_granted_files_file_id", "file_id"),
    Index("ix_granted_files_accession_id", "accession_id"),
)
