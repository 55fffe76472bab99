"""A full disk stops a command with a clear message; what was acknowledged stays, and a rerun completes it.

On a real file system without room where mounting one is allowed, and everywhere by letting steps fail.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.commands import STEPPING, phono, start
from tests.endtoend.final_states import differences
from tests.endtoend.kill_rounds import COMMANDS, EPOCH, Bases, changing, state, words_of
from tests.endtoend.promises import broken
from tests.postgresql import copy_tree

pytestmark = [
    pytest.mark.xdist_group("bases"),
    pytest.mark.sqlite("a ledger elsewhere is not on the disk that fills"),
]
_SIZE = 64_000_000  # bytes of the small file system
_CLEAR = ("No space left on device", "disk is full", "Make room", "No usable temporary directory")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(bases: Bases, small_disk: Path, command: str, share: float) -> None:
    """``share`` of what the command is going to write finds room."""
    place = small_disk / "round"
    copy_tree(bases.base(command), place)
    after = COMMANDS.index(command) + 1
    needed = size_of(changing(command, bases.base((*COMMANDS, "done")[after]))) - size_of(
        changing(command, place)
    )
    ballast = small_disk / "ballast"
    with ballast.open("wb") as stream:
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        os.posix_fallocate(stream.fileno(), 0, free - int(share * needed) - 65_536)
    words = words_of(command, place, place / "archive")
    stopped = phono(*words, code=1, env=EPOCH)
    assert_clear(stopped.err)
    assert broken(changing(command, place)) == []
    ballast.unlink()
    assert_completed(bases, command, place)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_is_full_from_some_step_on(bases: Bases, tmp_path: Path, command: str) -> None:
    place = tmp_path / "round"
    copy_tree(bases.base(command), place)
    step = random.randint(1, bases.room[command])
    words = words_of(command, place, place / "archive")
    with start(*words, env=EPOCH, program=(STEPPING, f"full:{step}")) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1, f"full from step {step}: {err}"
    assert_clear(err)
    assert broken(changing(command, place)) == [], f"full from step {step}"
    assert_completed(bases, command, place)


def assert_clear(said: str) -> None:
    assert "Traceback" not in said
    assert any(words in said for words in _CLEAR), said


def assert_completed(bases: Bases, command: str, place: Path) -> None:
    phono(*words_of(command, place, place / "archive"), env=EPOCH)
    assert broken(changing(command, place)) == []
    assert differences(state(command, place), bases.expected[command]) == []


def _comes_and_goes(folder: Path, path: Path) -> bool:
    part = path.relative_to(folder).parts[0]
    index = part == "catalogue" and path.suffix in (".sqlite", ".bin")
    return index or part in ("shelves.sqlite", "harvest") or path.name.endswith(("-wal", "-shm"))


def size_of(folder: Path) -> int:
    """Bytes on the disk of all files below a folder, each counted once.

    Left out is what may be another test's: the index of a catalogue, which whoever asks first makes, what a
    server keeps, and what SQLite keeps beside a ledger while anybody has it open.
    """
    found = (
        path.lstat()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not _comes_and_goes(folder, path)
    )
    return sum({status.st_ino: status.st_blocks * 512 for status in found}.values())
