import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from phonotheque.vault.place import (
    Placed,
    copy_hashing,
    feed,
    fsync_dir,
    hard_link,
    link_or_copy,
    open_regular,
    replace_durably,
    write_durably,
)

CONTENT = os.urandom(3_000_001)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@contextmanager
def small_files_only() -> Iterator[None]:
    """Writing past 1 MB fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_copying_hashes_in_the_same_pass(source: Path, tmp_path: Path) -> None:
    hasher = copy_hashing(source, tmp_path / "copy", hashlib.sha256)
    assert hasher.hexdigest() == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert feed(source, hashlib.sha256()).digest() == hasher.digest()


def test_copying_never_overwrites(source: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(FileExistsError):
        copy_hashing(source, tmp_path / "there", hashlib.sha256)
    with pytest.raises(FileExistsError):
        link_or_copy(source, tmp_path / "there", allow_link=True)
    assert (tmp_path / "there").read_text() == "mine"


def test_a_failed_write_names_the_target_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    with small_files_only(), pytest.raises(OSError, match="copy") as failure:
        copy_hashing(source, tmp_path / "copy", hashlib.sha256)
    assert failure.value.errno == errno.EFBIG
    assert failure.value.filename == str(tmp_path / "copy")
    with small_files_only(), pytest.raises(OSError, match="pointer"):
        write_durably(tmp_path / "pointer", CONTENT)
    assert list(tmp_path.iterdir()) == [source]


def test_a_failed_read_names_the_source_and_leaves_nothing(tmp_path: Path) -> None:
    unreadable = Path("/proc/self/mem")  # a regular file whose first byte cannot be read
    with pytest.raises(OSError, match="/proc/self/mem") as failure:
        copy_hashing(unreadable, tmp_path / "copy", hashlib.sha256)
    assert failure.value.errno == errno.EIO
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_regular_file_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(tmp_path / name)
        with pytest.raises(OSError, match="not a regular file"):
            hard_link(tmp_path / name, tmp_path / "second")
    with pytest.raises(OSError, match="link") as failure:
        open_regular(tmp_path / "link", follow_links=False)
    assert failure.value.errno == errno.ELOOP


def test_link_or_copy_links_only_when_allowed(source: Path, tmp_path: Path) -> None:
    assert link_or_copy(source, tmp_path / "a") in (Placed.CLONE, Placed.COPY)
    assert link_or_copy(source, tmp_path / "b", allow_link=True) in (Placed.CLONE, Placed.LINK)
    assert not (tmp_path / "a").samefile(source)
    for name in "ab":
        assert (tmp_path / name).read_bytes() == CONTENT


def test_across_file_systems_a_copy_is_made(source: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == source.stat().st_dev:
        pytest.skip("there is no second file system to copy to")
    target = elsewhere / f"phonotheque-test-{os.getpid()}"
    try:
        assert link_or_copy(source, target, allow_link=True) is Placed.COPY
        assert target.read_bytes() == CONTENT
    finally:
        target.unlink(missing_ok=True)


_KILLED_WRITE = """
import os, pathlib, signal, sys
from phonotheque.vault import place
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
place.write_durably(pathlib.Path(sys.argv[1]), b"a content that is longer", mode=0o444)
"""


def test_pointers_are_replaced_whole(tmp_path: Path) -> None:
    pointer = tmp_path / "CURRENT"
    write_durably(pointer, b"one")
    write_durably(pointer, b"two", mode=0o600)
    assert pointer.read_bytes() == b"two"
    assert pointer.stat().st_mode & 0o777 == 0o600
    (tmp_path / "next").write_bytes(b"three")
    replace_durably(tmp_path / "next", pointer)
    assert pointer.read_bytes() == b"three"
    assert list(tmp_path.iterdir()) == [pointer]


def test_what_a_killed_write_left_is_taken_over(tmp_path: Path) -> None:
    pointer = tmp_path / "CURRENT"
    killed = subprocess.run([sys.executable, "-c", _KILLED_WRITE, pointer], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not pointer.exists()
    (left,) = tmp_path.iterdir()
    assert left.stat().st_mode & 0o200  # root would open it in any case
    write_durably(pointer, b"two", mode=0o444)
    assert pointer.read_bytes() == b"two"
    assert pointer.stat().st_mode & 0o777 == 0o444
    assert list(tmp_path.iterdir()) == [pointer]


def test_writers_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    contents = [bytes([65 + index]) * 100_000 for index in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda content: write_durably(tmp_path / "pointer", content), contents * 5))
    assert (tmp_path / "pointer").read_bytes() in contents
    assert list(tmp_path.iterdir()) == [tmp_path / "pointer"]


def test_a_folder_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fsync_dir(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        write_durably(tmp_path / "gone" / "pointer", b"x")
