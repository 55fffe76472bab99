"""The frames of a FLAC file (RFC 9639 §9): where each begins, and which of them are damaged or missing.

The MD5 in the header only tells that something is wrong; the checksums of the frames tell where.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from fastcrc import crc8, crc16

from phonotheque.audio.id3 import skip_id3v2
from phonotheque.audio.verdict import Damage, Notes, stray

_SYNC: Final = re.compile(rb"\xff[\xf8\xf9]")
_CHUNK: Final = 1 << 20
_LONGEST_HEADER: Final = 16  # bytes
_LONGEST_FRAME: Final = 1 << 21  # bytes: 65,535 samples of 8 channels, hardly compressed
_MAX_FRAMES: Final = 4_000_000  # four days of sound
_REACHES: Final = (32 * 1024, _LONGEST_FRAME)  # bytes before the end in which the last frame begins
_LOOKAHEAD: Final = 4  # what looks like a header within a frame is none; as many are passed over in a row


@dataclass(frozen=True, slots=True)
class Frames:
    """What the frames tell. ``samples`` lie in whole frames, per channel."""

    samples: int
    damage: tuple[Damage, ...]


@dataclass(slots=True)
class _Headers:
    """All that looks like a frame header, in order; one array each, because there may be millions."""

    at: array[int] = field(default_factory=lambda: array("q"))  # byte
    first: array[int] = field(default_factory=lambda: array("q"))  # sample
    samples: array[int] = field(default_factory=lambda: array("q"))


def check_frames(file: BinaryIO, end: int, *, rate: int, block: int) -> Frames:
    """Check every frame up to offset ``end``: its CRC-16, and that none is missing before it.

    ``rate`` is in Hz; ``block`` is the number of samples a frame where all frames have as many.
    """
    notes = Notes()
    start = _sound_begins(file)
    headers = _Headers()
    for at, first, count in _look_for_headers(file, start, end, block):
        headers.at.append(at)
        headers.first.append(first)
        headers.samples.append(count)
        if len(headers.at) == _MAX_FRAMES:
            break
    begins = headers.at[0] if headers.at else end
    if begins > start:
        notes.add(stray(begins - start, "frame"), seconds=0.0, byte=start)
    index = samples = expected = 0
    while index < len(headers.at):
        at, first, count = headers.at[index], headers.first[index], headers.samples[index]
        if first != expected:
            missing = first - expected
            what = f"{missing:,} samples are missing before it" if missing > 0 else "its position goes back"
            notes.add(what, seconds=first / rate, byte=at)
        expected = first + count
        index, used = _next(file, headers, index, end)
        following = headers.at[index] if index < len(headers.at) else end
        if used:
            samples += count
            if at + used < following:
                what = stray(following - at - used, "frame")
                notes.add(what, seconds=expected / rate, byte=at + used)
        else:
            last = "the last frame, or what follows it, is damaged"
            what = "the frame's checksum does not hold" if following < end else last
            notes.add(what, seconds=first / rate, byte=at)
    return Frames(samples, notes.result())


def ends_with_frame(file: BinaryIO, end: int) -> bool:
    """Whether what comes last before offset ``end`` is a whole frame. Reads only the last few kilobytes."""
    start = _sound_begins(file)
    for reach in _REACHES:
        at = max(start, end - reach)
        file.seek(at)
        data = file.read(end - at)
        for match in reversed(list(_SYNC.finditer(data))):
            frame = data[match.start() :]
            if _header(frame[:_LONGEST_HEADER], 0) and _used(frame) == len(frame):
                return True
        if at == start:
            break
    return False


def _next(file: BinaryIO, headers: _Headers, index: int, end: int) -> tuple[int, int]:
    """Return which header follows the frame of header ``index``, and the frame's length: 0 if damaged."""
    at = headers.at[index]
    for following in range(index + 1, index + 2 + _LOOKAHEAD):
        until = headers.at[following] if following < len(headers.at) else end
        if until - at > _LONGEST_FRAME:
            break
        file.seek(at)
        if used := _used(file.read(until - at)):
            return following, used
        if until == end:
            break
    return index + 1, 0


def _used(data: bytes) -> int:
    """Return the length of the frame that ``data`` is, or 0 when its checksum does not hold."""
    if crc16.umts(data) != 0:  # over the frame with its own checksum
        return 0
    if not data.endswith(b"\0\0\0"):
        return len(data)
    bare = len(data.rstrip(b"\0"))  # a checksum that holds goes on holding over zeros
    return next((bare + n for n in range(3) if crc16.umts(data[: bare + n]) == 0), len(data))


def _sound_begins(file: BinaryIO) -> int:
    """Return the offset after the last metadata block (§8.1)."""
    at = skip_id3v2(file) + 4
    while True:
        file.seek(at)
        header = file.read(4)
        at += 4 + int.from_bytes(header[1:], "big")
        if len(header) < 4 or header[0] & 0x80:
            return at


def _look_for_headers(file: BinaryIO, start: int, end: int, block: int) -> Iterator[tuple[int, int, int]]:
    """Yield offset, first sample and number of samples of everything that looks like a frame header."""
    position, data = start, b""
    while position + len(data) < end:
        file.seek(position + len(data))
        piece = file.read(min(_CHUNK, end - position - len(data)))
        if not piece:
            return
        data += piece
        ends = position + len(data) >= end
        limit = len(data) if ends else len(data) - _LONGEST_HEADER
        limit = max(0, limit)
        for match in _SYNC.finditer(data, 0, limit + 1):
            at = match.start()
            if found := _header(data[at : at + _LONGEST_HEADER], block):
                yield (position + at, *found)
        position, data = position + limit, data[limit:]


def _header(data: bytes, block: int) -> tuple[int, int] | None:
    """Return first sample and number of samples, or None when this is no header (§9.1)."""
    if len(data) < 6:
        return None
    code, rate, channels, depth = data[2] >> 4, data[2] & 15, data[3] >> 4, data[3] >> 1 & 7
    if code == 0 or rate == 15 or channels > 10 or depth == 3 or data[3] & 1:
        return None
    coded = _coded_number(data[4:11])
    if coded is None:
        return None
    number, width = coded
    at = 4 + width
    if code in (6, 7):
        width = code - 5
        samples = int.from_bytes(data[at : at + width], "big") + 1
        at += width
    else:
        samples = 192 if code == 1 else 576 << (code - 2) if code < 6 else 256 << (code - 8)
    at += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if at >= len(data) or crc8.smbus(data[:at]) != data[at]:
        return None
    variable = data[1] & 1
    return (number if variable else number * block), samples


def _coded_number(data: bytes) -> tuple[int, int] | None:
    """Return a number coded like UTF-8 (§9.1.5) and its width in bytes, or None when it is none."""
    lead = data[0]
    if lead < 0x80:
        return lead, 1
    width = 8 - (lead ^ 0xFF).bit_length()  # leading ones
    if not 2 <= width <= 7 or len(data) < width or any(byte & 0xC0 != 0x80 for byte in data[1:width]):
        return None
    number = lead & 0x7F >> width
    for byte in data[1:width]:
        number = number << 6 | byte & 0x3F
    return number, width
