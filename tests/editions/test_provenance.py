"""Credits and codes in an edition tell who says so: source, accession and date, in bounded lists."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.schema import accessions
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
CODE = "ZZPHN2400001"


def take_in(archive: Archive, music: Path) -> None:
    create_keys(archive.keys)
    tags = {"TITLE": "One", "ARTIST": "The Testers", "ISRC": CODE, "COMPOSER": "A. Writer", "LICENSE": CC0}
    flac(music / "1.flac", 1, tags, seconds=20)
    add_folder(archive, music)
    rebuild_catalogue(archive, at=NOW)


def lines(archive: Archive) -> list[dict[str, Any]]:
    (records,) = archive.bags.glob("*-0001/recordings.jsonl")
    return [json.loads(line) for line in records.read_text().splitlines()]


def test_each_line_tells_who_says_who_made_it_and_its_codes(archive: Archive, tmp_path: Path) -> None:
    take_in(archive, tmp_path / "in")
    publish(archive, at=NOW)
    (line,) = lines(archive)
    assert [(one["field"], one["value"], one["sayers"]) for one in line["said_by"]] == [
        ("credit", "The Testers", 1),
        ("composers", "A. Writer", 1),
        ("isrcs", CODE, 1),
    ]
    with archive.ledger.connect() as ledger:
        (accession,) = ledger.execute(accessions.select()).all()
    expected = {
        "source": "folder",
        "accession": accession.id,
        "record": line["master_sha256"],
        "date": accession.started_at,
    }
    assert [one["by"] for one in line["said_by"]] == [[expected]] * 3
