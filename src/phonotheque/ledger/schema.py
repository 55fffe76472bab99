"""The ledger's tables. Times are UTC, ISO 8601 text; hashes are lower-case hex; sizes are bytes.

Paths of source files are bytes, as the file system gave them: names need not be UTF-8.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

_LONGEST_PATH = 2000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_SHA256 = String(64)
_UUID = String(36)
_TIME = String(32)
# SQLite numbers rows only in a column of type INTEGER; PostgreSQL needs BIGINT at this project's scale.
_ROW = BigInteger().with_variant(Integer(), "sqlite")
# What files say of themselves can be anything. SQLite's integers have 64 bits, its texts any length already.
_LIST = JSON(none_as_null=True)  # null for nothing
_STATED = BigInteger().with_variant(Integer(), "sqlite")


def path_key(path: bytes) -> bytes:
    """Return a path as a key: itself, or of a very long one its beginning and its SHA-256.

    PostgreSQL's indexes hold values of some 2,700 bytes; Linux has paths of 4,096.
    """
    if len(path) <= _LONGEST_PATH:
        return path
    return path[: _LONGEST_PATH - 100] + b"\0" + sha256(path).hexdigest().encode()


class SourcePath(TypeDecorator[bytes]):
    """A source path that rows are found by; very long ones are kept as ``path_key``."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Return what is stored, and looked for."""
        return None if value is None else path_key(value)


accessions = Table(
    "accessions",
    metadata,
    Column("id", _UUID, primary_key=True),
    Column("source", Text().with_variant(String(32), "sqlite"), nullable=False),  # "folder", "listens", …
    Column("location", Text, nullable=False),
    Column("agent", Text, nullable=False),  # who took it in
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME),  # null while under way or interrupted
    Index("ix_accessions_started_at", "started_at", "id"),
    Index("ix_accessions_source", "source", "started_at", "id"),
)

