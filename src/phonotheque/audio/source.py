"""A file as FFmpeg may see it: errors stay on this side, and only a part of it may be shown."""

from __future__ import annotations

import os
from typing import BinaryIO


class Source:
    """The bytes from ``start`` to ``end`` of a file, for C code that cannot pass Python's exceptions on.

    After an I/O error it reads as ended; ``check`` then raises what happened.
    """

    name = "the file"  # FFmpeg's messages carry it

    def __init__(self, file: BinaryIO, end: int, start: int = 0) -> None:
        self._file = file
        self._start = start
        self._size = end - start
        self._at = 0  # kept here: a hostile file sends its reader to places where no file can be
        self._error: OSError | None = None

    def __repr__(self) -> str:
        """libsndfile's messages carry this."""
        return self.name

    def read(self, count: int) -> bytes:
        """Read up to ``count`` bytes; nothing at the end or after an error."""
        count = min(count, self._size - self._at)
        if count <= 0 or self._error is not None:
            return b""
        try:
            self._file.seek(self._start + self._at)
            data = self._file.read(count)
        except OSError as error:
            self._error = error
            return b""
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move and return the new position, which may lie after the end; -1 for one before the beginning."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}.get(whence)
        if base is None or base + offset < 0:
            return -1
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def check(self) -> None:
        """Raise the I/O error that ended the reading, if there was one."""
        if self._error is not None:
            raise self._error
