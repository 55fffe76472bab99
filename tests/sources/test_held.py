"""What the archive's own files say, as facts for the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.catalogue import manifest
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.files import each_file
from phonotheque.ledger.schema import accessions
from phonotheque.sources.held import add_listens, add_source, catalogue_is_behind, rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.sources.table import SOURCE
from phonotheque.vault.archive import Archive, now
from tests.catalogue.catalogue_facts import rows_of
from tests.conftest import MakeArchive
from tests.tones import flac, wav

pytestmark = pytest.mark.usefixtures("in_process")


def test_every_master_is_a_row_of_facts_held_or_only_known(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    tags = {"TITLE": "A song", "ARTIST": "Somebody", "TRACKNUMBER": "3/9", "ISRC": "US-S1Z-99-00001"}
    flac(music / "a.flac", 1, tags)
    wav(music / "An untitled one.wav", 2)
    add_folder(archive, music)
    snapshot = rebuild_catalogue(archive, at=now())
    rows = rows_of(snapshot, "facts")
    with archive.ledger.connect() as ledger:
        hashes = sorted(row.sha256 for row in each_file(ledger))
    assert [row["source_id"] for row in rows] == [row["file_sha256"] for row in rows] == hashes
    by_title = {row["title"]: row for row in rows}
    assert set(by_title) == {"A song", "An untitled one"}
    song = by_title["A song"]
    assert (song["artists"], song["track_number"], song["isrcs"]) == (["Somebody"], 3, ["USS1Z9900001"])
    assert song["duration_ms"] == 500
    records = {row["record_id"]: json.loads(row["raw"]) for row in rows_of(snapshot, "records")}
    assert list(records) == hashes
    raw = records[song["record_id"]]
    assert raw["name"] == "a.flac"
    assert "A song" in json.dumps(raw["tags"])
    assert {row["source"] for row in rows} == {"folder"}


def test_the_archive_s_own_files_stand_beside_what_sources_say(
    archive: Archive, music: Path, tmp_path: Path
) -> None:
    flac(music / "a.flac", 1, {"TITLE": "Greensleeves", "ARTIST": "Ann Field", "ISRC": "USS1Z9900001"})
    add_folder(archive, music)
    rebuild_catalogue(archive, at=now())
    said = tmp_path / "said.csv"
    said.write_text("title,artist,isrc,label\nGreensleeves,Ann Field,USS1Z9900001,Mill Tapes\n")
    mapping = '[columns]\ntitle = "title"\nartists = "artist"\nisrcs = "isrc"\nlabel = "label"\n'
    (tmp_path / "said.csv.mapping.toml").write_text(f'source = "mill"\n{mapping}')
    with archive.writing("add"):
        result = add_source(archive, SOURCE, said, workers=1)
    assert result.complete
    assert catalogue_is_behind(archive)
    snapshot = rebuild_catalogue(archive, at=now())
    assert [row["source"] for row in rows_of(snapshot, "facts")] == ["folder", "table"]
    assert snapshot.counts["recordings"] == 1  # of one ISRC
    with archive.ledger.connect() as ledger:
        (accession,) = ledger.execute(select(accessions).where(accessions.c.id == result.accession)).all()
    assert (accession.source, accession.location) == ("table", str(said.resolve()))
    assert manifest.verify(snapshot) == []


def test_what_was_added_can_be_found(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1, {"TITLE": "Greensleeves", "ARTIST": "Somebody"})
    wav(music / "caf.wav", 2)
    add_folder(archive, music)
    assert catalogue_is_behind(archive)
    rebuild_catalogue(archive, at=now())
    assert not catalogue_is_behind(archive)
    with Catalogue.open(archive.catalogue) as catalogue:
        (hit,) = catalogue.search("greensl")
        assert (hit.title, hit.artist) == ("Greensleeves", "Somebody")
        assert catalogue.counts()["recordings"] == 2


def test_listens_are_kept_and_the_same_file_replaces_itself(
    archive: Archive, music: Path, tmp_path: Path
) -> None:
    flac(music / "a.flac", 1, {"TITLE": "A", "ARTIST": "B", "ISRC": "USS1Z9900001"})
    add_folder(archive, music)
    counts = tmp_path / "counts.csv"
    for listens in (5, 7):
        counts.write_text(f"isrc,listens\nUSS1Z9900001,{listens}\nnonsense,1\nUSS1Z9900001,many\n")
        rows, rejects = add_listens(archive, counts, at=now())
        assert rows == 1
        assert [reject.partition(":")[0] for reject in rejects] == ["line 3", "line 4"]
        assert catalogue_is_behind(archive)
        rebuild_catalogue(archive, at=now())
        with Catalogue.open(archive.catalogue) as catalogue:
            assert [hit.listens for hit in catalogue.search("a")] == [listens]
