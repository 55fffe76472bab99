"""Looking at what came of adding a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from phonotheque.ledger.files import each_file, outcomes
from phonotheque.ledger.schema import decisions, rights_statements, sightings
from phonotheque.ledger.statements import open_questions
from phonotheque.sources.intake import AddResult
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import check_incoming, check_ledger
from phonotheque.vault.incoming import incoming_path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def master(archive: Archive, source: Path) -> Path:
    """Where the master of a source file lies while it is in no bag."""
    return incoming_path(archive.incoming, sha256(source))


def names(archive: Archive, *, held: bool | None = None) -> list[str]:
    with archive.ledger.connect() as ledger:
        return sorted(row.name for row in each_file(ledger, held=held))


def ways_of(archive: Archive) -> dict[str, int]:
    with archive.ledger.connect() as ledger:
        return outcomes(ledger)


def reasons(archive: Archive) -> dict[str, str]:
    """The reason for every refusal that the ledger keeps, by the name of the file."""
    query = select(sightings.c.path, sightings.c.reason).where(sightings.c.reason.is_not(None))
    with archive.ledger.connect() as ledger:
        return {Path(row.path.decode("utf-8", "replace")).name: row.reason for row in ledger.execute(query)}


def notes(result: AddResult) -> dict[str, str]:
    """What a person is told, by the name of the file."""
    return {Path(path).name: text for path, text in result.notable}


def licences(archive: Archive) -> list[tuple[str | None, bool]]:
    """Every statement's licence, and whether it stands."""
    table = rights_statements
    query = select(table.c.licence, table.c.withdrawn_at).order_by(table.c.licence)
    with archive.ledger.connect() as ledger:
        return [(row.licence, row.withdrawn_at is None) for row in ledger.execute(query)]


def questions(archive: Archive) -> list[tuple[str, str]]:
    with archive.ledger.connect() as ledger:
        return [(one.name, one.question.text) for one in open_questions(ledger)]


def state(archive: Archive) -> tuple[Any, ...]:
    """Everything that must not depend on how often adding was broken off."""
    with archive.ledger.connect() as ledger:
        rows = sorted((row.sha256, row.name, row.held, row.pcm_sha256) for row in each_file(ledger))
        seen = ledger.execute(select(sightings.c.path, sightings.c.outcome).order_by(sightings.c.path)).all()
        decided = ledger.execute(select(decisions.c.act, decisions.c.answer)).all()
    on_disk = sorted(path.name for path in archive.incoming.rglob("*") if path.is_file())
    return rows, [tuple(row) for row in seen], sorted(map(tuple, decided)), on_disk


def assert_sound(archive: Archive) -> None:
    assert check_ledger(archive).findings == ()
    assert check_incoming(archive).findings == ()
    assert list(archive.incoming.glob(".*")) == []
