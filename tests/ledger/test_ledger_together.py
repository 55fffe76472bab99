"""Several processes write one ledger at once: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL, func, select

from phonotheque.ledger.connect import connect, integrity_errors
from phonotheque.ledger.schema import (
    accessions,
    decisions,
    events,
    files,
    holdings,
    metadata,
    rights_statements,
    sidecars,
    sightings,
)
from tests.postgresql import new_database

pytestmark = pytest.mark.sqlite("makes databases of both kinds itself")

WRITERS = 4
FILES = 60  # that all of them record; as many more are each one's own
ROOT = Path(__file__).parents[2]

_WRITER = """
import random, sys
from dataclasses import replace
from phonotheque.ledger.connect import connect
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import Sighting, record_file, record_sighting, start_accession
from phonotheque.ledger.holdings import want
from phonotheque.ledger.sidecars import record_sidecar
from phonotheque.ledger.statements import record_evidence, save_decisions
from phonotheque.model.rights import Act, Answer, Decision
from phonotheque.model.sidecars import Beside, SidecarFacts, SidecarKind
from tests.ledger.ledger_facts import DAY, evidence, facts, statement

beside = Beside(SidecarKind.DOCUMENT, "notes", b"/m/")
url, me, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = connect(url)
yes = [Decision(Act.STREAM, Answer.YES, "cc", "It may.")]
names = [f"all {n}" for n in range(count)] + [f"{me} {n}" for n in range(count)]
random.Random(me).shuffle(names)
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as ledger:
    accession = start_accession(ledger, source="folder", location=me, agent=me, at=DAY[0])
new = 0
for name in names:
    with engine.begin() as ledger:
        done = record_file(
            ledger, facts(name), kind="master", held=True, accession=accession, name=name, at=DAY[0]
        )
        new += done.newly_held
        seen = Sighting(name.encode(), "1", "2", 3, 4, "5" * 64, "held", None, done.id)
        record_sighting(ledger, seen, accession=accession, at=DAY[0])
        record_evidence(ledger, done.id, evidence(statement()), found_at=name.encode(), at=DAY[0])
        save_decisions(ledger, {done.id: yes}, at=DAY[0])
        want(ledger, name, edition=1, size=1)
        record_event(ledger, at=DAY[0], kind="ingestion end", subject=name, agent=me)
    text = SidecarFacts(facts("text of " + name).sha256, 10, "text/plain", beside)
    with engine.begin() as ledger:
        done = record_sidecar(
            ledger, text, path=b"/m/" + name.encode(), held=True, accession=accession, name=name, at=DAY[0]
        )
        new += done.newly_held
engine.dispose()
print(new)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: URL) -> URL:
    """The address of a new, empty database."""
    if request.param == "sqlite":
        return URL.create("sqlite", database=str(tmp_path / "ledger.sqlite"))
    return new_database(postgresql_server, f"{tmp_path.name.lower()}_together")


def test_writers_at_once_lose_nothing_and_write_nothing_twice(url: URL) -> None:
    address = url.render_as_string(hide_password=False)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, address, f"writer {number}", str(FILES)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    for writer in writers:  # the schema is made by one of them, and there for all
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    new = [json.loads(writer.communicate("go\n")[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert sum(new) == 2 * FILES * (WRITERS + 1), "each file was new to exactly one of them"
    engine = connect(url)
    with engine.connect() as ledger:
        counted = {
            table.name: ledger.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    errors = integrity_errors(engine)
    engine.dispose()
    once, every = FILES * (WRITERS + 1), FILES * 2 * WRITERS
    once_each = (sightings, decisions, rights_statements, holdings, sidecars)
    assert {table.name: counted[table.name] for table in once_each} == {
        table.name: once for table in once_each
    }
    assert counted[files.name] == 2 * once, "music, and a text beside each"
    assert (counted[events.name], counted[accessions.name]) == (every, WRITERS)
    assert errors == []
