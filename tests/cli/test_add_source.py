"""phono add SOURCE:PLACE: what a source says goes in, is found, and is published on its own terms."""

from __future__ import annotations

import gzip
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.catalogue import datasets, manifest
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.normalise import normal_fact
from phonotheque.catalogue.schema import FACTS, NONFREE, RECORDS
from phonotheque.cli import add
from phonotheque.sources.held import catalogue_is_behind, rebuild_catalogue
from phonotheque.vault.archive import Archive, open_archive
from tests.catalogue.catalogue_facts import batches
from tests.cli.conftest import Phono
from tests.sources.test_discogs import release
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings")
MAPPING = """
source = "mill"
[columns]
record_id = "No."
title = "Title"
artists = "Artist"
isrcs = "ISRC"
"""
ROWS = "No.,Title,Artist,ISRC\n1,Opening,Ann Field,USS1Z9900001\n2,Closing,Ann Field,\n"


@pytest.fixture
def place(phono: Phono, tmp_path: Path) -> Path:
    """The folder of an archive."""
    assert phono("init", tmp_path / "archive", "--name", "Ours").code == 0
    return tmp_path / "archive"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return put(tmp_path / "songs.csv", ROWS)


def put(path: Path, rows: str) -> Path:
    path.write_text(rows)
    path.with_name(f"{path.name}.mapping.toml").write_text(MAPPING)
    return path


def dump(folder: Path, *releases: str) -> Path:
    folder.mkdir()
    content = "\n".join(["<releases>", *releases, "</releases>", ""])
    (folder / "discogs_20260801_releases.xml.gz").write_bytes(gzip.compress(content.encode()))
    return folder


def test_a_table_is_taken_in_and_found(phono: Phono, place: Path, table: Path) -> None:
    added = phono("add", place, f"table:{table}", "--workers", "1", "--verify")
    assert (added.code, added.err) == (0, "")
    assert "table: 2 records; 2 tracks." in added.out
    assert "compared: 2 records, all equal" in added.out
    (hit,) = phono("search", place, "opening", "--json").data
    assert (hit["title"], hit["artist"]) == ("Opening", "Ann Field")
    shown = phono("show", place, "USS1Z9900001", "--json").data
    assert shown["id"] == hit["id"]
    assert "mill:1" in json.dumps(shown)


