"""An older ledger becomes one of today with all that is in it, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, insert, select, text

from phonotheque.ledger.connect import HEAD, connect, open_database, revision_of
from phonotheque.ledger.files import each_file, sightings_of
from phonotheque.ledger.schema import accessions, files, metadata, sightings
from tests.ledger.ledger_facts import DAY
from tests.postgresql import new_database

pytestmark = pytest.mark.sqlite("makes databases of both kinds itself")
LONG = b"/" + b"long/" * 700 + b"\xff.flac"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: URL) -> Iterator[Engine]:
    """A database with a ledger of the first version in it."""
    if request.param == "sqlite":
        url = URL.create("sqlite", database=str(tmp_path / "ledger.sqlite"))
    else:
        url = new_database(postgresql_server, f"{tmp_path.name.lower()}_old")
    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", "phonotheque:ledger/migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    yield engine
    engine.dispose()


def test_the_first_version_becomes_the_newest_with_what_it_holds(engine: Engine) -> None:
    assert revision_of(engine) == "0001"
    path = LONG if engine.dialect.name == "sqlite" else b"/a"  # nothing longer could be kept there
    accession = {"id": "1" * 36, "source": "folder", "location": "/", "agent": "me", "started_at": DAY[0]}
    file = {
        "id": 7, "sha256": "a" * 64, "size": 2**40, "kind": "master", "held": True, "name": "é",
        "accession_id": accession["id"], "added_at": DAY[0], "integrity": "intact", "sample_rate": 44_100,
    }  # fmt: skip
    sighting = {
        "device": "1", "inode": "2", "size": 3, "mtime_ns": 4, "evidence_state": "5" * 64, "outcome": "held",
        "file_id": 7, "accession_id": accession["id"], "seen_at": DAY[0],
    }  # fmt: skip
    with engine.begin() as ledger:
        ledger.execute(insert(accessions), accession)
        ledger.execute(insert(files), {**file, "integrity_notes": [], "tags": {"title": "é"}, "artwork": []})
        # The path as it was written then: whole.
        keep = insert(sightings).values(**sighting)
        ledger.execute(keep.values(path=b"/to be named"))
        rename = text("UPDATE sightings SET path = :path")
        ledger.execute(rename, {"path": path})
    connect(engine.url).dispose()
    assert revision_of(engine) == HEAD
    with engine.connect() as ledger:
        context = MigrationContext.configure(ledger, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        (row,) = each_file(ledger)
        assert (row.id, row.size, row.tags) == (7, 2**40, {"title": "é"})
        assert sightings_of(ledger, [path])[path].file_id == 7
        assert ledger.execute(select(accessions.c.source)).scalar() == "folder"
