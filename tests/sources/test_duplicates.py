"""Groups of copies: what is one, what is only perhaps one, and which copy is the best."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from phonotheque.audio.sameness import Likeness
from phonotheque.ledger.files import Sighting, record_file, record_sighting, start_accession
from phonotheque.model.audio import AudioFacts, Integrity, Technical
from phonotheque.sources.duplicates import Duplicates, Group, Level, duplicates, several_places
from phonotheque.sources.likeness import refresh
from phonotheque.vault.archive import Archive
from tests.fingerprints import Values, data, fingerprint, with_errors

AT = "2026-11-21T10:15:00Z"
FLAC = Technical("flac", "flac", 200.0, 44_100, 2, 900_000, 16, True)
MP3 = Technical("mp3", "mp3", 200.0, 44_100, 2, 192_000)
SONG = fingerprint(1, 948)


class Shelf:
    """Files that are recorded one by one, each by a name."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._ids: dict[str, int] = {}
        with archive.ledger.begin() as ledger:
            self._accession = start_accession(ledger, source="folder", location="x", agent="tests", at=AT)

    def add(
        self,
        name: str,
        values: Values,
        technical: Technical = FLAC,
        *,
        pcm: str | None = None,
        held: bool = True,
        **more: Any,
    ) -> None:
        facts = AudioFacts(
            sha256=name.encode().hex().ljust(64, "0"),
            size=more.pop("size", 1000),
            pcm_sha256=(pcm or name).encode().hex().rjust(64, "0"),
            technical=technical,
            fingerprint=data(values),
            loudness=None,
            integrity=more.pop("integrity", Integrity.INTACT),
        )
        with self._archive.ledger.begin() as ledger:
            recorded = record_file(
                ledger, facts, kind="master", held=held, accession=self._accession, name=name, at=AT
            )
            self._ids[name] = recorded.id

    def see(self, name: str, *paths: bytes) -> None:
        with self._archive.ledger.begin() as ledger:
            for path in paths:
                sighting = Sighting(path, "1", "2", 3, 4, "0" * 64, "held", file_id=self._ids[name])
                record_sighting(ledger, sighting, accession=self._accession, at=AT)

    def groups(self, level: Level = Level.RECORDING, limit: int = 50) -> Duplicates:
        index = refresh(self._archive)
        with self._archive.ledger.connect() as ledger:
            return duplicates(index, ledger, level, limit=limit)


@pytest.fixture
def shelf(archive: Archive) -> Shelf:
    return Shelf(archive)


def names(group: Group) -> tuple[str, list[str], list[str]]:
    copies, perhaps = ([other.copy.name for other in some] for some in (group.copies, group.perhaps))
    return group.best.name, copies, perhaps


def test_copies_are_grouped_with_the_evidence_and_the_best_first(shelf: Shelf) -> None:
    shelf.add("other.flac", fingerprint(2, 948))
    shelf.add("low.mp3", with_errors(SONG, 0.02, 1), replace(MP3, bit_rate=64_000), size=300)
    shelf.add("song.flac", SONG, size=5000, pcm="song")
    shelf.add("high.mp3", with_errors(SONG, 0.005, 2)[3:], MP3, size=800)
    shelf.add("retagged.flac", SONG, size=5001, pcm="song")
    shelf.add("damaged.wav", SONG, replace(FLAC, codec="pcm_s16le"), size=9000, integrity=Integrity.DAMAGED)
    found = shelf.groups()
    (group,) = found.groups
    assert names(group) == ("song.flac", ["retagged.flac", "high.mp3", "low.mp3", "damaged.wav"], [])
    assert (found.total, found.copies, found.frees, found.doubtful) == (1, 4, 15101, 0)
    retagged, high, low, damaged = group.copies
    assert (retagged.evidence.level, retagged.evidence.ber) == (Level.AUDIO, None)
    assert retagged.why == "smaller, and as fine"
    assert high.evidence.level is Level.RECORDING
    assert high.evidence.ber == pytest.approx(0.005, abs=0.003)
    assert high.evidence.overlap == pytest.approx(117, abs=1)
    assert high.why == low.why == "lossless"
    assert damaged.why == "whole, not damaged"


def test_only_equal_samples_count_when_that_is_asked(shelf: Shelf) -> None:
    shelf.add("song.flac", SONG, pcm="song")
    shelf.add("retagged.flac", SONG, pcm="song", size=1001)
    shelf.add("song.mp3", SONG, MP3)
    shelf.add("at another rate.wav", SONG, replace(FLAC, sample_rate=48_000), pcm="song")
    (group,) = shelf.groups(Level.AUDIO).groups
    assert names(group) == ("song.flac", ["retagged.flac"], [])


