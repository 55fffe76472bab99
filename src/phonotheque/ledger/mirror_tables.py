"""The publisher's tables of mirrors: what they say that they hold, what they proved, and what came of it.

A mirror's holdings are one packed value, replaced by each report (docs/format.md): ten thousand bags of a
thousand mirrors are ten million facts, of which nearly all are the same the day after.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from phonotheque.ledger.schema import metadata

_ROW = BigInteger().with_variant(Integer(), "sqlite")
_SHA256 = String(64)
_UUID = String(36)
_TIME = String(32)

# Whoever reported, or was asked for a proof. All but the numbers, the key and the times is what they say.
mirrors = Table(
    "mirrors",
    metadata,
    Column("number", _ROW, primary_key=True),
    Column("id", _UUID, nullable=False, unique=True),
    Column("key", _SHA256),  # Ed25519, of the first report: later ones must be signed by it
    Column("first_seen", _TIME, nullable=False),
    Column("reported_at", _TIME),  # as the newest report says; none that is not newer is taken
    Column("received_at", _TIME),
    Column("report_sha256", _SHA256),
    Column("edition", Integer),  # which it follows
    Column("name", Text),
    Column("country", String(2)),
    Column("web", Text),  # the address of its public tree
    Column("peers", JSON, nullable=False),
    Column("bags", Integer, nullable=False),  # that it says it holds whole, of those that are known here
    Column("bytes", BigInteger, nullable=False),
    Column("unknown", Integer, nullable=False),  # bags that no edition listed; they count for nothing
    Column("holds", LargeBinary),  # ledger.mirrors.pack
)

# Each report in which a mirror held other bags than in the one before.
mirror_changes = Table(
    "mirror_changes",
    metadata,
    Column("mirror", _ROW, ForeignKey("mirrors.number"), primary_key=True),
    Column("at", _TIME, primary_key=True),
    Column("edition", Integer, nullable=False),
    Column("bags", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("gained", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
)

# Bags by the numbers that "holds" has, and how many copies of each there were when they were counted last.
copies = Table(
    "copies",
    metadata,
    Column("number", _ROW, primary_key=True),
    Column("bag_id", String(128), nullable=False, unique=True),
    Column("claimed", Integer, nullable=False),  # mirrors that say so
    Column("proven", Integer, nullable=False),
    Column("proven_since", _TIME),  # the oldest proof among those that count
    Column("seeders", Integer),  # as a tracker says; null: none was asked
)

# One row for a day on which the figures of a bag became others.
copies_over_time = Table(
    "copies_over_time",
    metadata,
    Column("bag", _ROW, ForeignKey("copies.number"), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("claimed", Integer, nullable=False),
    Column("proven", Integer, nullable=False),
    Column("seeders", Integer),
)

# Each time that a mirror was asked to prove that it has a bag: rows are added, none is changed.
proofs = Table(
    "proofs",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("mirror", _ROW, ForeignKey("mirrors.number"), nullable=False),
    Column("bag", _ROW, ForeignKey("copies.number"), nullable=False),
    Column("at", _TIME, nullable=False),
    Column("outcome", String(16), nullable=False),  # ledger.proofs.Outcome
    Column("method", String(32), nullable=False),  # "web" or "peer": how it was asked
    Column("address", Text, nullable=False),  # where it answered; of one address one copy counts
    Column("blocks", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index("ix_proofs_bag", "bag"),
    Index("ix_proofs_mirror", "mirror"),
    Index("ix_proofs_at", "at"),
)

# Bags whose copies fell below a threshold, or rose above one, when they were counted.
copy_alerts = Table(
    "copy_alerts",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("at", _TIME, nullable=False),
    Column("measure", String(8), nullable=False),  # "proven" or "claimed"
    Column("fell", Boolean, nullable=False),
    Column("level", String(8), nullable=False),  # ledger.mirrors.Level
    Column("wanted", Integer, nullable=False),  # how many made a bag safe then
    Column("bags", JSON, nullable=False),  # ids
)
