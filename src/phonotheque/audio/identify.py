"""What a file is, from its content alone: the cheap look before its bytes are copied anywhere."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from phonotheque.audio.asf import ASF_HEADER
from phonotheque.audio.drm import find_protection
from phonotheque.audio.id3 import skip_id3v2
from phonotheque.audio.matroska import EBML_MAGIC
from phonotheque.audio.mp3 import frame_length
from phonotheque.model.audio import Refusal, RefusalKind

_HEAD: Final = 4096  # bytes looked at
_SEARCHED: Final = 64 * 1024  # bytes of a file that begins like nothing known
_BEGINNINGS: Final = (  # longer than those below: these may occur anywhere by chance
    (b"fLaC\0\0\0\x22", "a FLAC file"),
    (b"OggS\0\2", "an Ogg file"),
    (b"WAVEfmt ", "a WAVE file"),
    (b"ftypM4A ", "an MP4 file"),
)

# FFmpeg's demuxer for the bytes a file begins with (offset, bytes).
_SOUND: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
    (0, EBML_MAGIC, "matroska"),
    (0, ASF_HEADER, "asf"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
    (0, b"TTA1", "tta"),
    (0, b"tBaK", "tak"),
    (0, b"MPCK", "mpc8"),
    (0, b"MP+", "mpc"),
    (0, b"DSD ", "dsf"),
    (0, b"FRM8", "iff"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
    (0, b"#!AMR", "amr"),
    (0, b"Creative Voice File", "voc"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
)
_NOT_SOUND: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\xfd7zXZ\0", "an xz file"),
    (0, b"(\xb5/\xfd", "a zstd file"),
    (0, b"\x7fELF", "a program (ELF)"),
    (0, b"MZ", "a program (DOS or Windows)"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"PAR1", "a Parquet table"),
    (0, b"MThd", "a MIDI file: notes, not a recording"),
    (0, b"OFR ", "an OptimFROG file, which no free program decodes"),
    (0, b"IMPM", "a tracker module (Impulse Tracker): notes, not a recording"),
    (0, b"Extended Module: ", "a tracker module (FastTracker): notes, not a recording"),
    (44, b"SCRM", "a tracker module (Scream Tracker): notes, not a recording"),
    (1080, b"M.K.", "a tracker module (ProTracker): notes, not a recording"),
    (1080, b"M!K!", "a tracker module (ProTracker): notes, not a recording"),
    (1080, b"FLT4", "a tracker module (StarTrekker): notes, not a recording"),
    (1080, b"6CHN", "a tracker module (FastTracker): notes, not a recording"),
    (1080, b"8CHN", "a tracker module (FastTracker): notes, not a recording"),
    (8, b"AVI ", "an AVI video"),
    (0, b"\0\0\x01\xba", "an MPEG video"),
)
_PICTURE_BRANDS: Final = {b"avif": "an AVIF picture", b"heic": "a HEIC picture", b"mif1": "a HEIF picture"}
# Control characters that text does not contain (tab, line ends, form feed and escape it may).
_CONTROL: Final = bytes(c for c in range(32) if c not in b"\t\n\r\f\x1b")


def identify(path: Path) -> Refusal | None:
    """Return why the file is certainly not to be taken in, or None when it may be sound.

    Reads the first few kilobytes, and for MP4, ASF and Matroska the headers of their boxes, by seeking.
    """
    try:
        with open_regular(path) as file:
            return refuse_by_content(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        return unreadable(error)


def refuse_by_content(file: BinaryIO, size: int) -> Refusal | None:
    """Do what ``identify`` does, with an open file of ``size`` bytes."""
    if size == 0:
        return Refusal(RefusalKind.EMPTY, "the file is empty")
    if protection := find_protection(file, size):
        reason = (
            f"protected: {protection}. Phonotheque does not remove protection; obtain an unprotected copy"
        )
        return Refusal(RefusalKind.DRM, reason)
    if sniff(file) is not None:
        return None
    file.seek(0)
    head = file.read(_HEAD)
    if what := _known_other(head, size):
        return Refusal(RefusalKind.NOT_AUDIO, f"not audio: {what}")
    return None


def sniff(file: BinaryIO) -> str | None:
    """Return FFmpeg's name of the demuxer for ``file``, or None when its beginning does not tell."""
    file.seek(skip_id3v2(file))
    head = file.read(_HEAD)
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return None
    for at, magic, demuxer in _SOUND:
        if head[at : at + len(magic)] == magic:
            return demuxer
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "aac"
    length = frame_length(head[:4])
    if length and frame_length(head[length : length + 4]):
        return "mp3"
    return None


def begins_like_sound(path: Path) -> bool:
    """Whether a file begins like one of sound, whatever its name. Raises OSError."""
    with open_regular(path) as file:
        return sniff(file) is not None


def sound_behind(file: BinaryIO) -> str | None:
    """Say where in a file that begins like nothing known a file of sound seems to begin, or None.

    It is for a person to say whether that is one with rubbish in front, or one of many in some collection.
    """
    file.seek(0)
    data = file.read(_SEARCHED)
    found = [(at, name) for magic, name in _BEGINNINGS if (at := data.find(magic)) > 0]
    return "{1} seems to begin at byte {0:,}".format(*min(found)) if found else None


class _Named(io.FileIO):
    """A file whose read errors name it, as those of opening do: so who also writes can tell them apart."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor)
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does."""
        try:
            return super().read(size)
        except OSError as error:
            error.filename = os.fspath(self._path)
            raise


def open_regular(path: Path) -> io.FileIO:
    """Open a file without buffering. OSError for a pipe, device or folder, which must not be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return _Named(descriptor, path)


def unreadable(error: OSError) -> Refusal:
    """Return the refusal for a file that could not be read; not the same as one that is not there."""
    return Refusal(RefusalKind.UNREADABLE, f"cannot be read: {error.strerror or error}")


def _known_other(head: bytes, size: int) -> str | None:
    """Name what begins like ``head`` if it is something other than sound."""
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return _PICTURE_BRANDS[head[8:12]]
    for at, magic, what in _NOT_SOUND:
        if head[at : at + len(magic)] == magic:
            return what
    if not any(head) and size <= _HEAD:
        return "nothing but zero bytes"
    return "text" if head.translate(None, _CONTROL) == head else None
