"""The ledger's tables of withdrawals, and of bags that were taken back: rows are added, none is changed."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from phonotheque.ledger.schema import metadata

_ROW = BigInteger().with_variant(Integer(), "sqlite")
_SHA256 = String(64)
_UUID = String(36)
_TIME = String(32)

# What somebody asked to be taken back, as they asked it. Who asked is public only with ``public_name``.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", _UUID, primary_key=True),
    Column("requested_at", _TIME, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("contact", Text),
    Column("public_name", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("public_reason", Text),
    Column("document_sha256", _SHA256),  # a document that the archive keeps
    Column("territory", Text, nullable=False),  # model.territory
    Column("acts", JSON, nullable=False),
    Column("erase", Boolean, nullable=False),  # the bytes are to go, too
    Column("asked_for", JSON, nullable=False),  # in the words of whoever asked: ids, names, codes
)

# What it covers, also in copies that come in later.
withdrawal_items = Table(
    "withdrawal_items",
    metadata,
    Column("withdrawal_id", _UUID, ForeignKey("withdrawals.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # "recording", "sha256" or "pcm"
    Column("value", String(64), primary_key=True),  # a public id, or a hash
    Index("ix_withdrawal_items_value", "value"),
)

# Everything that happened to it. Its state is what the last of these made it.
withdrawal_steps = Table(
    "withdrawal_steps",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("withdrawal_id", _UUID, ForeignKey("withdrawals.id"), nullable=False),
    Column("at", _TIME, nullable=False),
    Column("step", String(16), nullable=False),  # ledger.withdrawals.Step
    Column("by", Text, nullable=False),
    Column("note", Text),
    Index("ix_withdrawal_steps_withdrawal_id", "withdrawal_id"),
)

# Evidence of what was taken back, without its content: it stays, also when the bytes are erased.
withdrawal_files = Table(
    "withdrawal_files",
    metadata,
    Column("withdrawal_id", _UUID, ForeignKey("withdrawals.id"), primary_key=True),
    Column("file_id", _ROW, ForeignKey("files.id"), primary_key=True),
    Column("recording", _UUID),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", _SHA256, nullable=False),
    Column("pcm_sha256", _SHA256),
    Column("statements", JSON, nullable=False),  # that stood then
    Column("bagged", JSON, nullable=False),  # "bag/path" where it was published
    Column("at", _TIME, nullable=False),
    Index("ix_withdrawal_files_file_id", "file_id"),
)

# Bags that are current no more. What they held is in former_bag_files; what is current is in bags.
former_bags = Table(
    "former_bags",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("edition", Integer, nullable=False),  # which brought it
    Column("wave", Integer, nullable=False),
    Column("audience", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("payload_bytes", BigInteger, nullable=False),
    Column("payload_files", Integer, nullable=False),
    Column("recordings", Integer, nullable=False),
    Column("listens", BigInteger),
    Column("tagmanifest_sha256", _SHA256, nullable=False),
    Column("torrent_size", BigInteger, nullable=False),
    Column("torrent_sha256", _SHA256, nullable=False),
    Column("infohash_v1", String(40), nullable=False),
    Column("infohash_v2", _SHA256, nullable=False),
    Column("sealed_at", _TIME, nullable=False),
    Column("taken_back_in", Integer, nullable=False),  # the edition that was being made
    Column("taken_back_at", _TIME, nullable=False),
    Column("reason", Text, nullable=False),  # public
    Column("replaced_by", String(128)),  # the bag that holds what remains
    Column("places", JSON, nullable=False),  # outside the archive's folder, where it lay
)

former_bag_files = Table(
    "former_bag_files",
    metadata,
    Column("bag_id", String(128), ForeignKey("former_bags.id"), primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("file_id", _ROW, ForeignKey("files.id")),
    Column("recording", _UUID),
    Column("size", BigInteger, nullable=False),
    Column("sha256", _SHA256, nullable=False),
    Column("left_because", String(16)),  # ledger.former_bags.Why; null: it is in the bag that replaces this
    Column("withdrawal_id", _UUID, ForeignKey("withdrawals.id")),
    Index("ix_former_bag_files_file_id", "file_id"),
)
