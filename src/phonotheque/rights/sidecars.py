"""Notes beside a file: ``NAME.license`` (REUSE 3.3) and ``NAME.txt``."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from phonotheque.model.rights import Evidence
from phonotheque.rights.prose import ask, from_prose

MAX_NOTE_BYTES = 256 * 1024

# What may be taken off a name as an extension: ".hq" and ".ogg", but not " Smith.ogg" of "Mr. Smith.ogg".
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}$")


def sidecar_names(filename: str) -> Iterator[str]:
    """Yield the names of notes that may belong to a file, the most particular first.

    For ``a.hq.ogg``: a.hq.ogg.license, a.hq.ogg.txt, a.hq.license, a.hq.txt, a.license, a.txt.
    """
    stem = filename
    while stem:
        yield f"{stem}.license"
        yield f"{stem}.txt"
        shorter = _EXTENSION.sub("", stem)
        if shorter == stem:
            return
        stem = shorter


def read_sidecar(path: Path) -> Evidence:
    """Return what a note says of rights. An unreadable note raises OSError; it is never taken for absent."""
    content = read_bounded(path, MAX_NOTE_BYTES)
    name = shown(path.name)
    if len(content) > MAX_NOTE_BYTES:
        return ask(
            f"The note is larger than {MAX_NOTE_BYTES // 1024} KiB and was not read.", "", f"sidecar:{name}"
        )
    text, encoding = decode(content)
    return from_prose(text, f"sidecar:{name}" + (f" ({encoding})" if encoding != "utf-8" else ""))


def read_bounded(path: Path, limit: int) -> bytes:
    """Return at most ``limit`` + 1 bytes of a regular file; OSError for anything else, without waiting."""
    with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        return file.read(limit + 1)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that nobody writes to would block for ever


def decode(content: bytes) -> tuple[str, str]:
    """Return the text and the encoding it was read in: UTF-8, UTF-16 by its mark, else Latin-1.

    Latin-1 reads any bytes. Licence names and addresses are ASCII, so it can at worst garble a person's name.
    NUL, which not every database keeps, becomes U+FFFD.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    codec, name = ("utf-16", "utf-16") if marked else ("utf-8-sig", "utf-8")
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        text, name = content.decode("latin-1"), "latin-1"
    return text.replace("\0", "\ufffd"), name


def shown(path: str | Path) -> str:
    """Return a path for people and records, with U+FFFD for bytes that are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
