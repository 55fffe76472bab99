"""Files of one name: a version is told by its sound, a copy is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import mutagen
import numpy as np
import pytest

from phonotheque.audio.fingerprint import BestAlignment
from phonotheque.audio.sameness import align
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.sources import namesakes
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.sources.likeness import PAIRS, open_index, refresh
from phonotheque.sources.namesakes import Namesakes
from phonotheque.vault.archive import Archive, now
from tests.audio.audio_making import FLAC, write
from tests.audio.audio_making import music as chords
from tests.conftest import MakeArchive
from tests.fingerprints import fingerprint, with_errors
from tests.sources.test_likeness import record

pytestmark = pytest.mark.usefixtures("in_process")
Rows = list[tuple[int, int, float]]
NAMED = {"title_key": "greensleeves", "people": ["ann field"], "duration_ms": 200_000}


def compared(archive: Archive, lengths: Mapping[int, int], known: Sequence[tuple[int, int]] = ()) -> Rows:
    """What namesakes of these lengths (by id) are told to differ, with the bit error rate."""
    found = Namesakes()
    for file_id, length in lengths.items():
        found.add(file_id, NAMED | {"duration_ms": length})
    alike = np.array([(later, earlier, 0.0, 0, 0) for earlier, later in known], PAIRS)
    with archive.ledger.connect() as ledger:
        rows: Rows = found.unlike(open_index(archive), ledger, alike).tolist()
    return rows


def unlike(archive: Archive, **lengths: int) -> list[tuple[int, int]]:
    by_id = {int(name[1:]): length for name, length in lengths.items()}
    told = [(a, b) for a, b, _ in compared(archive, by_id)]
    # What is known to be alike is left alone.
    assert compared(archive, by_id, [(b, a) for a, b in told]) == []
    return told


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """The fingerprints that were compared."""
    pairs: list[tuple[bytes, bytes]] = []

    def noting(a: bytes, b: bytes) -> BestAlignment:
        pairs.append((a, b))
        return align(a, b)

    monkeypatch.setattr(namesakes, "align", noting)
    return pairs


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_what_is_told_does_not_depend_on_when_files_came(
    make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    for name, small in (("_NEIGHBOURS", 3), ("_KEPT", 4), ("_PARTS", 2), ("_AT_ONCE", 3)):
        monkeypatch.setattr(namesakes, name, small)
    sounds = [fingerprint(seed) for seed in range(10)]
    sounds += [with_errors(sounds[0], 0.02, 1), with_errors(sounds[1], 0.3, 1), fingerprint(1, 30)]
    generator = np.random.default_rng(order)
    lengths = {n: int(generator.integers(200_000, 208_000)) for n in range(1, len(sounds) + 1)}
    growing, whole = make_archive(), make_archive()
    record(growing, sounds)
    record(whole, sounds)
    for archive in (growing, whole):
        refresh(archive)
    so_far: dict[int, int] = {}
    for part in order:  # in whatever order they come
        so_far |= {n: length for n, length in lengths.items() if n % 3 + 1 == part}
        told = compared(growing, so_far)
    assert told == compared(whole, lengths)
    assert len(told) > 10


def test_nothing_is_compared_twice(archive: Archive, asked: list[tuple[bytes, bytes]]) -> None:
    record(
        archive, [fingerprint(1), fingerprint(2), with_errors(fingerprint(1), 0.02, 1), fingerprint(4, 30)]
    )
    refresh(archive)
    lengths = dict.fromkeys((1, 2, 3, 4), 200_000)
    before = compared(archive, lengths)
    assert len(asked) == 3  # the fourth tells nothing
    assert compared(archive, lengths) == before
    assert len(asked) == 3
    record(archive, [fingerprint(5)], 5)
    refresh(archive)
    assert compared(archive, lengths | {5: 200_000})[0] == before[0]
    assert len(asked) == 6  # the new one with each that tells something


def test_a_file_that_sounds_otherwise_now_is_compared_again(archive: Archive) -> None:
    song = fingerprint(1)
    record(archive, [song, fingerprint(2), fingerprint(3)])
    refresh(archive)
    lengths = dict.fromkeys((1, 2, 3), 200_000)
    assert [row[:2] for row in compared(archive, lengths)] == [(1, 2), (1, 3), (2, 3)]
    record(archive, [with_errors(song, 0.02, 1)], 2)  # another decoder hears something else in it
    refresh(archive)
    assert [row[:2] for row in compared(archive, lengths)] == [(1, 3), (2, 3)]


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
            assert len(found.unlike(open_index(archive), ledger, np.zeros(0, PAIRS))) == 0


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
