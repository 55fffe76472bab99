"""Files of one name: a version is told by its sound, a copy is not."""

from __future__ import annotations

from pathlib import Path

import mutagen
import pytest

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.sources import namesakes
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.sources.likeness import refresh
from phonotheque.sources.namesakes import Namesakes
from phonotheque.vault.archive import Archive, now
from tests.audio.audio_making import FLAC, write
from tests.audio.audio_making import music as chords
from tests.fingerprints import fingerprint, with_errors
from tests.sources.test_likeness import record

pytestmark = pytest.mark.usefixtures("in_process")
NAMED = {"title_key": "greensleeves", "people": ["ann field"], "duration_ms": 200_000}


def unlike(archive: Archive, **lengths: int) -> list[tuple[int, int]]:
    found = Namesakes()
    for number, length in lengths.items():
        found.add(int(number[1:]), NAMED | {"duration_ms": length})
    with archive.ledger.connect() as ledger:
        told = [(a, b) for a, b, _ in found.unlike(ledger, [])]
        # What is known to be alike is left alone.
        assert [(a, b) for a, b, _ in found.unlike(ledger, [(b, a) for a, b in told])] == []
        return told


def test_a_live_version_of_equal_name_and_length_is_a_recording_of_its_own(
    archive: Archive, music: Path
) -> None:
    for name, seed in (("studio", 1), ("again", 1), ("live", 2)):
        file = mutagen.File(write(music / f"{name}.flac", FLAC, chords(20, seed=seed)))
        for key, value in {"TITLE": "Greensleeves", "ARTIST": "Ann Field", "COMMENT": name}.items():
            file[key] = value
        file.save()
    add_folder(archive, music)
    rebuild_catalogue(archive, at=now())
    with Catalogue.open(archive.catalogue) as catalogue:
        hits = catalogue.search("greensleeves")
        files = [len(catalogue.show(hit.id).files) for hit in hits]  # type: ignore[union-attr]
    assert sorted(files) == [1, 2]


def test_only_files_of_one_length_are_compared_and_only_those_unlike_are_told(archive: Archive) -> None:
    song = fingerprint(1)
    record(archive, [song, with_errors(song, 0.02, 1), fingerprint(2), fingerprint(3), fingerprint(4, 60)])
    refresh(archive)
    same = dict.fromkeys(("f1", "f2", "f3", "f5"), 200_000)
    assert unlike(archive, **same, f4=203_001) == [(1, 3), (2, 3)]
    assert unlike(archive, **same, f4=203_000) == [(1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]


def test_what_says_too_little_has_no_namesakes(archive: Archive) -> None:
    record(archive, [fingerprint(1), fingerprint(2)])
    lacking: list[dict[str, object]] = [{"title_key": None}, {"people": []}, {"duration_ms": None}]
    for lack in lacking:
        found = Namesakes()
        for file_id in (1, 2):
            found.add(file_id, NAMED | lack)
        with archive.ledger.connect() as ledger:
            assert list(found.unlike(ledger, [(1, 2)])) == []


def test_of_very_many_namesakes_each_is_compared_with_some(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namesakes, "_NEIGHBOURS", 2)
    record(archive, [fingerprint(seed) for seed in range(5)])
    assert unlike(archive, **{f"f{n}": 200_000 for n in range(1, 6)}) == [
        (1, 2),
        (1, 3),
        (2, 3),
        (2, 4),
        (3, 4),
        (3, 5),
        (4, 5),
    ]
