"""Ctrl-C during an add: nothing new is begun, what is under way is kept, and the next run does the rest."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.jobs.stopping import stopping
from phonotheque.ledger.files import each_file
from phonotheque.ledger.jobs import last_jobs
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.endtoend.commands import PATIENCE, phono, session_members, start, wait_for
from tests.jobs.halting import GO_ON, PROGRAM
from tests.jobs.local_cluster import Cluster
from tests.sources.looking import assert_sound, state
from tests.tones import wav

FILES = 20
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number in range(FILES):
        wav(tmp_path / "music" / f"{number:02}.wav", number)
    return tmp_path / "music"


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def adding(archive: Archive, music: Path, marks: Path, *words: object) -> tuple[object, ...]:
    return str(marks), "add", archive.folder, music, *words


def held(archive: Archive) -> int:
    with archive.ledger.connect() as ledger:
        return len(list(each_file(ledger, held=True)))


def interrupt(process: subprocess.Popen[str], marks: Path, times: int) -> None:
    """Send SIGINT, and see that it is taken."""
    process.send_signal(signal.SIGINT)
    wait_for(lambda: len(list(marks.glob("asked*"))) == times, "the signal is taken")


def stop_while_held(archive: Archive, music: Path, marks: Path, batches: int, *words: object) -> str:
    """Send SIGINT while so many batches are held, let them go on, and return what the command said."""
    with start(*adding(archive, music, marks, *words), program=(PROGRAM,)) as process:
        wait_for(lambda: len(list(marks.glob("held*"))) >= batches, "work is under way", 3 * PATIENCE)
        interrupt(process, marks, 1)
        (marks / GO_ON).touch()
        _, err = process.communicate(timeout=3 * PATIENCE)
    assert process.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    return err


def test_what_is_under_way_is_kept(make_archive: MakeArchive, music: Path, marks: Path) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    err = stop_while_held(archive, music, marks, 1, "--workers", 1)
    assert "what is under way is finished and kept" in err
    assert held(archive) == 8  # two batches of four: one at work, and one that waits for it
    with archive.ledger.connect() as ledger:
        assert [job.state.value for job in last_jobs(ledger, 1)] == ["interrupted"]
    assert not list(archive.incoming.glob(".taking-*"))
    phono("add", archive.folder, music)
    assert held(archive) == FILES
    assert_sound(archive)


def test_pressed_again_it_ends_at_once(make_archive: MakeArchive, music: Path, marks: Path) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    with start(*adding(archive, music, marks, "--workers", 1), program=(PROGRAM,)) as process:
        wait_for(lambda: list(marks.glob("held*")), "work is under way", 3 * PATIENCE)
        interrupt(process, marks, 1)
        interrupt(process, marks, 2)
        process.wait(PATIENCE)
        wait_for(lambda: not session_members(process.pid), "its workers end")
        _, err = process.communicate()
    assert (process.returncode, "Traceback" in err) == (INTERRUPTED, False)
    assert held(archive) == 0
    (marks / GO_ON).touch()
    phono("add", archive.folder, music)
    assert held(archive) == FILES
    assert_sound(archive)


@pytest.mark.xdist_group("cluster")
@pytest.mark.once("about where files are read; what comes of it is written as always")
def test_what_a_cluster_has_under_way_is_kept(
    make_archive: MakeArchive, music: Path, marks: Path, cluster: Cluster
) -> None:
    alone = make_archive("alone", mandate="Tests keep everything.")
    phono("add", alone.folder, music)
    archive = make_archive(mandate="Tests keep everything.")
    err = stop_while_held(archive, music, marks, 2, "--cluster", cluster.address)
    assert "what is under way is finished and kept" in err
    assert held(archive) == 12  # two batches of three for each of two workers
    assert not list(archive.incoming.glob(".taking-*"))
    phono("add", archive.folder, music)
    assert state(archive) == state(alone)
    assert_sound(archive)


def test_looking_for_more_is_broken_off() -> None:
    given: list[object] = []

    def endless() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGINT)
        while True:  # as one goes through a large folder in which nothing is new
            pass

    def run() -> None:
        with stopping(given.append) as ending:
            given.extend(ending.until(endless()))

    with pytest.raises(KeyboardInterrupt):
        run()
    assert given[0] == 1
    assert "under way" in str(given[1])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_else_is_interrupted_is_as_always() -> None:
    def run() -> None:
        with stopping(print):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
