"""What the archive's own files say, as facts for the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.files import each_file
from phonotheque.sources.held import add_listens, catalogue_is_behind, rebuild_catalogue, track_facts
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, now
from tests.conftest import MakeArchive
from tests.tones import flac, wav

pytestmark = pytest.mark.usefixtures("in_process")


def test_every_master_is_a_row_of_facts_held_or_only_known(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    tags = {"TITLE": "A song", "ARTIST": "Somebody", "TRACKNUMBER": "3/9", "ISRC": "US-S1Z-99-00001"}
    flac(music / "a.flac", 1, tags)
    wav(music / "An untitled one.wav", 2)
    add_folder(archive, music)
    with archive.ledger.connect() as ledger:
        rows = [row for batch in track_facts(ledger) for row in batch.to_pylist()]
        hashes = [row.sha256 for row in each_file(ledger)]
    assert [row["source_id"] for row in rows] == [row["file_sha256"] for row in rows] == hashes
    by_title = {row["title"]: row for row in rows}
    assert set(by_title) == {"A song", "An untitled one"}
    song = by_title["A song"]
    assert (song["artists"], song["track_number"], song["isrcs"]) == (["Somebody"], 3, ["USS1Z9900001"])
    assert song["duration_ms"] == 500
    assert '"TITLE"' in song["raw"].upper()


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
