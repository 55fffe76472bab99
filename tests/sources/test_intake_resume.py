"""Breaking off and running again: nothing acknowledged is lost, and the end is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.schema import accessions
from phonotheque.sources import intake
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import AddOptions, add_folder
from phonotheque.sources.take_in import How
from phonotheque.vault.archive import Archive, now
from tests.conftest import MakeArchive
from tests.sources.looking import assert_sound, names, state
from tests.tones import flac, wav

IN_PROCESS = pytest.mark.usefixtures("in_process")


class Counting:
    """Progress that counts, and does something after so many files."""

    def __init__(self, after: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.done = self.announced = self.size = self.announced_size = 0
        self._after, self._act = after, act

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        self.announced, self.announced_size = total_files or 0, total_bytes or 0

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        self.done += files
        self.size += size
        if self._after and self.done >= self._after:
            self._act()

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        self.announced += files
        self.announced_size += size

    def say(self, message: str) -> None:
        pass


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def collection(music: Path) -> Path:
    for number in range(14):
        flac(music / f"disc {number % 3}" / f"{number}.flac", number)
    wav(music / "same.wav", 50)
    wav(music / "same again.wav", 50)
    (music / "text.txt").write_text("no music")
    (music / "loop").symlink_to("loop")
    (music / "disc 1" / "rights.toml").write_text('[[rights]]\nlicence = "CC0-1.0"\nevidence = "a letter"\n')
    return music


@pytest.fixture
def whole(make_archive: MakeArchive, collection: Path, in_process: None) -> tuple[object, ...]:
    """What an uninterrupted run comes to."""
    archive = make_archive("whole")
    add_folder(archive, collection)
    return state(archive)


@IN_PROCESS
@pytest.mark.parametrize("files", [1, 5, 9, 17])
def test_interrupted_after_some_files_the_next_run_completes_the_same(
    make_archive: MakeArchive, collection: Path, whole: tuple[object, ...], files: int
) -> None:
    archive = make_archive("broken off")
    with pytest.raises(KeyboardInterrupt):
        add_folder(archive, collection, progress=Counting(files, interrupt))
    before = set(names(archive))
    result = add_folder(archive, collection)
    assert result.unchanged >= len(before)
    assert before <= set(names(archive))
    assert state(archive) == whole
    assert_sound(archive)


@IN_PROCESS
def test_interrupted_again_and_again_each_run_gets_further(
    make_archive: MakeArchive, collection: Path, whole: tuple[object, ...]
) -> None:
    archive = make_archive("broken off")
    for _ in range(20):
        settled = sum(1 for _ in names(archive))
        try:
            add_folder(archive, collection, progress=Counting(settled + 2, interrupt))
        except KeyboardInterrupt:
            continue
        break
    add_folder(archive, collection)
    assert state(archive) == whole


@IN_PROCESS
@pytest.mark.parametrize("step", ["record_file", "record_evidence", "redecide", "record_sighting"])
def test_killed_inside_a_transaction_nothing_of_it_is_there(
    make_archive: MakeArchive,
    collection: Path,
    whole: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    archive = make_archive("broken off")
    calls: list[str] = []
    real = getattr(intake, step)

    def third_time_unlucky(*args: object, **named: object) -> object:
        calls.append(step)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(intake, step, third_time_unlucky)
        with pytest.raises(KeyboardInterrupt):
            add_folder(archive, collection)
    add_folder(archive, collection)
    assert state(archive) == whole


@IN_PROCESS
def test_a_move_killed_between_ledger_and_removal_is_finished_by_the_next(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [wav(music / f"{number}.wav", number) for number in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(intake, "_remove_source", lambda *_: interrupt())
        with pytest.raises(KeyboardInterrupt):
            add_folder(archive, music, AddOptions(How.MOVE))
    assert all(source.exists() for source in sources)
    assert len(names(archive, held=True)) == 3
    add_folder(archive, music, AddOptions(How.MOVE))
    assert not any(source.exists() for source in sources)
    assert_sound(archive)


@IN_PROCESS
def test_an_interrupted_accession_stays_open(archive: Archive, collection: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        add_folder(archive, collection, progress=Counting(1, interrupt))
    add_folder(archive, collection)
    with archive.ledger.connect() as ledger:
        finished = ledger.execute(select(accessions.c.finished_at)).scalars().all()
    assert sorted(at is None for at in finished) == [False, True]


@IN_PROCESS
def test_progress_comes_to_its_total(archive: Archive, collection: Path) -> None:
    for _ in range(2):
        progress = Counting()
        add_folder(archive, collection, progress=progress)
        assert progress.done == 18
        # The count runs ahead in a thread of its own, and may be broken off when everything is done.
        assert (progress.announced, progress.announced_size) in ((0, 0), (18, progress.size))


@IN_PROCESS
def test_a_catalogue_that_was_not_written_is_written_by_the_next_run(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1, {"TITLE": "A"})
    assert add_folder(archive, music).changed
    rebuild_catalogue(archive, at=now())
    assert not add_folder(archive, music).changed
    flac(music / "b.flac", 2, {"TITLE": "B"})
    add_folder(archive, music)  # and killed before the catalogue was written
    again = add_folder(archive, music)
    assert (again.held, again.unchanged) == (0, 2)
    assert again.changed
    rebuild_catalogue(archive, at=now())
    with Catalogue.open(archive.catalogue) as catalogue:
        assert [hit.title for hit in catalogue.search("b")] == ["B"]
    assert not add_folder(archive, music).changed


_ADD = """
import sys
from pathlib import Path
from phonotheque.sources.intake import AddOptions, add_folder
from phonotheque.vault.archive import open_archive

class Telling:
    def start(self, what, **totals): pass
    def grow(self, **more): pass
    def say(self, message): pass
    def advance(self, *, files=0, size=0): print(files, flush=True)

if __name__ == "__main__":
    archive = open_archive(Path(sys.argv[1]))
    with archive.writing("add"):
        add_folder(archive, Path(sys.argv[2]), AddOptions(workers=2), Telling())
"""


def test_killed_outright_the_next_run_completes_the_same(
    make_archive: MakeArchive, collection: Path, whole: tuple[object, ...]
) -> None:
    archive = make_archive("killed")
    run = [sys.executable, "-c", _ADD, os.fspath(archive.folder), os.fspath(collection)]
    with subprocess.Popen(run, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while process.stdout.readline() != b"4\n":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)  # until the last worker has ended, too
    acknowledged = set(names(archive))
    assert acknowledged
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert acknowledged <= set(names(archive))
    assert state(archive) == whole
    assert_sound(archive)
