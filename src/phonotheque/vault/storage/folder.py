"""A storage that is a folder, such as another disk or a network mount."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from phonotheque.model.errors import NotFoundError, PhonothequeError, VerificationError
from phonotheque.vault.place import (
    copy_hashing,
    feed,
    fsync_dir,
    read_range,
    replace_durably,
)
from phonotheque.vault.storage.base import Item, PlaceGoneError, Stored

_PARTIAL = ".phonotheque-partial-"  # begins the names of files that are being written


class FolderStorage:
    """Objects are files. Each is written beside its place, made durable, and appears by one rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self._folder)

    def check(self) -> None:
        """Raise PlaceGoneError if the folder is not there, as when a disk is not mounted."""
        with _told():
            if not self._folder.is_dir():
                raise PlaceGoneError(
                    f"The storage {self._folder} is not a folder.",
                    "Mount the disk it is on, or make the folder.",
                )

    def put(self, item: Item, sent: Callable[[int], None]) -> bool:
        """Copy a file; see :class:`~phonotheque.vault.storage.base.Storage`. A folder states no checksums."""
        self.check()
        place = self._place(item.key)
        with _told():
            self._make_folders(place.parent)
            partial = place.with_name(_PARTIAL + hashlib.sha256(place.name.encode()).hexdigest()[:32])
            partial.unlink(missing_ok=True)
            try:
                found = copy_hashing(item.file, partial, hashlib.sha256).hexdigest()
                if found != item.sha256:
                    raise VerificationError(
                        f"{item.file} has the SHA-256 {found} instead of {item.sha256}.",
                        "It changed on the disk. Find what is damaged: phono check",
                    )
                replace_durably(partial, place)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        sent(item.size)
        return False

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes of a file."""
        file = self._place(key)
        if self.stat(key) is None:
            raise NotFoundError(f"{file} is not there.", "Find what is missing: phono check")
        with _told():
            yield from read_range(file, start, length)

    def stat(self, key: str) -> Stored | None:
        """Return a file's size, None if there is no such file."""
        self.check()
        with _told():
            try:
                status = self._place(key).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            # A folder is no object: only keys below it are.
            return None if stat.S_ISDIR(status.st_mode) else Stored(key, status.st_size)

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the files below a folder, in the order of their paths."""
        for file in self._files(prefix):
            if not file.name.startswith(_PARTIAL):
                with _told():
                    yield Stored(file.relative_to(self._folder).as_posix(), file.stat().st_size)

    def matches(self, stored: Stored, item: Item) -> bool:
        """Read a file and compare its SHA-256."""
        if stored.size != item.size:
            return False
        with _told():
            return feed(self._place(stored.key), hashlib.sha256()).hexdigest() == item.sha256

    def is_same(self, key: str, file: Path) -> bool:
        """Compare inodes: symbolic and hard links and bind mounts are followed."""
        with _told():
            try:
                return self._place(key).samefile(file)
            except (FileNotFoundError, NotADirectoryError):
                return False

    def delete(self, key: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        self.check()
        place = self._place(key)
        with _told():
            place.unlink(missing_ok=True)
            for folder in place.parents:
                if folder == self._folder or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()

    def tidy(self, prefix: str) -> int:
        """Remove what interrupted copies left."""
        left = [file for file in self._files(prefix) if file.name.startswith(_PARTIAL)]
        with _told():
            for file in left:
                file.unlink(missing_ok=True)
        return len(left)

    def _place(self, key: str) -> Path:
        assert not {"", ".", ".."} & set(key.split("/")), key
        return self._folder / key

    def _make_folders(self, folder: Path) -> None:
        if folder == self._folder or folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_dir(folder.parent)

    def _files(self, prefix: str) -> Iterator[Path]:
        self.check()

        def failed(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        with _told():
            for name, folders, files in os.walk(self._folder / prefix, onerror=failed):
                folders.sort()
                for file in sorted(files):
                    yield Path(name) / file


@contextmanager
def _told() -> Iterator[None]:
    """Let no ``OSError`` out but in words."""
    try:
        yield
    except OSError as error:
        raise PhonothequeError(
            f"The storage failed at {error.filename}: {error.strerror}.",
            "Check the disk, its room and its permissions, then run it again.",
        ) from error
