"""“Have we this already?”: asked of real sound, re-encoded, retagged, cut, sped up, and of nonsense."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from phonotheque.audio.sameness import Likeness
from phonotheque.audio.speeds import SPEEDS
from phonotheque.model.errors import NotFoundError, PhonothequeError
from phonotheque.sources.already import Answer, Asked, _examine, _File, already, files_in
from phonotheque.sources.intake import add_folder
from phonotheque.sources.likeness import refresh
from phonotheque.vault.archive import Archive, open_archive
from tests.audio.audio_making import FLAC, MP3, OPUS, RATE, WAV, music, write

pytestmark = pytest.mark.ledger
Sound = NDArray[np.int16]


@pytest.fixture(scope="module")
def song() -> Sound:
    return music(40, seed=7)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, song: Sound) -> Iterator[Archive]:
    """An archive that holds one song as MP3, and another."""
    folder = tmp_path_factory.mktemp("held")
    source = folder / "music"
    source.mkdir()
    write(source / "song.mp3", MP3, song)
    write(source / "another.flac", FLAC, music(40, seed=8))
    (folder / "archive").mkdir()
    settings = '[archive]\nname = "held"\n[mandate]\npreserve = "Tests keep everything."\n'
    (folder / "archive" / "phonotheque.toml").write_text(settings)
    archive = open_archive(folder / "archive")
    add_folder(archive, source)
    refresh(archive)
    yield archive
    archive.ledger.dispose()


def state(archive: Archive) -> dict[Path, int]:
    """What lies in the archive, and when it was last written; SQLite writes beside the ledger as it likes."""
    found = (path for path in archive.folder.rglob("*") if not path.name.startswith("ledger"))
    return {path: path.stat().st_mtime_ns for path in found}


def ask(archive: Archive, path: Path, *, speeds: bool = False) -> Asked:
    before = {
        file: file.stat().st_mtime_ns for file in archive.folder.rglob("*") if "ledger" not in file.name
    }
    with archive.ledger.connect() as ledger:
        (asked,) = already(refresh(archive), ledger, [path], speeds=speeds)
    assert state(archive) == before
    return asked


def found(asked: Asked) -> tuple[Answer, list[str], bool]:
    return asked.answer, [match.copy.name for match in asked.matches], asked.better


def test_the_very_file(held: Archive, tmp_path: Path, song: Sound) -> None:
    assert found(ask(held, write(tmp_path / "x", MP3, song))) == (Answer.BYTES, ["song.mp3"], False)


def test_the_same_samples_in_another_container(held: Archive, tmp_path: Path) -> None:
    asked = ask(held, write(tmp_path / "another.wav", WAV, music(40, seed=8)))
    assert found(asked) == (Answer.AUDIO, ["another.flac"], False)


def test_another_encoding_and_whether_it_is_the_better_one(
    held: Archive, tmp_path: Path, song: Sound
) -> None:
    lossy = ask(held, write(tmp_path / "song.opus", OPUS, music(40, seed=7, rate=48_000)))
    assert found(lossy)[:2] == (Answer.RECORDING, ["song.mp3"])
    lossless = ask(held, write(tmp_path / "song.flac", FLAC, song))
    assert found(lossless) == (Answer.RECORDING, ["song.mp3"], True)
    (match,) = lossless.matches
    assert match.evidence.ber is not None
    assert match.evidence.ber < 0.05


def test_a_part_is_only_perhaps_the_whole(held: Archive, tmp_path: Path, song: Sound) -> None:
    asked = ask(held, write(tmp_path / "part.flac", FLAC, song[10 * RATE :]))
    assert found(asked) == (Answer.PERHAPS, ["song.mp3"], False)
    (match,) = asked.matches
    assert match.evidence.likeness is Likeness.LENGTH
    assert match.evidence.longer == pytest.approx(10, abs=0.2)


def test_a_faster_copy_is_found_when_that_is_asked(held: Archive, tmp_path: Path, song: Sound) -> None:
    faster = write(tmp_path / "faster.flac", replace(FLAC, rate=round(RATE * 1.0305)), song)
    assert found(ask(held, faster))[0] is Answer.NO
    asked = ask(held, faster, speeds=True)
    assert found(asked) == (Answer.SPEED, ["song.mp3"], False)
    assert asked.matches[0].speed == pytest.approx(1.0305, abs=0.0025)
    slower = write(tmp_path / "slower.flac", replace(FLAC, rate=round(RATE * 0.95)), song)
    assert ask(held, slower, speeds=True).matches[0].speed == 0.95


def test_the_speeds_are_those_that_are_told_of() -> None:
    assert (min(SPEEDS), max(SPEEDS)) == (0.92, 1.08)
    assert 1.0 not in SPEEDS


@pytest.mark.parametrize("speeds", [False, True])
def test_what_is_new_what_is_short_and_what_is_no_sound(held: Archive, tmp_path: Path, speeds: bool) -> None:
    new = write(tmp_path / "new.flac", FLAC, music(20, seed=9))
    short = write(tmp_path / "short.flac", FLAC, music(2, seed=7))
    silence = write(tmp_path / "silence.flac", FLAC, np.zeros((20 * RATE, 2), np.int16))
    for path in (new, short, silence):
        assert found(ask(held, path, speeds=speeds)) == (Answer.NO, [], False)
    (tmp_path / "text").write_text("Not a song")
    refused = ask(held, tmp_path / "text", speeds=speeds)
    assert (refused.answer, refused.reason) == (Answer.REFUSED, "not-audio: not audio: text")


def deadly(batch: list[_File]) -> list[pa.RecordBatch]:
    if any(file.path.name == "deadly" for file in batch):
        os._exit(7)
    return _examine(batch)


def test_a_file_that_kills_who_reads_it_is_named_and_the_rest_goes_on(
    held: Archive, tmp_path: Path, song: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "deadly", write(tmp_path / "song.mp3", MP3, song)]
    paths[0].write_bytes(b"x")
    monkeypatch.setattr("phonotheque.sources.already._examine", deadly)
    with held.ledger.connect() as ledger:
        killed, other = already(refresh(held), ledger, paths)
    assert (killed.path, killed.answer) == (str(paths[0]), Answer.REFUSED)
    assert "killed the process that read it, 2 times" in killed.reason
    assert other.answer is Answer.BYTES


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refusing(path: Any) -> Any:  # as a superuser may read every folder
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PhonothequeError, match="closed cannot be read: Permission denied"):
        list(files_in([tmp_path]))


def test_folders_are_looked_through_in_order(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/3", "4"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    listed = files_in([tmp_path / "folder", tmp_path / "folder" / "4"])
    assert [str(path.relative_to(tmp_path / "folder")) for path in listed] == ["4", "a/3", "b/1", "b/2", "4"]
    with pytest.raises(NotFoundError, match="nowhere"):
        list(files_in([tmp_path / "nowhere"]))
