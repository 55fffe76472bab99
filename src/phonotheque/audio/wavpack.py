"""WavPack (file format 4 and 5): a walk over the blocks, whose checksums the decoder compares."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from phonotheque.audio.id3 import tags_begin
from phonotheque.audio.verdict import Notes, Verdict, short, stray

# Id, size of what follows these 8 bytes, version, upper bits of index and total, total samples, index of the
# first sample, samples, flags, checksum of the decoded samples.
_BLOCK: Final = struct.Struct("<4sIHBBIIIII")
_LONGEST: Final = 1 << 20  # bytes, the format's own limit
_UNKNOWN: Final = 0xFFFF_FFFF
_FINAL: Final = 1 << 12  # flag: the last block of several for the same samples, each with some channels


def check_wavpack(file: BinaryIO, size: int, rate: int) -> Verdict:
    """Walk the blocks; ``rate`` is in Hz. Proves nothing alone: the decoder compares their checksums."""
    notes = Notes()
    end = tags_begin(file, size)
    at = expected = total = 0
    while at < end:
        file.seek(at)
        header = file.read(_BLOCK.size)
        length = int.from_bytes(header[4:8], "little") + 8
        if len(header) < _BLOCK.size or header[:4] != b"wvpk" or not _BLOCK.size <= length <= _LONGEST:
            following = _next_block(file, at + 1, end)
            notes.add(stray(following - at, "block"), seconds=expected / max(1, rate), byte=at)
            at = following
            continue
        if at + length > end:
            missing = at + length - end
            notes.add(
                short(missing, "block"),
                seconds=expected / max(1, rate),
                byte=at,
            )
            break
        _, _, _, _, _, stated, first, samples, flags, _ = _BLOCK.unpack(header)
        total = total or (0 if stated == _UNKNOWN else stated)
        if samples:
            if first > expected:
                what = f"{first - expected:,} samples are missing before it"
                notes.add(what, seconds=expected / max(1, rate), byte=at)
            if flags & _FINAL:
                expected = first + samples
        at += length
    if total and expected < total and not notes.found:
        notes.add(
            f"{total - expected:,} samples are missing at the end", seconds=expected / max(1, rate), byte=end
        )
    return Verdict(damage=notes.result())


def _next_block(file: BinaryIO, at: int, end: int) -> int:
    while at < end:
        file.seek(at)
        piece = file.read(min(_LONGEST, end - at))
        if (found := piece.find(b"wvpk")) >= 0:
            return at + found
        if len(piece) < 4:
            return end
        at += len(piece) - 3
    return end
