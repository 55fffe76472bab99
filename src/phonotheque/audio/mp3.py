"""MPEG audio files: a walk over their frames, and the LAME tag, whose CRC-16 covers all of the sound."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Final

from fastcrc import crc16

from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.sync import walk_frames
from phonotheque.audio.verdict import Damage, Verdict, short, stray

_CHUNK: Final = 1 << 20
_SEARCHED: Final = 64 * 1024  # bytes searched for the first frame
_LAME_END: Final = struct.Struct(">IHH")  # music length, music CRC, CRC of the tag itself
# Who fills in the checksums. LAME has done since 3.90; before, 20 bytes of version text were all of its tag.
_WRITES_CHECKSUMS: Final = re.compile(rb"LAME3\.(9\d|1\d\d)|Lav[fc]")
_RATES: Final = (44_100, 48_000, 32_000)  # Hz, MPEG-1; halved for MPEG-2, quartered for 2.5
# kbit/s by (MPEG-1?, layer), ISO 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3; 0 (free format) is no known length.
_LOW: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBIT: Final[dict[tuple[bool, int], tuple[int, ...]]] = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW,
    (False, 3): _LOW,
}
_NO_TAG: Final = "no LAME tag: MP3 by itself carries no checksum over its sound"
# A Xing tag may count itself as a frame, and a decoder's delay may stand for one more.
_UNCOUNTED: Final = 2


@dataclass(frozen=True, slots=True)
class LameTag:
    """What the Xing and LAME tag in the first frame state. Offsets and lengths in bytes."""

    start: int  # of the frame that holds the tag
    frame_length: int
    frames: int  # how many follow; 0 when not stated
    lame: bool  # the encoder wrote checksums
    whole: bool  # the tag's own CRC-16 holds
    music_length: int  # from ``start`` to the end of the last frame; 0 when not stated
    music_crc: int  # CRC-16/ARC of what follows the tag's frame


def frame_length(header: bytes) -> int:
    """Return the length in bytes of the frame with this 4-byte header, or 0 (ISO 11172-3 §2.4.1.3)."""
    return _measure(header)[0]


@lru_cache(4096)
def _measure(header: bytes) -> tuple[int, float]:
    """Return the length of a frame in bytes and in seconds."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0, 0.0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, kbit = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or kbit in (0, 15):
        return 0, 0.0
    mpeg1 = version == 3
    hertz = _RATES[rate] >> (0 if mpeg1 else 1 if version == 2 else 2)
    samples = 384 if layer == 1 else 1152 if layer == 2 or mpeg1 else 576
    slot = 4 if layer == 1 else 1  # bytes
    slots = samples // (8 * slot) * 1000 * _KBIT[mpeg1, layer][kbit] // hertz + (header[2] >> 1 & 1)
    return slots * slot, samples / hertz


def read_lame_tag(file: BinaryIO) -> LameTag | None:
    """Return the tag of the first frame, or None when there is none."""
    start = _first_frame(file)
    file.seek(start)
    frame = file.read(2048)
    length = frame_length(frame[:4])
    if not length or len(frame) < 192:
        return None
    mpeg1, mono = frame[1] >> 3 & 3 == 3, frame[3] >> 6 == 3
    at = 4 + ((17 if mono else 32) if mpeg1 else (9 if mono else 17))
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    frames = int.from_bytes(frame[at + 8 : at + 12], "big") if flags & 1 else 0
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    tag = frame[lame : lame + 36]
    none = LameTag(start, length, frames, False, False, 0, 0)
    if len(tag) < 36 or tag[:4] not in (b"LAME", b"Lavf", b"Lavc"):
        return none
    music_length, music_crc, own_crc = _LAME_END.unpack_from(tag, 28)
    whole = crc16.arc(frame[: lame + 34]) == own_crc
    if not any((music_length, music_crc, own_crc)) or not (whole or _WRITES_CHECKSUMS.match(tag)):
        return none  # left out, as by FFmpeg until 2.3 and by encoders that only give themselves the name
    return LameTag(start, length, frames, True, whole, music_length, music_crc)


def _first_frame(file: BinaryIO) -> int:
    """Return where the first frame begins that another follows: after the tags, and rubbish behind them."""
    start = skip_id3v2(file)
    file.seek(start)
    data = file.read(_SEARCHED)
    at = 0
    while (at := data.find(b"\xff", at)) >= 0:
        length = frame_length(data[at : at + 4])
        if length and frame_length(data[at + length : at + length + 4]):
            return start + at
        at += 1
    return start


def check_mp3(file: BinaryIO, size: int) -> Verdict:
    """Compare the sound with the LAME tag's length and CRC-16, proven when they agree, or walk the frames."""
    tag = read_lame_tag(file)
    before = _before(file)
    if tag is None or not tag.lame or (tag.whole and tag.music_length <= tag.frame_length):
        return Verdict(damage=(*before, *_walk(file, size, tag)), remarks=(_NO_TAG,))
    if not tag.whole:
        first = Damage("the checksum of its LAME tag does not hold", byte=tag.start)
        return Verdict(damage=(*before, first, *_walk(file, size, tag)))
    end = tag.start + tag.music_length
    damage = list(before)
    if end > size:
        damage.append(Damage(short(end - size, "sound"), byte=size))
    elif _crc(file, tag.start + tag.frame_length, end) != tag.music_crc:
        damage += _walk(file, end, tag)
        damage.append(Damage("the CRC-16 of the sound is not the one its encoder wrote"))
    if (extra := tags_begin(file, size) - end) > 0:
        damage.append(Damage(stray(extra, "frame and no tag"), byte=end))
    return Verdict(proven=not damage, damage=tuple(damage))


def _before(file: BinaryIO) -> list[Damage]:
    """Return what lies between the tags in front and the first frame."""
    tags, first = skip_id3v2(file), _first_frame(file)
    return [Damage(stray(first - tags, "frame and no tag"), 0.0, tags)] if first > tags else []


def _walk(file: BinaryIO, size: int, tag: LameTag | None) -> tuple[Damage, ...]:
    """Return what is wrong with the order of the frames; nothing for free format, which has no lengths."""
    start = _first_frame(file) if tag is None else tag.start + tag.frame_length
    end = tags_begin(file, size)
    file.seek(start)
    if not frame_length(file.read(4)):
        return ()  # FFmpeg says what it thinks of it
    walk = walk_frames(file, start, end, _measure, header=4)
    if tag is not None and tag.frames > walk.frames + _UNCOUNTED and not walk.damage:
        what = f"{walk.frames:,} frames are there where its header states {tag.frames:,}"
        return (Damage(what, walk.seconds, end),)
    return walk.damage


def _crc(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    crc, left = 0, end - start
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        crc = crc16.arc(chunk, crc)
        left -= len(chunk)
    return crc
