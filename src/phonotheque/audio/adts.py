"""ADTS, the framing of AAC files without a container (ISO/IEC 13818-7 §6.2): a walk over the frames."""

from __future__ import annotations

from typing import BinaryIO, Final

from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.sync import walk_frames
from phonotheque.audio.verdict import Verdict

_RATES: Final = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)


def check_adts(file: BinaryIO, size: int) -> Verdict:
    """Walk the frames. Never proven: their checksums are rare and cover headers only."""
    return Verdict(
        damage=walk_frames(file, skip_id3v2(file), tags_begin(file, size), _measure, header=7).damage
    )


def _measure(header: bytes) -> tuple[int, float]:
    """Return the length of a frame in bytes and in seconds."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0, 0.0
    rate = header[2] >> 2 & 15
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate >= len(_RATES) or length < 7:
        return 0, 0.0
    return length, 1024 * ((header[6] & 3) + 1) / _RATES[rate]
