"""A reader that leaves early (``phono … | head -1``): a quiet end, with the exit code of all commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from phonotheque.ledger.files import record_file, start_accession
from phonotheque.sources.decide import redecide
from tests.conftest import MakeArchive
from tests.ledger.ledger_facts import facts

AT = "2026-11-26T00:00:00Z"


@pytest.fixture
def large(make_archive: MakeArchive) -> Path:
    """An archive of which more is listed than a pipe holds."""
    made = make_archive()
    with made.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/music", agent="me", at=AT)
        ids = []
        for number in range(400):
            name = f"{number:03} {'la ' * 60}.flac"
            known = record_file(
                ledger, facts(name), kind="master", held=False, accession=accession, name=name, at=AT
            )
            ids.append(known.id)
        redecide(ledger, ids, made.settings, at=AT)
    return made.folder


@pytest.mark.parametrize("words", [("rights", "list", "--json"), ("rights", "list", "--all")])
def test_nothing_is_said_when_nobody_reads_on(large: Path, words: tuple[str, ...]) -> None:
    run = [sys.executable, "-m", "phonotheque.cli.main", *words, str(large)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read().decode()
        code = process.wait()
    assert "Traceback" not in told
    assert "closed database" not in told
    assert (code, told) == (1, "")
