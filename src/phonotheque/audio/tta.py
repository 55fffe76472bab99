"""TTA (True Audio, version 1): the header, the table of frames, and the CRC-32 of each frame."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, Final

from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.verdict import Notes, Verdict, short, stray

_HEADER: Final = struct.Struct("<4sHHHIII")  # id, format, channels, bits, rate, samples, CRC-32 of the rest
_MAX_FRAMES: Final = 4_000_000  # 48 days
_LONGEST: Final = 64 << 20  # bytes of one frame


def check_tta(file: BinaryIO, size: int) -> Verdict:
    """Compare every frame with its checksum. Proven when all are there and hold."""
    notes = Notes()
    start = skip_id3v2(file)
    file.seek(start)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        notes.add("the file ends within its header", byte=start)
        return Verdict(damage=notes.result())
    _, _, _, _, rate, samples, _ = _HEADER.unpack(header)
    if not _holds(header):
        notes.add("the checksum of its header does not hold", byte=start)
    length = 256 * rate // 245  # samples a frame
    count = min(_MAX_FRAMES, -(-samples // length)) if length else 0
    table = file.read(4 * count + 4)
    if not _holds(table):
        notes.add("the checksum of its table of frames does not hold", byte=start + _HEADER.size)
    at, end = start + _HEADER.size + 4 * count + 4, tags_begin(file, size)
    for index in range(len(table) // 4 - 1):
        (size_of,) = struct.unpack_from("<I", table, 4 * index)
        if size_of > _LONGEST:
            notes.add("the table of frames states a frame that no encoder writes", byte=at)
            return Verdict(damage=notes.result())
        if at + size_of > end:
            missing = at + size_of - end
            notes.add(
                short(missing, "frame"),
                seconds=index * length / rate,
                byte=at,
            )
            return Verdict(damage=notes.result())
        file.seek(at)
        if not _holds(file.read(size_of)):
            notes.add("the checksum of the frame does not hold", seconds=index * length / rate, byte=at)
        at += size_of
    if at < end:
        notes.add(stray(end - at, "frame and no tag"), byte=at)
    damage = notes.result()
    return Verdict(proven=bool(count) and not damage, damage=damage)


def _holds(data: bytes) -> bool:
    """Whether ``data`` ends with the CRC-32 of what comes before."""
    return len(data) >= 4 and zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little")
