"""The first ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("finished_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accessions")),
    )
    op.create_table(
        "bags",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("audience", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("payload_files", sa.Integer(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("listens", sa.BigInteger(), nullable=True),
        sa.Column("tagmanifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("torrent_size", sa.BigInteger(), nullable=False),
        sa.Column("torrent_sha256", sa.String(length=64), nullable=False),
        sa.Column("infohash_v1", sa.String(length=40), nullable=False),
        sa.Column("infohash_v2", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bags")),
    )
    op.create_table(
        "editions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("date", sa.String(length=32), nullable=False),
        sa.Column("snapshot", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("published_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_editions")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_subject", ["subject"], unique=False)

    op.create_table(
        "fixity_checks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("finished_at", sa.String(length=32), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fixity_checks")),
    )
    with op.batch_alter_table("fixity_checks", schema=None) as batch_op:
        batch_op.create_index("ix_fixity_checks_subject", ["subject"], unique=False)

    op.create_table(
        "holdings",
        sa.Column("bag_id", sa.String(length=128), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("verified_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("bag_id", name=op.f("pk_holdings")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("master_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("accession_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.Column("pcm_sha256", sa.String(length=64), nullable=True),
        sa.Column("container", sa.String(length=32), nullable=True),
        sa.Column("codec", sa.String(length=32), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("bit_rate", sa.Integer(), nullable=True),
        sa.Column("bits_per_sample", sa.Integer(), nullable=True),
        sa.Column("lossless", sa.Boolean(), nullable=True),
        sa.Column("loudness", sa.Float(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("integrity", sa.String(length=16), nullable=False),
        sa.Column("integrity_notes", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("artwork", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["accession_id"], ["accessions.id"], name=op.f("fk_files_accession_id")),
        sa.ForeignKeyConstraint(["master_id"], ["files.id"], name=op.f("fk_files_master_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("sha256", name=op.f("uq_files_sha256")),
    )
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.create_index("ix_files_accession_id", ["accession_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_files_pcm_sha256"), ["pcm_sha256"], unique=False)

    op.create_table(
        "holding_files",
        sa.Column("bag_id", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("verified_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["bag_id"], ["holdings.bag_id"], name=op.f("fk_holding_files_bag_id")),
        sa.PrimaryKeyConstraint("bag_id", "path", name=op.f("pk_holding_files")),
    )
    op.create_table(
        "bag_files",
        sa.Column("bag_id", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recording", sa.String(length=36), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("pieces_root", sa.String(length=64), nullable=False),
        sa.Column("first_piece", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bag_id"], ["bags.id"], name=op.f("fk_bag_files_bag_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_bag_files_file_id")),
        sa.PrimaryKeyConstraint("bag_id", "path", name=op.f("pk_bag_files")),
    )
    with op.batch_alter_table("bag_files", schema=None) as batch_op:
        batch_op.create_index("ix_bag_files_file_id", ["file_id"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("territory", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=8), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("statements", sa.JSON(), nullable=False),
        sa.Column("decided_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_decisions_file_id")),
        sa.PrimaryKeyConstraint("file_id", "act", "territory", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("ix_decisions_act_answer", ["act", "answer"], unique=False)

    op.create_table(
        "rights_statements",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("licence", sa.String(length=64), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("covers", sa.String(length=16), nullable=False),
        sa.Column("territory", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("evidence_origin", sa.Text(), nullable=False),
        sa.Column("asserted_by", sa.Text(), nullable=False),
        sa.Column("asserted_at", sa.String(length=32), nullable=False),
        sa.Column("found_at", sa.LargeBinary(), nullable=True),
        sa.Column("withdrawn_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_rights_statements_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_statements")),
    )
    with op.batch_alter_table("rights_statements", schema=None) as batch_op:
        batch_op.create_index("ix_rights_statements_file_id", ["file_id"], unique=False)

    op.create_table(
        "sightings",
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.String(length=20), nullable=False),
        sa.Column("inode", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("evidence_state", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("accession_id", sa.String(length=36), nullable=False),
        sa.Column("seen_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["accession_id"], ["accessions.id"], name=op.f("fk_sightings_accession_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_sightings_file_id")),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_sightings")),
    )
    with op.batch_alter_table("sightings", schema=None) as batch_op:
        batch_op.create_index("ix_sightings_file_id", ["file_id"], unique=False)
        batch_op.create_index("ix_sightings_outcome", ["outcome"], unique=False)

    op.create_table(
        "rights_questions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("evidence_origin", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("found_at", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by", sa.String(length=36), nullable=True),
        sa.Column("withdrawn_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["rights_statements.id"], name=op.f("fk_rights_questions_answered_by")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_rights_questions_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_questions")),
    )
    with op.batch_alter_table("rights_questions", schema=None) as batch_op:
        batch_op.create_index("ix_rights_questions_file_id", ["file_id"], unique=False)
