"""phono duplicates, as somebody sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert

from phonotheque.ledger.files import start_accession
from phonotheque.ledger.schema import files
from phonotheque.vault.archive import Archive
from tests.audio.audio_making import FLAC, music, write
from tests.cli.conftest import Phono
from tests.fingerprints import Values, data, fingerprint, with_errors

AT = "2026-11-21T10:15:00Z"
NASTY = "song \x1b[31m\u202e.flac"
SONG = fingerprint(1, 948)


def hold(archive: Archive, *held: tuple[str, Values, dict[str, object]]) -> None:
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="tests", at=AT)
        for name, values, more in held:
            row: dict[str, object] = {
                "sha256": name.encode().hex().ljust(64, "0")[:64],
                "pcm_sha256": None,
                "name": name,
            }
            row |= {"size": 1_000_000, "kind": "master", "held": True, "accession_id": accession}
            row |= {"added_at": AT, "integrity": "intact", "integrity_notes": [], "tags": {}, "artwork": []}
            row |= {"codec": "flac", "duration": 200.0, "sample_rate": 44_100, "channels": 2}
            row |= {"bits_per_sample": 16, "bit_rate": 900_000, "lossless": True, "fingerprint": data(values)}
            ledger.execute(insert(files), row | more)


MP3 = {"codec": "mp3", "lossless": False, "bit_rate": 128_000, "size": 300_000}


def test_groups_are_shown_with_why(phono: Phono, archive: Archive) -> None:
    hold(
        archive,
        (NASTY, SONG, {}),
        ("song.mp3", with_errors(SONG, 0.02, 1), MP3),
        ("long.flac", SONG, {"duration": 260.0, "size": 1}),
        ("other.flac", fingerprint(2), {}),
    )
    shown = phono("duplicates", archive.folder)
    assert shown.code == 0
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert lines[:2] == [
        "best     song �[31m�.flac  [flac, 44.1 kHz/16, 3 min 20 s, 1.0 MB]",
        "  copy   song.mp3  [mp3, 128 kbit/s, 3 min 20 s, 300 kB]",
    ]
    asked = phono("duplicates", archive.folder, "--json").data
    assert (asked["total"], asked["copies"], asked["frees"]) == (1, 1, 300_000)
    group = next(group for group in asked["groups"] if group["copies"])
    assert (group["best"]["name"], group["copies"][0]["copy"]["name"]) == (NASTY, "song.mp3")
    assert group["copies"][0]["evidence"]["ber"] == pytest.approx(0.02, abs=0.01)
    assert group["copies"][0]["why"] == "lossless"
    assert any("of the bits differ over 1 min 57 s; the best is lossless" in line for line in lines)
    assert any("perhaps" in line for line in lines)
    assert "1 recording in several copies: 1 copy beside the best, 300 kB." in lines


def test_nothing_is_said_to_be_nothing(phono: Phono, archive: Archive) -> None:
    for level in ("bytes", "audio", "recording"):
        shown = phono("duplicates", archive.folder, "--level", level)
        assert (shown.code, shown.out) == (0, "")
        assert shown.err.startswith(("No copies.", "No file was found at more than one place."))


def test_files_are_asked_for(phono: Phono, archive: Archive, tmp_path: Path) -> None:
    music_folder = tmp_path / "music"
    music_folder.mkdir()
    song = write(music_folder / "song.flac", FLAC, music(20))
    new = write(tmp_path / "new.flac", FLAC, music(20, seed=2))
    (tmp_path / "notes.txt").write_text("words")
    assert phono("add", archive.folder, music_folder, "--workers", "1").code == 0
    shown = phono("duplicates", archive.folder, song, new, tmp_path / "notes.txt")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == f"{song}: yes, this very file"
    assert f"{new}: no" in lines
    assert lines[-1].startswith(f"{tmp_path / 'notes.txt'}: cannot be compared (not-audio")
    asked = phono("duplicates", archive.folder, music_folder, "--json").data
    assert [(one["answer"], len(one["matches"])) for one in asked] == [("bytes", 1)]


def test_what_makes_no_sense_is_refused(phono: Phono, archive: Archive, tmp_path: Path) -> None:
    assert phono("duplicates", archive.folder, "--speeds").code == 2
    assert phono("duplicates", archive.folder, "--level", "title").code == 2
    assert phono("duplicates", archive.folder, tmp_path / "nowhere").code == 3


def test_while_somebody_else_adds_it_answers_from_what_it_knows(phono: Phono, archive: Archive) -> None:
    hold(archive, ("a.flac", SONG, {}), ("b.flac", SONG, {"size": 2_000_000}))
    with archive.writing("add"):
        shown = phono("duplicates", archive.folder)
    assert shown.code == 0
    assert "is being changed by “phono add”" in shown.err
    assert "2 new files cannot be compared yet." in shown.err
    assert "1 recording in several copies" in phono("duplicates", archive.folder).out


def test_a_damaged_index_is_named_and_may_be_deleted(phono: Phono, archive: Archive) -> None:
    hold(archive, ("a.flac", SONG, {}), ("b.flac", SONG, {"size": 2_000_000}))
    before = phono("duplicates", archive.folder, "--json").out
    (segment,) = (archive.folder / "sameness").glob("*.seg")
    segment.write_bytes(np.zeros(100, np.uint8).tobytes())
    shown = phono("duplicates", archive.folder)
    assert shown.code == 4
    assert "sameness" in shown.err
    for path in (archive.folder / "sameness").iterdir():
        path.unlink()
    assert phono("duplicates", archive.folder, "--json").out == before
