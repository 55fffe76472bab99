"""Embedded tags of every common kind, read by mutagen and brought into one vocabulary."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import mutagen

from phonotheque.audio.tag_frames import Embedded, Entry, entries
from phonotheque.audio.tag_names import to_tags
from phonotheque.model.audio import Artwork, Tags
from phonotheque.model.errors import PhonothequeError

MAX_VALUE: Final = 64 * 1024  # characters kept of one value
MAX_VALUES: Final = 2_000  # values kept of one file
MAX_PICTURES: Final = 100
_MAX_READ: Final = 64 << 20  # bytes in one read: no honest tag is larger
_MAX_TOTAL: Final = 512 << 20  # bytes in all, so that a hostile file cannot fill memory

# What mutagen raises on malformed input besides its own errors, by its history of reports.
MALFORMED: Final = (
    mutagen.MutagenError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class TagsTooLargeError(PhonothequeError):
    """A tag asks for more memory than any honest tag would."""


@dataclass(frozen=True, slots=True)
class TagReading:
    """Tags and pictures, with notes about what could not be read or was cut."""

    tags: Tags
    artwork: tuple[Artwork, ...] = ()
    notes: tuple[str, ...] = ()


def read_tags(file: BinaryIO) -> tuple[Tags, tuple[Artwork, ...]]:
    """Return the tags and the embedded pictures of ``file`` (seekable); empty ones when there are none."""
    reading = collect_tags(file)
    return reading.tags, reading.artwork


def collect_tags(file: BinaryIO, fallback: Sequence[tuple[str, str]] = ()) -> TagReading:
    """Return tags, pictures and notes; ``fallback`` are the pairs that count when mutagen finds no text.

    Malformed tags are a note, not an error; OSError as ``file`` raises it.
    """
    notes: list[str] = []
    found = _found(file, notes)
    texts = [(key, value) for key, value in found if isinstance(value, str)] or list(fallback)
    pictures = [value.facts for _, value in found if isinstance(value, Embedded)]
    if len(pictures) > MAX_PICTURES:
        notes.append(f"only the first {MAX_PICTURES} of {len(pictures)} embedded pictures are listed")
    return TagReading(to_tags(_bounded(texts, notes)), tuple(pictures[:MAX_PICTURES]), tuple(notes))


def front_cover(file: BinaryIO) -> bytes | None:
    """Return the bytes of the embedded front cover, else of the first picture of no role; None without one.

    Malformed tags have none; OSError as ``file`` raises it.
    """
    pictures = [value for _, value in _found(file, []) if isinstance(value, Embedded)]
    for role in ("front", "other"):
        for picture in pictures:
            if picture.facts.role == role:
                return picture.data
    return None


def _found(file: BinaryIO, notes: list[str]) -> list[Entry]:
    """Return all entries of the tags of ``file``, and in ``notes`` why there are none."""
    file.seek(0)
    guard = _Guard(file)
    found: list[Entry] = []
    try:
        holder = mutagen.File(guard)
        found = list(entries(holder)) if holder is not None else []
    except TagsTooLargeError as error:
        notes.append(f"its tags were not read: {error.message}")
    except MALFORMED as error:
        notes.append(f"its tags cannot be read: {type(error).__name__}: {error}"[:300])
    guard.let_go()
    if guard.error is not None:
        raise guard.error
    return found


class _Guard:
    """A file for mutagen that refuses to be read by the gigabyte, and remembers its I/O errors.

    mutagen wraps every OSError in its own error; ``error`` tells a bad disk from bad tags.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._total = 0
        self.error: OSError | None = None
        self.size = file.seek(0, os.SEEK_END)
        self.seek(0)

    def let_go(self) -> None:
        """Forget the file: mutagen's RIFF chunks refer to each other and would keep its buffer for long."""
        self._file = io.BytesIO()

    def read(self, count: int = -1) -> bytes:
        """Read as a file does."""
        left = max(0, self.size - self._file.tell())
        count = left if count is None or count < 0 else min(count, left)
        self._total += count
        if count > _MAX_READ or self._total > _MAX_TOTAL:
            raise TagsTooLargeError(f"a tag claims to hold more than {_MAX_READ >> 20} MiB")
        try:
            return self._file.read(count)
        except OSError as error:
            self.error = error
            raise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Seek as a file does, to before its beginning being an error of the tags and not of the disk."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError("seek before the beginning")
        return self._file.seek(base + offset)

    def tell(self) -> int:
        """Tell as a file does."""
        return self._file.tell()


def _bounded(texts: list[tuple[str, str]], notes: list[str]) -> list[tuple[str, str]]:
    """Cut what is too long and drop what is too much, saying so in ``notes``."""
    if len(texts) > MAX_VALUES:
        notes.append(f"only the first {MAX_VALUES} of {len(texts)} tags are kept")
    long = [f"{key[:80]} ({len(value):,})" for key, value in texts[:MAX_VALUES] if len(value) > MAX_VALUE]
    if long:
        notes.append(f"tags cut to {MAX_VALUE:,} characters: {', '.join(long[:20])}")
    return [(_clean(key[:200]), _clean(value[:MAX_VALUE])) for key, value in texts[:MAX_VALUES]]


def _clean(text: str) -> str:
    """Replace lone surrogates, which no file or database can store."""
    return text.encode("utf-8", "replace").decode("utf-8")