def test_a_chain_of_likenesses_does_not_make_one_group(shelf: Shelf) -> None:
    shelf.add("best.flac", with_errors(SONG, 0.07, 1))
    shelf.add("between.mp3", SONG, MP3)
    shelf.add("far.mp3", with_errors(SONG, 0.07, 2), MP3, size=999)
    (group,) = shelf.groups().groups
    assert names(group) == ("best.flac", ["between.mp3"], ["far.mp3"])
    assert group.perhaps[0].evidence.likeness is Likeness.PERHAPS


def test_what_is_only_like_another_copy_is_told_and_not_counted(shelf: Shelf) -> None:
    shelf.add("best.flac", SONG)
    shelf.add("longer.mp3", SONG, replace(MP3, duration=202.5))
    shelf.add("longest.mp3", SONG, replace(MP3, duration=205.0), size=999)
    (group,) = shelf.groups().groups
    assert names(group) == ("best.flac", ["longer.mp3"], ["longest.mp3"])
    # it is compared with the best one first: too long by five seconds
    assert group.perhaps[0].evidence.likeness is Likeness.LENGTH
    assert group.perhaps[0].evidence.longer == pytest.approx(5.0)


def test_two_minutes_in_common_are_not_a_recording_in_common(shelf: Shelf) -> None:
    shelf.add("ten minutes.flac", SONG, replace(FLAC, duration=600.0))
    shelf.add("twelve minutes.flac", SONG, replace(FLAC, duration=720.0))
    found = shelf.groups()
    (group,) = found.groups
    assert names(group) == ("twelve minutes.flac", [], ["ten minutes.flac"])
    assert (found.total, found.copies, found.frees, found.doubtful) == (0, 0, 0, 1)


def test_a_cut_copy_is_for_a_person_to_judge(shelf: Shelf) -> None:
    shelf.add("whole.mp3", SONG, MP3)
    cut = replace(MP3, duration=80.0)
    shelf.add("cut.mp3", SONG[:600], cut, integrity=Integrity.DAMAGED, size=99_999)
    (group,) = shelf.groups().groups
    assert names(group) == ("whole.mp3", [], ["cut.mp3"])
    assert group.perhaps[0].why == "whole, not damaged"


def test_silence_and_hum_are_no_copies_of_one_another(shelf: Shelf) -> None:
    for number in range(3):
        shelf.add(f"silence {number}.flac", np.zeros(948, np.uint32))
        shelf.add(f"hum {number}.flac", np.repeat(fingerprint(3, 8), 100))
        shelf.add(f"beep {number}.flac", fingerprint(4, 70))
        shelf.add(f"nothing {number}.flac", np.zeros(0, np.uint32))
    assert shelf.groups() == Duplicates((), 0, 0, 0, 0)


def test_what_is_not_kept_frees_nothing(shelf: Shelf) -> None:
    shelf.add("known.flac", SONG, held=False, size=7000)
    shelf.add("kept.mp3", SONG, MP3, size=500)
    shelf.add("kept too.mp3", SONG, replace(MP3, bit_rate=64_000), size=300)
    (group,) = shelf.groups().groups
    assert names(group) == ("kept.mp3", ["kept too.mp3", "known.flac"], [])
    assert group.frees == 300


def test_those_that_free_most_are_shown_and_all_are_counted(shelf: Shelf) -> None:
    for number in range(6):
        song = fingerprint(100 + number, 948)
        shelf.add(f"{number} a.flac", song)
        shelf.add(f"{number} b.mp3", song, MP3, size=100 + number)
    found = shelf.groups(limit=2)
    assert [group.frees for group in found.groups] == [105, 104]
    assert (found.total, found.copies, found.frees) == (6, 6, 615)


def test_one_file_at_several_places_is_named_with_all_of_them(archive: Archive, shelf: Shelf) -> None:
    shelf.add("song.flac", SONG, size=500)
    shelf.add("once.flac", fingerprint(2))
    shelf.see("song.flac", b"/b/\xff.flac", b"/a.flac", b"/c.flac")
    shelf.see("once.flac", b"/once.flac")
    with archive.ledger.connect() as ledger:
        places, total, spare = several_places(ledger)
    assert [(one.copy.name, one.paths) for one in places] == [
        ("song.flac", ("/a.flac", "/b/\\xff.flac", "/c.flac"))
    ]
    assert (total, spare) == (1, 1000)
