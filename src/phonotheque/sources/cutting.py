"""Streaming large files, packed or not, and cutting them at the ends of records."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from phonotheque.model.errors import PhonothequeError

PIECE = 8 << 20  # bytes of records that a worker takes at a time, about
LONGEST = 64 << 20  # bytes of one record; more is no record but an attack, or a file of another kind
_READ = 1 << 20
# What unpackers raise of broken files; an OSError without a number is of the data, too.
_UNPACKING = (EOFError, lzma.LZMAError, zlib.error, tarfile.ReadError)
_BREAKS = (*_UNPACKING, OSError)
PACKED = (".gz", ".xz", ".bz2", ".zst")


class BrokenFileError(PhonothequeError):
    """A file ends early, or is not what it should be, from some place on. What came before it is kept."""


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for streaming; ``.gz``, ``.xz``, ``.bz2`` and ``.zst`` are unpacked on the way.

    Reading it raises BrokenFileError where it is truncated or damaged; an I/O error stays an OSError.
    """
    with path.open("rb") as raw, explaining_breaks(path):
        match path.suffix:
            case ".gz":
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield io.BufferedReader(stream, _READ)
            case ".xz":
                with lzma.LZMAFile(raw) as stream:
                    yield io.BufferedReader(stream, _READ)
            case ".bz2":
                with bz2.BZ2File(raw) as stream:
                    yield io.BufferedReader(stream, _READ)
            case ".zst":
                with pa.CompressedInputStream(raw, "zstd") as stream:
                    yield stream
            case _:
                yield raw


@contextmanager
def explaining_breaks(
    path: Path,
    raised: tuple[type[Exception], ...] = _UNPACKING,
    what: str = "the file is truncated or damaged",
    advice: str = "Fetch it again; what was read is kept.",
) -> Iterator[None]:
    """Turn what is raised of broken files (by unpackers) into a BrokenFileError that names the file.

    An OSError with a number is of the disk, and stays one.
    """
    kinds: tuple[type[Exception], ...] = (*raised, OSError)
    try:
        yield
    except kinds as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenFileError(f"{path}: {what}: {error}.", advice) from error


def lines(stream: IO[bytes], *, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line from 1, bytes) of runs of whole lines, about ``size`` bytes each.

    A last line without an end is given as it is. Lines beyond ``LONGEST`` come in several runs, which no
    reader takes for records.
    """
    yield from _cut(stream, b"\n", size)


def elements(stream: IO[bytes], closing: bytes, *, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first element from 1, bytes) of runs that end with ``closing``, like “</release>”.

    What follows the last closing tag comes last, as a run of its own, if it is more than white space.
    """
    yield from _cut(stream, closing, size)


def _cut(stream: IO[bytes], end: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    waiting, held, first = bytearray(), 0, 1
    broken: Exception | None = None
    while True:
        try:
            block = stream.read(_READ)
        except _BREAKS as error:
            broken, block = error, b""
        if not block:
            break
        waiting += block
        held = len(waiting)
        if held < size:
            continue
        last = waiting.rfind(end)
        if last < 0:
            if held < LONGEST:
                continue
            last = held - len(end)
        run = bytes(waiting[: last + len(end)])
        del waiting[: last + len(end)]
        yield first, run
        first += run.count(end)
    if broken is not None:  # what is whole is handed over first
        if (last := waiting.rfind(end)) >= 0:
            yield first, bytes(waiting[: last + len(end)])
        raise broken
    if bytes(waiting).strip():
        yield first, bytes(waiting)
