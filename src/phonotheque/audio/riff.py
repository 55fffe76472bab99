"""RIFF/WAVE (RF64, BW64, and big-endian RIFX) and AIFF: a walk over chunks, comparing sizes with the file."""

from __future__ import annotations

from typing import BinaryIO, Final, Literal

from phonotheque.audio.id3 import tags_begin
from phonotheque.audio.verdict import Damage, Verdict, short, stray

_MAX_CHUNKS: Final = 10_000
_UNKNOWN: Final = 0xFFFF_FFFF  # written by encoders that stream, and by RF64 to point at its ds64 chunk
_MAX_HEADERS: Final = 100  # chunks before the sound
_VORBIS: Final = frozenset({0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771})  # format tags of Ogg Vorbis
_SLACK: Final = 2  # bytes: many writers forget or add a pad byte


def check_riff(file: BinaryIO, size: int) -> Verdict:
    """Walk the chunks of a WAVE or AIFF file of ``size`` bytes. Never proven: there is no checksum."""
    file.seek(0)
    form = file.read(12)
    order: Literal["big", "little"] = "big" if form[:4] in (b"FORM", b"RIFX") else "little"
    wanted = b"SSND" if form[:4] == b"FORM" else b"data"
    at, found, long_data = 12, False, 0
    damage: list[Damage] = []
    remarks: list[str] = []
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or not all(32 <= c < 127 for c in header[:4]):
            break
        name, length = header[:4], int.from_bytes(header[4:], order)
        if name == b"ds64":  # EBU Tech 3306 §4: the sizes that do not fit in 32 bits
            long_data = int.from_bytes(file.read(16)[8:], "little")
        if name == wanted:
            found = True
            if length in (0, _UNKNOWN) and long_data:
                length = long_data
            elif length in (0, _UNKNOWN):
                remarks.append("the length of the sound is not stated: written while streaming")
                return Verdict(remarks=tuple(remarks))
        label = name.decode("ascii").strip()
        if (missing := at + 8 + length - size) > 0:
            what = short(missing, f"{label!r} chunk")
            if missing > _SLACK:
                damage.append(Damage(what, byte=size))
            else:
                remarks.append(what)
            return Verdict(damage=tuple(damage), remarks=tuple(remarks))
        at += 8 + length + (length & 1)
    if not found:
        damage.append(Damage(f"it has no {wanted.decode()!r} chunk"))
    elif (extra := tags_begin(file, size) - at) > _SLACK:
        damage.append(Damage(stray(extra, "chunk"), byte=at))
    stated = int.from_bytes(form[4:8], order) + 8
    if not damage and stated != size and form[4:8] not in (b"\xff" * 4, b"\0" * 4):
        remarks.append(f"its header states {stated:,} bytes where there are {size:,}")
    return Verdict(damage=tuple(damage), remarks=tuple(remarks))


def wrapped_ogg(file: BinaryIO, size: int) -> tuple[int, int] | None:
    """Return where in a WAVE file a whole Ogg file lies in place of samples, as byte offsets, or None.

    Programs for Windows wrote such files at the time of the first Vorbis encoders.
    """
    file.seek(0)
    if (form := file.read(12))[:4] != b"RIFF" or form[8:] != b"WAVE":
        return None
    at, wrapped = 12, False
    for _ in range(_MAX_HEADERS):
        file.seek(at)
        header = file.read(12)
        if len(header) < 12:
            return None
        length = int.from_bytes(header[4:8], "little")
        if header[:4] == b"fmt ":
            wrapped = int.from_bytes(header[8:10], "little") in _VORBIS
        elif header[:4] == b"data":
            return (at + 8, min(size, at + 8 + length)) if wrapped and header[8:] == b"OggS" else None
        at += 8 + length + (length & 1)
    return None