files = Table(
    "files",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("sha256", _SHA256, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),  # "master", "access" or "sidecar"
    Column("master_id", _ROW, ForeignKey("files.id")),  # an access copy's master
    Column("held", Boolean, nullable=False),  # false: known and examined, but not allowed to be kept
    Column("accession_id", _UUID, ForeignKey("accessions.id"), nullable=False),
    Column("name", Text, nullable=False),  # relative to the source, for people; lossy if it was not UTF-8
    Column("added_at", _TIME, nullable=False),
    Column("pcm_sha256", _SHA256, index=True),
    Column("container", String(32)),
    Column("codec", String(32)),
    Column("duration", Float),  # seconds
    Column("sample_rate", _STATED),
    Column("channels", _STATED),
    Column("bit_rate", _STATED),
    Column("bits_per_sample", _STATED),
    Column("lossless", Boolean),
    Column("loudness", Float),  # LUFS
    Column("fingerprint", LargeBinary),
    Column("integrity", String(16), nullable=False),
    Column("integrity_notes", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("artwork", JSON, nullable=False),
    Index("ix_files_accession_id", "accession_id", "id"),
    Index("ix_files_master_id", "master_id"),
)

# Every source path ever looked at: what makes a second `add` of the same folder quick, and what was refused.
sightings = Table(
    "sightings",
    metadata,
    Column("path", SourcePath, primary_key=True),
    Column(
        "device", String(20), nullable=False
    ),  # text: st_dev and st_ino can exceed a signed 64-bit integer
    Column("inode", String(20), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("evidence_state", _SHA256, nullable=False),  # of the notes about its rights: names, sizes, mtimes
    Column("outcome", String(16), nullable=False),  # "held", "known" or a refusal's kind
    Column("reason", Text),
    Column("file_id", _ROW, ForeignKey("files.id")),
    Column("accession_id", _UUID, ForeignKey("accessions.id"), nullable=False),
    Column("seen_at", _TIME, nullable=False),
    Index("ix_sightings_file_id", "file_id"),
    Index("ix_sightings_outcome", "outcome"),
)

# Artwork, lyrics and documents that lay beside music. Their bytes are files of the kind "sidecar".
sidecars = Table(
    "sidecars",
    metadata,
    Column("path", SourcePath, primary_key=True),  # the source path
    Column("file_id", _ROW, ForeignKey("files.id"), primary_key=True),  # what lay there
    Column("beside", SourcePath, nullable=False),  # a track's path without extension, or a folder's with "/"
    Column("kind", String(16), nullable=False),  # "picture", "lyrics" or "document"
    Column("role", String(16), nullable=False),  # "front", "back", …, "lyrics", "cue-sheet", …
    Column("accession_id", _UUID, ForeignKey("accessions.id"), nullable=False),  # which first saw it there
    Column("seen_at", _TIME, nullable=False),
    Column("superseded_at", _TIME),  # something else lies there now; both are kept
    Index("ix_sidecars_beside", "beside"),
    Index("ix_sidecars_file_id", "file_id"),
)

rights_statements = Table(
    "rights_statements",
    metadata,
    Column("id", _UUID, primary_key=True),
    Column("file_id", _ROW, ForeignKey("files.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("licence", Text().with_variant(String(64), "sqlite")),
    Column("holder", Text),
    Column("covers", String(16), nullable=False),
    Column("territory", Text().with_variant(String(16), "sqlite"), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("evidence_origin", Text, nullable=False),
    Column("asserted_by", Text, nullable=False),
    Column("asserted_at", _TIME, nullable=False),
    Column("found_at", LargeBinary),  # the source path it, or what it corrects, was read at; null for a grant
    Column("withdrawn_at", _TIME),  # nothing is edited: what no longer stands is dated, and kept
    Column("withdrawn_because", Text),  # a person retracted or corrected it; it is not read from files again
    Column("supersedes", _UUID, ForeignKey("rights_statements.id")),  # the statement that this one corrects
    Column("acts", _LIST),
    Column("conditions", _LIST),
    Column("valid_from", String(10)),  # days, ISO 8601
    Column("valid_until", String(10)),
    Column("stated_at", String(32)),
    Column("dates", _LIST),  # model.rights.Dates
    Column("evidence_sha256", _SHA256),  # of a document that the archive keeps
    Index("ix_rights_statements_file_id", "file_id"),
    Index("ix_rights_statements_supersedes", "supersedes"),
)

rights_questions = Table(
    "rights_questions",
    metadata,
    Column("id", _UUID, primary_key=True),
    Column("file_id", _ROW, ForeignKey("files.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("candidates", JSON, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("evidence_origin", Text, nullable=False),
    Column("asked_at", _TIME, nullable=False),
    Column("found_at", LargeBinary),
    Column("answered_by", _UUID, ForeignKey("rights_statements.id")),
    Column("withdrawn_at", _TIME),  # the evidence changed before anyone answered
    Index("ix_rights_questions_file_id", "file_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("file_id", _ROW, ForeignKey("files.id"), primary_key=True),
    Column("act", String(16), primary_key=True),
    # "WORLD", and for what is not allowed everywhere a second row for where it is.
    Column("territory", Text().with_variant(String(16), "sqlite"), primary_key=True),
    Column("answer", String(8), nullable=False),
    Column("rule", Text().with_variant(String(64), "sqlite"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("conditions", JSON, nullable=False),
    Column("statements", JSON, nullable=False),  # ids
    Column("decided_at", _TIME, nullable=False),
    Column("turns_on", String(10)),  # the next day on which it may be another; null: none
    Index("ix_decisions_act_answer", "act", "answer"),
    Index("ix_decisions_turns_on", "turns_on"),
)

# Each time that everything was decided anew.
redecisions = Table(
    "redecisions",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("day", String(10), nullable=False),  # as of which
    Column("basis", _SHA256, nullable=False),  # of what decisions rest on besides statements
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME),  # null while under way or interrupted
    Column("last_file", BigInteger, nullable=False),  # how far it came, in the order of files.id
    Column("files", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),  # of these, whose answers changed
)

bags = Table(
    "bags",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("edition", Integer, nullable=False),  # the edition that was being made when it was sealed
    Column("wave", Integer, nullable=False),
    Column("audience", Text().with_variant(String(64), "sqlite"), nullable=False),  # model.territory
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
)

bag_files = Table(
    "bag_files",
    metadata,
    Column("bag_id", String(128), ForeignKey("bags.id"), primary_key=True),
    Column("path", String(1024), primary_key=True),  # relative to the bag, with "/"
    Column("file_id", _ROW, ForeignKey("files.id")),  # null for tag files and catalogue tables
    Column("recording", _UUID),
    Column("size", BigInteger, nullable=False),
    Column("sha256", _SHA256, nullable=False),
    Column("pieces_root", _SHA256, nullable=False),  # BEP 52; empty for an empty file
    Column("first_piece", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),
    Index("ix_bag_files_file_id", "file_id"),
)

# Where whole, verified bags lie besides, or instead of, the archive's own folder.
bag_places = Table(
    "bag_places",
    metadata,
    Column("bag_id", String(128), ForeignKey("bags.id"), primary_key=True),
    Column("place", String(1024), primary_key=True),  # "s3://bucket/prefix" or a folder; the bag is below it
    Column("moved", Boolean, nullable=False),  # true: its payload is no longer in vault/bags
    Column("verified_at", _TIME, nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("date", _TIME, nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("sha256", _SHA256, nullable=False),  # of edition.json
    Column("published_at", _TIME, nullable=False),
)

# A mirror's own record of what it holds of somebody else's editions.
holdings = Table(
    "holdings",
    metadata,
    Column("bag_id", String(128), primary_key=True),
    Column("edition", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # ledger.holdings.HoldingState
    Column("verified_at", _TIME),
)

holding_files = Table(
    "holding_files",
    metadata,
    Column("bag_id", String(128), ForeignKey("holdings.bag_id"), primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", _SHA256, nullable=False),
    Column("verified_at", _TIME, nullable=False),
    # The first 8 bytes (big-endian, signed) of its pieces root (BEP 52); none where no torrent told it.
    Column("root_start", BigInteger),
    Index("ix_holding_files_size", "size", "root_start"),
    Index("ix_holding_files_sha256", "sha256"),
)

# Files of bags held in part that were verified once, and found missing or wrong since.
holding_lost = Table(
    "holding_lost",
    metadata,
    Column("bag_id", String(128), ForeignKey("holdings.bag_id"), primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", _SHA256, nullable=False),
)

fixity_checks = Table(
    "fixity_checks",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("subject", Text, nullable=False),  # a bag's id, "incoming", "catalogue" or "ledger"
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("findings", JSON, nullable=False),
    Index("ix_fixity_checks_subject", "subject"),
)

# Append-only; types are PREMIS 3.0 event types (id.loc.gov/vocabulary/preservation/eventType).
events = Table(
    "events",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("at", _TIME, nullable=False),
    Column("type", String(48), nullable=False),
    Column("subject", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("outcome", String(16), nullable=False),  # "success", "warning" or "fail"
    Column("detail", JSON, nullable=False),
    Index("ix_events_subject", "subject", postgresql_using="hash"),
)

# Long work, one row a run: written when it begins and ends, and every few seconds between.
jobs = Table(
    "jobs",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("kind", String(16), nullable=False),  # the command: "add", "publish"
    Column("what", Text, nullable=False),  # what the command was given
    Column("options", JSON, nullable=False),  # what it takes to do it again
    Column("state", String(16), nullable=False),  # "running", "done", "interrupted" or "failed"
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("process", Text, nullable=False),  # tells the process from a later one with its number
    Column("cluster", Text),  # null: processes of that host
    Column("stage", Text),
    Column("files", BigInteger, nullable=False),  # of this stage, done
    Column("of_files", BigInteger),  # null: not known, or not yet
    Column("bytes", BigInteger, nullable=False),
    Column("of_bytes", BigInteger),
    Column("started_at", _TIME, nullable=False),
    Column("stage_at", _TIME, nullable=False),  # when this stage began
    Column("seen_at", _TIME, nullable=False),  # when it last said how far it was
    Column("finished_at", _TIME),
    Column("message", Text),  # why it ended
)

# What a job could not do and could be tried again. What was never tried, or is refused for good, is not here.
job_items = Table(
    "job_items",
    metadata,
    Column("id", _ROW, primary_key=True),
    Column("job_id", _ROW, ForeignKey("jobs.id"), nullable=False),
    Column("item", LargeBinary, nullable=False),  # a source path, or a name
    Column("outcome", String(16), nullable=False),  # "failed", or "set aside": it killed its workers
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("settled_at", _TIME),  # when it was done after all
    Index("ix_job_items_job_id", "job_id"),
    Index("ix_job_items_item", "item", postgresql_using="hash"),
)