def test_a_dump_of_discogs_is_taken_in_and_its_releases_shown(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    folder = dump(tmp_path / "dump", release(12), release(13, title="Other"))
    added = phono("add", place, f"discogs:{folder}", "--workers", "1", "--json")
    assert (added.code, added.data["complete"], added.data["unchanged"]) == (0, True, False)
    assert (added.data["rows"]["records"], added.data["rows"]["facts"]) == (2, 2)
    assert (added.data["rejects"], added.data["audio"]) == ({}, [])
    assert phono("show", place, "r12", "--json").data["title"] == "Album"
    assert "Other" in phono("show", place, "discogs:13").out


def test_the_same_again_is_unchanged_and_changed_files_replace(
    phono: Phono, place: Path, table: Path
) -> None:
    words = ("add", place, f"table:{table}", "--workers", "1")
    first = phono(*words, "--json").data
    current = (place / "catalogue" / "CURRENT").read_text()
    again = phono(*words)
    assert again.code == 0
    assert "taken in before; nothing was read again" in again.out
    unchanged = phono(*words, "--json").data
    assert (unchanged["unchanged"], unchanged["rows"]) == (True, first["rows"])
    assert (place / "catalogue" / "CURRENT").read_text() == current
    assert phono(*words, "--reread", "--json").data["unchanged"] is False
    put(table, ROWS.replace("Opening", "Overture"))
    assert phono(*words, "--json").data["unchanged"] is False
    hits = phono("search", place, "ann field", "--json").data
    assert {hit["title"] for hit in hits} == {"Overture", "Closing"}


def test_records_that_were_left_out_end_with_1_and_are_listed(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    folder = dump(tmp_path / "dump", release(12), '<release id="none"/>', release(13))
    added = phono("add", place, f"discogs:{folder}", "--workers", "1")
    assert added.code == 1
    assert "discogs: 2 records; 2 tracks" in added.out
    assert "Left out: 1 record." in added.err
    assert "phono rejects" in added.err
    listed = phono("rejects", place, "--json").data
    assert [row["position"] for row in listed["rejects"]] == [2]
    again = phono("add", place, f"discogs:{folder}", "--json")
    assert (again.code, again.data["rejects"]) == (1, {"record": 1})  # it is no better for being known
    assert phono("search", place, "song").code == 0


def test_values_that_were_left_out_end_with_1_only_when_strict(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    table = put(tmp_path / "songs.csv", ROWS.replace("USS1Z9900001", "no code"))
    words = ("add", place, f"table:{table}", "--workers", "1", "--json")
    lenient = phono(*words)
    assert (lenient.code, lenient.data["rejects"], lenient.data["complete"]) == (0, {"value": 1}, True)
    strict = phono(*words, "--strict")
    assert (strict.code, strict.data["rejects"]) == (1, {"value": 1})


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("wax:here", 2, "discogs"),
        ("discogs:nowhere", 3, "nowhere"),
        ("table:nowhere.csv", 3, "nowhere.csv"),
        ("discogs:.", 3, "discogs"),
        ("musicbrainz:.", 2, "dumps"),
        ("discogs:", 3, "not a folder"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(
    phono: Phono,
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    code: int,
    said: str,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    ran = phono("add", place, source)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert not (place / "catalogue" / "CURRENT").exists()


def test_a_run_stopped_before_its_snapshot_is_made_good_by_the_next(
    phono: Phono, place: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("add", place, f"table:{table}", "--workers", "1")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(add, "rebuild_catalogue", killed)
        assert phono(*words).code != 0
    archive = open_archive(place)
    assert catalogue_is_behind(archive)
    assert manifest.current(archive.catalogue) is None
    again = phono(*words, "--json")
    assert (again.code, again.data["unchanged"]) == (0, True)
    assert not catalogue_is_behind(archive)
    assert [hit["title"] for hit in phono("search", place, "opening", "--json").data] == ["Opening"]


def test_what_is_not_free_is_published_only_when_asked(phono: Phono, place: Path, tmp_path: Path) -> None:
    flac(tmp_path / "music" / "a.flac", 1, {"TITLE": "A", "ARTIST": "B", "LICENSE": "CC0-1.0"})
    assert phono("add", place, tmp_path / "music").code == 0
    archive = open_archive(place)
    said_with_nonfree(archive)
    assert phono("publish", place, "--date", "2026-11-21", "--json").data["edition"] == 1
    free = catalogue_files(place, "0001")
    assert {"facts", "records"} <= free
    assert "nonfree" not in free
    flac(tmp_path / "music" / "b.flac", 2, {"TITLE": "C", "ARTIST": "B", "LICENSE": "CC0-1.0"})
    assert phono("add", place, tmp_path / "music").code == 0
    with_all = phono("publish", place, "--with-nonfree", "--date", "2026-11-22", "--json")
    assert (with_all.code, with_all.data["edition"]) == (0, 2)
    assert catalogue_files(place, "0002") == free | {"nonfree"}


def said_with_nonfree(archive: Archive) -> None:
    """Make the archive's catalogue know a record, a part of which is under other terms."""
    common = {"source": "musicbrainz", "accession": "an accession"}
    named = common | {"kind": "release", "record_id": "r1"}
    fact = dict.fromkeys(FACTS.names[: FACTS.names.index("title_key")])
    fact |= common | {"record_id": "r1", "source_id": "t1", "title": "Song", "artists": ["Band"]}
    tables = {
        "facts": batches([normal_fact(fact)], FACTS),
        "records": batches([named | {"raw": '{"tags":null}'}], RECORDS),
        "nonfree": batches(
            [named | {"licence": "CC-BY-NC-SA-3.0", "splices": json.dumps([[8, '["folk"]']])}], NONFREE
        ),
    }
    dataset = Dataset(Path(), "musicbrainz", "there", "an accession", "2026-11-20T10:15:00Z")
    with archive.writing("add"):
        datasets.write(archive.catalogue, dataset, tables)
        rebuild_catalogue(archive, at=datetime(2026, 11, 20, 10, 15, tzinfo=UTC))


def catalogue_files(place: Path, edition: str) -> set[str]:
    """The tables in an edition's bag of the catalogue."""
    (bag,) = (place / "vault" / "bags").glob(f"*-{edition}-catalogue*")
    if bag.is_file():
        with tarfile.open(bag) as packed:
            names = [Path(name) for name in packed.getnames()]
    else:
        names = [path for path in bag.rglob("*") if path.is_file()]
    return {
        path.parent.name if path.stem.isdecimal() else path.stem
        for path in names
        if path.suffix == ".parquet"
    }
