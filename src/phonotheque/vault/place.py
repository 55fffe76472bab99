"""Putting bytes somewhere so that they stay: copies, clones, links, and pointers replaced atomically.

Every ``OSError`` raised here carries in ``filename`` the file at fault, so that a caller can tell a bad
source from a full disk. A file that could not be written completely is removed again.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from errno import EINVAL, EMLINK, ENOSYS, ENOTSUP, ENOTTY, EOPNOTSUPP, EPERM, EXDEV
from io import FileIO
from pathlib import Path
from typing import Protocol, TypeVar

BUFFER = 1024 * 1024  # bytes read at a time: a whole number of pieces
_FICLONE = 0x40049409  # ioctl_ficlone(2): share the extents of another file, copied on write
# What says “not between these two files”: other file systems, or one that cannot share, or not ours to link.
_CANNOT_CLONE = {EXDEV, EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, ENOTTY}
_CANNOT_LINK = {EXDEV, EPERM, EMLINK, ENOSYS, ENOTSUP, EOPNOTSUPP}


class Hasher(Protocol):
    """What is fed with bytes in order: a ``hashlib`` object, or a ``PieceHasher``."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes."""


H = TypeVar("H", bound=Hasher)


class Placed(StrEnum):
    """How a file came to its place."""

    CLONE = "clone"  # shares its blocks with the source until one of them is written
    LINK = "link"  # is the source, under a second name
    COPY = "copy"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put ``path`` into any ``OSError`` that names no file, as those of reads and writes do."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def open_regular(path: Path, *, follow_links: bool = True) -> FileIO:
    """Open a regular file for unbuffered reading; refuse anything else without blocking on it.

    Raises OSError: ELOOP for a symbolic link when those are not followed, EINVAL for what is no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(EINVAL, "not a regular file", str(path))
        return FileIO(descriptor, "r")
    except BaseException:
        os.close(descriptor)
        raise


def read_range(path: Path, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield the bytes of a regular file from ``start`` on, at most ``length``, some at a time."""
    with open_regular(path) as stream, naming(path):
        stream.seek(start)
        left = length
        while left is None or left > 0:
            chunk = stream.read(BUFFER if left is None else min(BUFFER, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


def feed(path: Path, hasher: H, *, follow_links: bool = True, from_disk: bool = False) -> H:
    """Read a whole file into ``hasher`` and return it.

    ``from_disk``: what memory has of it does not count, and is not kept, so that nothing else loses its place
    there. What was written and is not on the disk yet is read as it is.
    """
    with open_regular(path, follow_links=follow_links) as stream, naming(path):
        size = os.fstat(stream.fileno()).st_size
        if from_disk:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        buffer = memoryview(bytearray(min(BUFFER, size + 4096)))  # a small file needs no more
        while count := stream.readinto(buffer):
            hasher.update(buffer[:count])
        if from_disk:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return hasher


def fsync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with open_regular(path, follow_links=False) as stream, naming(path):
        os.fsync(stream.fileno())


def fsync_dir(path: Path) -> None:
    """Wait until a folder's entries (creations, renames, removals) are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(tmp: Path, dst: Path) -> None:
    """Make ``tmp``, a file on the same file system, durable and then visible as ``dst``, in one step."""
    fsync_file(tmp)
    tmp.replace(dst)
    fsync_dir(dst.parent)


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a small file so that readers, now and after a crash, see all of it or what was there before.

    Until it has its name its owner may write it, whatever ``mode`` says: the next run takes over what a kill
    left.
    """
    tmp = path.with_name(f".{path.name[:40]}.tmp")
    with _taken_over(tmp) as stream:
        with _removed_on_failure(tmp):
            _write_all(stream, memoryview(content), path)
            with naming(path):
                os.fchmod(stream.fileno(), mode | stat.S_IWUSR)
            replace_durably(tmp, path)
        if not mode & stat.S_IWUSR:
            with naming(path):
                os.fchmod(stream.fileno(), mode)


def copy_hashing(src: Path, dst: Path, hasher_factory: Callable[[], H], *, sync: bool = True) -> H:
    """Copy a file to ``dst``, which must not exist, feeding a new hasher in the same pass; return the hasher.

    With ``sync`` the bytes (not yet the folder entry) are on the disk on return.
    """
    hasher = hasher_factory()
    buffer = memoryview(bytearray(BUFFER))
    with open_regular(src) as reader, _new_file(dst) as writer:
        while count := _read(reader, buffer, src):
            _write_all(writer, buffer[:count], dst)
            hasher.update(buffer[:count])
        if sync:
            with naming(dst):
                os.fsync(writer.fileno())
    return hasher


def clone(src: Path, dst: Path) -> bool:
    """Make ``dst``, which must not exist, a reflink of ``src``; False where the file system cannot."""
    with open_regular(src) as reader, _new_file(dst) as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError as error:
            if error.errno not in _CANNOT_CLONE:
                error.filename = str(dst)
                raise
        else:
            return True
    dst.unlink()
    return False


def hard_link(src: Path, dst: Path) -> bool:
    """Give the regular file ``src`` the second name ``dst``; False where that cannot be done."""
    if not stat.S_ISREG(src.lstat().st_mode):
        raise OSError(EINVAL, "not a regular file", str(src))
    try:
        os.link(src, dst, follow_symlinks=False)
    except OSError as error:
        if error.errno in _CANNOT_LINK:
            return False
        if not isinstance(error, FileNotFoundError):
            error.filename = str(dst)  # Python names the source, but what failed was to write the new name
        raise
    return True


def link_or_copy(src: Path, dst: Path, *, allow_link: bool = False, sync: bool = True) -> Placed:
    """Bring ``src`` to ``dst``, which must not exist, as cheaply as the file system allows.

    A clone where possible; else, if ``allow_link``, a hard link (writing to one then writes to both); else a
    copy. With ``sync`` the bytes (not yet the folder entry) are on the disk on return.
    """
    shared = share(src, dst, allow_link=allow_link)
    if shared is None:
        copy_hashing(src, dst, _Unhashed, sync=sync)
    elif sync:
        fsync_file(dst)
    return shared or Placed.COPY


def share(src: Path, dst: Path, *, allow_link: bool) -> Placed | None:
    """Clone or, if allowed, hard-link ``src`` to ``dst`` without reading it; None if neither can be done."""
    if clone(src, dst):
        return Placed.CLONE
    if allow_link and hard_link(src, dst):
        return Placed.LINK
    return None


class _Unhashed:
    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        pass


@contextmanager
def _taken_over(tmp: Path) -> Iterator[FileIO]:
    """Open a temporary file that nobody else is writing. What a killed run left under its name is used again,
    so that nothing is ever left about for good.
    """
    while True:
        descriptor = os.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with FileIO(descriptor, "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _is_named(stream, tmp):  # whoever had the lock before has not renamed it meanwhile
                stream.truncate(0)
                yield stream
                return


def _is_named(stream: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _new_file(path: Path) -> Iterator[FileIO]:
    # "x": an existing file is never overwritten, nor removed when this fails
    with FileIO(path, "x") as stream, _removed_on_failure(path):
        yield stream


def _read(stream: FileIO, buffer: memoryview, path: Path) -> int:
    with naming(path):
        return stream.readinto(buffer) or 0


def _write_all(stream: FileIO, data: memoryview, path: Path) -> None:
    with naming(path):
        while data:
            data = data[stream.write(data) :]
