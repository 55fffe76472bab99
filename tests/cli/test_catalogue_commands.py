"""What can be asked of the catalogue: data on stdout, messages on stderr, exit codes, no control codes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import insert

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.schema import REJECTS
from phonotheque.ledger.bags import EditionRecord, record_edition
from phonotheque.ledger.files import start_accession
from phonotheque.ledger.schema import files
from phonotheque.vault.archive import Archive
from tests.catalogue.catalogue_tables import conflict, public_id, recording, write_tables
from tests.cli.conftest import Phono

OLD, NEW = "2026-11-21T101500Z", "2026-12-21T101500Z"
NASTY = "Song \x1b[31m\u202e[bold]"  # would colour the terminal, and turn its text around


def sha(key: int) -> str:
    return hashlib.sha256(bytes([key])).hexdigest()


def fill(archive: Archive, name: str = NEW, **tables: Any) -> None:
    """A snapshot of four recordings; a file of each is known."""
    rows = [
        recording(0, title=NASTY, listens=900),
        recording(1, listens=90, duration_ms=None),
        recording(2, listens=10),
        recording(3),
    ]
    known = [{"sha256": sha(key), "recording": key, "fact": key, "pcm_sha256": None} for key in range(4)]
    write_tables(archive.catalogue, {"recordings": rows, "files": known} | tables, name=name)


def hold(archive: Archive, key: int, size: int = 1_000_000) -> None:
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="tests", at=NEW)
        row = {"sha256": sha(key), "size": size, "kind": "master", "held": True, "accession_id": accession}
        row |= {"name": "a", "added_at": NEW, "integrity": "intact", "integrity_notes": []}
        ledger.execute(insert(files), row | {"tags": {}, "artwork": []})


def test_conflicts_are_explained(phono: Phono, archive: Archive) -> None:
    sides = {"titles": [NASTY, "Song 1"], "artists": ["A", "B"], "disagree": ["artist"]}
    found = [conflict("isrc", score=0.6, evidence="FRZ039800212", detail=sides), conflict("title", score=0.2)]
    fill(archive, conflicts=found)
    shown = phono("conflicts", archive.folder)
    assert shown.code == 0
    assert (
        "0.60  isrc         The ISRC FRZ039800212 is on “Song �[31m�[bold]” by A and on “Song 1”" in shown.out
    )
    assert shown.out.index("0.60") < shown.out.index("0.20")
    assert "2 conflicts in all: 1 isrc, 1 title." in shown.err
    data = phono("conflicts", archive.folder, "--min-score", "0.5", "--json").data
    assert (data["snapshot"], data["counts"], data["total"]) == (NEW, {"isrc": 1, "title": 1}, 1)
    (one,) = data["conflicts"]
    assert (one["a"]["title"], one["b"]["id"]) == (NASTY, public_id("Song 1"))
    assert one["explanation"].endswith("The artists differ. They are kept as two recordings.")
    assert "1 more" in phono("conflicts", archive.folder, "--limit", "1").err
    assert phono("conflicts", archive.folder, "--kind", "sound").out == ""
    wrong = phono("conflicts", archive.folder, "--kind", "nonsense")
    assert (wrong.code, "isrc, sound, title" in wrong.err) == (2, True)


def test_coverage_says_what_it_rests_on(phono: Phono, archive: Archive) -> None:
    fill(archive)
    hold(archive, 1, 7_000_000)
    shown = phono("coverage", archive.folder, "--points", "2")
    assert shown.code == 0
    lines = [line.split() for line in shown.out.splitlines()]
    assert lines[1] == ["50", "%", "1", "3", "min", "0", "s", "19.1", "MB", "1.7", "MB"]
    assert ["99", "%", "2", "6", "min", "0", "s", "26.1", "MB", "3.4", "MB"] in lines
    assert lines[-2][:2] == ["uncounted", "1"]
    assert "Held: masters of 1 recording, 7.0 MB: 9.0 % of listening." in shown.out
    assert "850 kbit/s where none is held" in shown.err
    assert "1 recording of unknown length taken to last 3 min 0 s" in shown.err
    data = phono("coverage", archive.folder, "--master-kbps", "80", "--json").data
    assert data["marks"][0]["weight"]["master_bytes"] == 180 * 80_000 // 8
    assert (data["held"]["listens"], data["listens"], data["points"]) == (90, 1000, [])


def test_coverage_where_nobody_counted(phono: Phono, archive: Archive) -> None:
    write_tables(archive.catalogue, {"recordings": [recording(0)]})
    shown = phono("coverage", archive.folder)
    assert "Share of recordings" in shown.out
    assert "every recording counts the same" in shown.err


def test_snapshots_are_listed_and_collected(phono: Phono, archive: Archive) -> None:
    assert phono("snapshots", archive.folder).code == 0
    for day in range(1, 6):
        fill(archive, f"2026-12-0{day}T101500Z")
    published = "2026-12-02T101500Z"
    with archive.ledger.begin() as ledger:
        record_edition(ledger, EditionRecord(1, "2026-12-02T10:15:00Z", published, "0" * 64, NEW))
    rows = phono("snapshots", archive.folder, "--json").data["snapshots"]
    assert [(row["current"], row["published"]) for row in rows] == [
        (False, False),
        (False, True),
        (False, False),
        (False, False),
        (True, False),
    ]
    assert (rows[0]["counts"]["recordings"], rows[0]["sources"]) == (4, {"tests": 2})
    assert phono("snapshots", archive.folder, "--collect").code == 2
    assert phono("snapshots", archive.folder, "--keep", "2").code == 2
    collected = phono("snapshots", archive.folder, "--collect", "--keep", "2")
    assert collected.code == 0
    assert "Removed 2026-12-01T101500Z." in collected.out
    left = [row["stamp"] for row in phono("snapshots", archive.folder, "--json").data["snapshots"]]
    assert left == [published, "2026-12-04T101500Z", "2026-12-05T101500Z"]
    again = phono("snapshots", archive.folder, "--collect", "--keep", "2", "--json").data
    assert (again["removed"], again["freed"]) == ([], 0)


def test_nothing_is_collected_while_an_edition_cannot_be_read(phono: Phono, archive: Archive) -> None:
    for name in (OLD, NEW):
        fill(archive, name)
    edition = archive.public / "targets" / "editions" / "1" / "edition.json"
    edition.parent.mkdir(parents=True)
    edition.write_text("{}")
    assert phono("snapshots", archive.folder, "--collect", "--keep", "1").code == 4
    assert (archive.catalogue / OLD).is_dir()


def test_a_broken_snapshot_is_named(phono: Phono, archive: Archive) -> None:
    for name in (OLD, NEW):
        fill(archive, name)
    (archive.catalogue / OLD / "snapshot.json").write_text("{")
    found = phono("snapshots", archive.folder)
    assert found.code == 4
    assert NEW in found.out
    assert f"{OLD} cannot be read" in found.err


def test_nothing_is_collected_while_another_writes(phono: Phono, archive: Archive) -> None:
    for name in (OLD, NEW):
        fill(archive, name)
    with archive.writing("add"):
        assert phono("snapshots", archive.folder, "--collect", "--keep", "1").code == 1
        assert phono("snapshots", archive.folder).code == 0


def test_what_changed(phono: Phono, archive: Archive) -> None:
    write_tables(archive.catalogue, {"recordings": [recording(0, title=NASTY, listens=1)]}, name=OLD)
    fill(archive)
    shown = phono("diff", archive.folder, "2026-11", "current")
    assert shown.code == 0
    assert f"+ {public_id('Song 1')}  Song 1 · Somebody" in shown.out
    assert f"~ {public_id(NASTY)}  Song �[31m�[bold] · Somebody" in shown.out
    assert "listens: 1 → 900" in shown.out
    assert f"Recordings from {OLD} to {NEW}: 3 added, 1 changed, 0 redirected, 0 lost." in shown.err
    data = phono("diff", archive.folder, OLD, NEW, "--limit", "1", "--json").data
    assert [entry["what"] for entry in data["entries"]] == ["added", "changed"]
    assert data["counts"]["added"] == 3
    assert phono("diff", archive.folder, NEW, OLD, "--kind", "artists", "--json").data["entries"] == []
    assert phono("diff", archive.folder, "2026", "current").code == 2
    assert phono("diff", archive.folder, "1999", "current").code == 3


def test_a_shuffle_goes_on_where_it_ended(phono: Phono, archive: Archive) -> None:
    fill(archive)
    first = phono("random", archive.folder, "-n", "3", "--seed", "mine", "--json").data
    rest = phono(
        "random", archive.folder, "-n", "3", "--seed", "mine", "--after", first["after"], "--json"
    ).data
    assert (len(first["recordings"]), len(rest["recordings"]), rest["of"]) == (3, 1, 4)
    assert {hit["title"] for hit in first["recordings"] + rest["recordings"]} == {
        NASTY,
        "Song 1",
        "Song 2",
        "Song 3",
    }
    shown = phono("random", archive.folder, "-n", "3", "--seed", "mine")
    assert [hit["id"] for hit in first["recordings"]] == [
        line.split()[-1] for line in shown.out.splitlines()[1:]
    ]
    assert "--seed mine --after 3" in shown.err
    assert "All 4 have come." in phono("random", archive.folder, "--seed", "mine").err
    assert phono("random", archive.folder, "--after", "3").code == 2


def test_a_shuffle_of_what_is_held(phono: Phono, archive: Archive) -> None:
    fill(archive)
    assert "No master is held." in phono("random", archive.folder, "--held").err
    for key in (1, 3):
        hold(archive, key)
    found = phono("random", archive.folder, "--held", "--json").data
    assert ({hit["title"] for hit in found["recordings"]}, found["of"]) == ({"Song 1", "Song 3"}, 2)


def rejected(source: str, file: str, **row: Any) -> dict[str, Any]:
    whole = {"source": source, "accession": "a", "file": file, "scope": "value", "reason": "is not valid"}
    return dict.fromkeys(REJECTS.names) | whole | row


def take_in(archive: Archive, source: str, rows: list[dict[str, Any]]) -> None:
    batches = pa.Table.from_pylist(rows, schema=REJECTS).to_batches()
    dataset = Dataset(Path(), source, f"/{source}", "a", "2026-11-21T10:15:00Z")
    datasets.write(archive.catalogue, dataset, {"rejects": batches})


def test_rejects_name_file_place_and_reason(phono: Phono, archive: Archive) -> None:
    assert "Nothing was rejected." in phono("rejects", archive.folder).err
    isrc = {"field": "isrc", "value": "FRZO39800212", "record_id": "r2"}
    rows = [rejected("table", "b.csv", position=n, **isrc) for n in (9, 3)]
    rows.append(rejected("table", "a.csv", scope="file", reason=f"is no CSV: {NASTY}"))
    take_in(archive, "table", rows)
    take_in(
        archive, "discogs", [rejected("discogs", "r.xml.gz", scope="record", position=1, reason="is broken")]
    )
    shown = phono("rejects", archive.folder)
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "discogs  r.xml.gz:1: the record is broken",
        "table  a.csv: the file is no CSV: Song �[31m�[bold]",
        "table  b.csv:3 (r2): isrc “FRZO39800212” is not valid",
        "table  b.csv:9 (r2): isrc “FRZO39800212” is not valid",
    ]
    assert "4 rejects:" in shown.err
    assert "2  table, value: is not valid" in shown.err
    data = phono(
        "rejects", archive.folder, "--source", "table", "--scope", "value", "--limit", "1", "--json"
    ).data
    assert data["total"] == 2
    assert data["reasons"] == [{"source": "table", "scope": "value", "reason": "is not valid", "times": 2}]
    assert [reject["position"] for reject in data["rejects"]] == [3]
    unknown = phono("rejects", archive.folder, "--source", "fma")
    assert (unknown.code, "discogs, table" in unknown.err) == (3, True)


@pytest.mark.parametrize(
    "command", [("conflicts",), ("coverage",), ("random",), ("diff", "current", "current")]
)
def test_without_a_catalogue_there_is_nothing_to_ask(
    phono: Phono, archive: Archive, command: tuple[str, ...]
) -> None:
    asked = phono(command[0], archive.folder, *command[1:])
    assert (asked.code, "phono add" in asked.err, asked.out) == (3, True, "")
