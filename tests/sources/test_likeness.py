"""The index of fingerprints, in step with the ledger: what is found does not depend on when it was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from phonotheque.audio.fingerprint import Fingerprinter, bit_error_rate
from phonotheque.audio.identify import open_regular, sniff
from phonotheque.audio.sameness import ALIKE, COMMON, question, sample
from phonotheque.audio.second_opinion import decode_somehow
from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.schema import events, files
from phonotheque.model.audio import AudioFacts, Integrity, Technical
from phonotheque.sources import likeness
from phonotheque.sources.likeness import find_like, is_current, open_index, pairs, refresh, unindexed
from phonotheque.vault.archive import Archive
from phonotheque.vault.segment_index import Manifest, SegmentIndex
from tests.conftest import MakeArchive
from tests.fingerprints import Values, data, fingerprint, with_errors

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "music"
AT = "2026-11-21T10:15:00Z"


def named(number: int) -> str:
    return f"{number:08x}".ljust(64, "0")


def facts(number: int, values: Values, seconds: float = 200.0) -> AudioFacts:
    name = named(number)
    technical = Technical("flac", "flac", seconds, 44_100, 2, 900_000, 16, True)
    return AudioFacts(name, 1000, name, technical, data(values), None, Integrity.INTACT)


def record(archive: Archive, fingerprints: Iterable[Values], first: int = 1) -> list[int]:
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="x", agent="tests", at=AT)
        return [
            record_file(
                ledger, facts(number, values), kind="master", held=True, accession=accession, name="x", at=AT
            ).id
            for number, values in enumerate(fingerprints, first)
        ]


def found(archive: Archive) -> list[tuple[int, int]]:
    return [(int(pair["earlier"]), int(pair["later"])) for pair in pairs(open_index(archive))]


def slowly(fingerprints: Sequence[Values]) -> list[tuple[int, int]]:
    """The pairs (counted from 1), by comparing every fingerprint with all earlier ones."""
    samples = [sample(data(one)) for one in fingerprints]
    alike = []
    for later, values in enumerate(fingerprints):
        earlier = [None if one is None else set(one.values.tolist()) for one in samples[:later]]
        asked = set(question(data(values)).tolist())
        rare = {
            value for value in asked if sum(one is not None and value in one for one in earlier) <= COMMON
        }
        for at, one in enumerate(earlier):
            kept = samples[at]
            if one is None or kept is None or len(rare & one) < kept.needed:
                continue
            if bit_error_rate(data(values), data(fingerprints[at])).ber < ALIKE:
                alike.append((at + 1, later + 1))
    return sorted(alike)


def heard(path: Path) -> Values:
    listener = Fingerprinter()
    with open_regular(path) as file:
        decode_somehow(file, [listener], demuxer=sniff(file))
    return np.frombuffer(listener.result(), dtype="<u4")


def collection() -> list[Values]:
    """Songs, copies of several kinds, short sounds, silence and hum."""
    songs = [fingerprint(seed, 948) for seed in range(12)]
    silence = np.zeros(300, np.uint32)
    return [
        *songs,
        *(with_errors(song, 0.01 * n, n)[n:] for n, song in enumerate(songs)),
        np.concatenate([silence, fingerprint(50)]),
        np.concatenate([silence, fingerprint(51)]),
        silence,
        silence,
        fingerprint(3, 100),
        fingerprint(3, 60),
        np.zeros(0, np.uint32),
        np.repeat(fingerprint(1, 10), 80),
        np.repeat(fingerprint(1, 10), 80),
        songs[0],
        songs[0],
        with_errors(songs[1], 0.12, 99),
        with_errors(songs[2], 0.3, 99),
    ]


def test_it_finds_what_comparing_all_with_all_finds(archive: Archive) -> None:
    songs = collection()
    record(archive, songs)
    refresh(archive)
    assert found(archive) == slowly(songs)
    assert len(found(archive)) > 12


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real samples (../shared/samples/music) are not here")
def test_of_real_music_it_finds_what_comparing_all_with_all_finds(archive: Archive) -> None:
    songs = [heard(path) for path in sorted(SAMPLES.glob("*.ogg"))]
    copies = [with_errors(song, 0.01 * (n % 8), n)[5 * n :] for n, song in enumerate(songs)]
    record(archive, [*songs, *copies])
    refresh(archive)
    assert found(archive) == slowly([*songs, *copies])
    long = [n for n, song in enumerate(songs) if len(song) >= 400 and n % 8 < 5]
    assert {(n + 1, n + 1 + len(songs)) for n in long} <= set(found(archive))


@pytest.mark.parametrize("run", [1, 7, 100])
def test_what_is_found_does_not_depend_on_when_files_came(
    make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    monkeypatch.setattr(likeness, "_RUN", 5)
    monkeypatch.setattr(likeness, "_AT_ONCE", 3)
    monkeypatch.setattr(likeness, "_KEPT", 4)
    monkeypatch.setattr(likeness, "_PARTS", 2)
    songs = collection()
    archive = make_archive()
    for start in range(0, len(songs), run):
        record(archive, songs[start : start + run], start + 1)
        refresh(archive)
    assert found(archive) == slowly(songs)
    refresh(archive)
    assert found(archive) == slowly(songs)


def test_a_value_that_very_many_have_tells_nothing(archive: Archive) -> None:
    silence = np.zeros(300, dtype=np.uint32)
    record(archive, [np.concatenate([silence, fingerprint(seed)]) for seed in range(COMMON + 10)])
    refresh(archive)
    assert found(archive) == []


def test_asking_for_what_is_not_in_the_archive_changes_nothing(archive: Archive) -> None:
    songs = [fingerprint(seed) for seed in range(5)]
    record(archive, songs)
    index = refresh(archive)
    before = index.manifest
    with archive.ledger.connect() as ledger:
        asked = [data(with_errors(songs[2], 0.03, 1)[100:]), data(fingerprint(99)), b"", data(songs[4])]
        likes = find_like(index, ledger, asked)
        assert unindexed(index, ledger) == 0
    assert [[like.file_id for like in one] for one in likes] == [[3], [], [], [5]]
    assert likes[0][0].alignment.offset == -100
    assert open_index(archive).manifest == before


def test_what_is_heard_anew_is_compared_anew(archive: Archive) -> None:
    songs = [fingerprint(seed) for seed in range(4)]
    record(archive, [songs[0], songs[1], songs[0], songs[2]])
    refresh(archive)
    assert found(archive) == [(1, 3)]
    record(archive, [songs[2]])  # another decoder hears something else in file 1
    with archive.ledger.connect() as ledger:
        kinds = ledger.execute(select(events.c.type, events.c.subject)).all()
    assert kinds == [("metadata modification", named(1))]
    refresh(archive)
    assert [{int(pair["earlier"]), int(pair["later"])} for pair in pairs(open_index(archive))] == [{1, 4}]
    refresh(archive)
    assert len(pairs(open_index(archive))) == 1


def test_an_index_of_another_ledger_is_made_anew(archive: Archive) -> None:
    songs = [fingerprint(seed) for seed in range(3)]
    record(archive, [songs[0], songs[0], songs[1]])
    refresh(archive)
    with archive.ledger.begin() as ledger:  # as if it came back from a backup, and grew otherwise
        for number, values in ((2, songs[1]), (3, songs[2])):
            ledger.execute(
                update(files)
                .where(files.c.id == number)
                .values(sha256=named(number + 50), fingerprint=data(values))
            )
    refresh(archive)
    assert found(archive) == []
    assert open_index(archive).items == 3


def test_it_is_known_whether_there_is_something_to_do(archive: Archive) -> None:
    def current() -> bool:
        with archive.ledger.connect() as ledger:
            return is_current(open_index(archive), ledger)

    songs = [fingerprint(seed) for seed in range(4)]
    record(archive, songs[:2])
    assert not current()
    refresh(archive)
    assert current()
    record(archive, [songs[2]])  # another decoder hears something else in file 1
    assert not current()
    refresh(archive)
    assert current()
    with archive.ledger.begin() as ledger:  # back from a backup: as it was before that
        ledger.execute(delete(events))
        ledger.execute(update(files).where(files.c.id == 1).values(fingerprint=data(songs[1])))
    assert not current()
    refresh(archive)
    assert current()
    assert found(archive) == [(1, 2)]


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.mark.parametrize("step", range(10))
def test_killed_while_it_is_brought_up_it_goes_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(likeness, "_RUN", 10)
    monkeypatch.setattr(likeness, "_KEPT", 8)
    songs = collection()
    record(archive, songs)
    real, steps = SegmentIndex._commit, 0

    def dying(index: SegmentIndex, manifest: Manifest) -> None:
        nonlocal steps
        if steps == step:
            raise Killed
        steps += 1
        real(index, manifest)

    monkeypatch.setattr(SegmentIndex, "_commit", dying)
    with contextlib.suppress(Killed):
        refresh(archive)
    monkeypatch.setattr(SegmentIndex, "_commit", real)
    refresh(archive)
    assert found(archive) == slowly(songs)


def test_a_deleted_index_is_made_again(archive: Archive) -> None:
    songs = collection()
    record(archive, songs)
    refresh(archive)
    before = pairs(open_index(archive))
    for path in (archive.folder / "sameness").iterdir():
        path.unlink()
    refresh(archive)
    assert np.array_equal(pairs(open_index(archive)), before)
