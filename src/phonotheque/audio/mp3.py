"""MPEG audio files: the Xing/LAME tag in the first frame, whose CRC-16 covers all of the sound."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from fastcrc import crc16

from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.verdict import Verdict

_CHUNK: Final = 1 << 20
_LAME_END: Final = struct.Struct(">IHH")  # music length, music CRC, CRC of the tag itself
_RATES: Final = (44_100, 48_000, 32_000)  # Hz, MPEG-1; halved for MPEG-2, quartered for 2.5
_KBIT: Final = {  # layer III
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True)
class LameTag:
    """What a LAME tag states. Offsets and lengths in bytes."""

    start: int  # of the frame that holds the tag
    frame_length: int
    whole: bool  # the tag's own CRC-16 holds
    music_length: int  # from ``start`` to the end of the last frame; 0 when not stated
    music_crc: int  # CRC-16/ARC of what follows the tag's frame


def frame_length(header: bytes) -> int:
    """Return the length of the layer III frame with this 4-byte header, or 0 (ISO 11172-3 §2.4.1.3)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, rate, kbit = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or rate == 3 or kbit in (0, 15):
        return 0
    mpeg1 = version == 3
    hertz = _RATES[rate] >> (0 if mpeg1 else 1 if version == 2 else 2)
    slots = 144_000 if mpeg1 else 72_000
    return slots * _KBIT[mpeg1][kbit] // hertz + (header[2] >> 1 & 1)


def read_lame_tag(file: BinaryIO) -> LameTag | None:
    """Return the tag of the first frame, or None when there is none."""
    start = skip_id3v2(file)
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
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    tag = frame[lame : lame + 36]
    if len(tag) < 36 or tag[:4] not in (b"LAME", b"Lavf", b"Lavc"):
        return None
    music_length, music_crc, own_crc = _LAME_END.unpack_from(tag, 28)
    return LameTag(start, length, crc16.arc(frame[: lame + 34]) == own_crc, music_length, music_crc)


def check_mp3(file: BinaryIO, size: int) -> Verdict:
    """Compare the sound with the LAME tag's length and CRC-16. Proven when they agree."""
    tag = read_lame_tag(file)
    if tag is None or (tag.whole and tag.music_length <= tag.frame_length):
        return Verdict(remarks=("no LAME tag: MP3 by itself carries no checksum over its sound",))
    if not tag.whole:
        return Verdict(damage=("the checksum of its LAME tag does not hold",))
    end = tag.start + tag.music_length
    if end > size:
        return Verdict(damage=(f"the file ends {end - size:,} bytes before its sound should",))
    damage: list[str] = []
    if _crc(file, tag.start + tag.frame_length, end) != tag.music_crc:
        damage.append("the CRC-16 of the sound is not the one its encoder wrote")
    if (extra := tags_begin(file, size) - end) > 0:
        damage.append(f"{extra:,} bytes after the sound, at byte {end:,}, are neither sound nor tags")
    return Verdict(proven=not damage, damage=tuple(damage))


def _crc(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    crc, left = 0, end - start
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        crc = crc16.arc(chunk, crc)
        left -= len(chunk)
    return crc
