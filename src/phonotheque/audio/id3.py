"""Where tags lie around the sound without being part of it: ID3v2 in front; ID3v1, APEv2, Lyrics3 behind."""

from __future__ import annotations

from typing import BinaryIO, Final

_ID3V1: Final = 128
_MAX_TAGS: Final = 16  # in front or behind; more than a few are a trick


def skip_id3v2(file: BinaryIO) -> int:
    """Return the offset after all ID3v2 tags at the beginning of ``file`` (0 when there are none)."""
    at = 0
    for _ in range(_MAX_TAGS):
        file.seek(at)
        length = id3v2_length(file.read(10))
        if not length:
            break
        at += length
    return at


def id3v2_length(header: bytes) -> int:
    """Return the length of the whole tag that starts with these 10 bytes, or 0 (ID3v2.4 structure §3.1)."""
    if len(header) < 10 or header[:3] != b"ID3" or 0xFF in header[3:5] or max(header[6:10]) > 0x7F:
        return 0
    a, b, c, d = header[6:10]
    footer = 10 if header[5] & 0x10 else 0
    return 10 + (a << 21 | b << 14 | c << 7 | d) + footer


def tags_begin(file: BinaryIO, size: int) -> int:
    """Return where the tags at the end of a file of ``size`` bytes begin; ``size`` when there are none."""
    end = size
    for _ in range(_MAX_TAGS):
        length = _last_tag(file, end)
        if not length or length > end:
            break
        end -= length
    return end


def _last_tag(file: BinaryIO, end: int) -> int:
    """Return the length of the tag that ends at ``end``, or 0."""
    start = max(0, end - _ID3V1)
    file.seek(start)
    tail = file.read(end - start)
    if tail[-_ID3V1:][:3] == b"TAG" and len(tail) >= _ID3V1:
        return _ID3V1
    if tail[-32:-24] == b"APETAGEX":  # footer of APEv1 and v2
        header = 32 if tail[-12:-8] and tail[-9] & 0x80 else 0
        return int.from_bytes(tail[-20:-16], "little") + header
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail[-10:-7] == b"3DI":  # footer of an ID3v2.4 tag
        return id3v2_length(b"ID3" + tail[-7:]) if len(tail) >= 10 else 0
    return 0
