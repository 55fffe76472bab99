"""Embedded pictures: their hash, kind and size. Only headers are read; no pixel is ever decoded."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from phonotheque.model.audio import Artwork

# Picture types of ID3v2 APIC (ID3v2.4 frames §4.14), used by FLAC too.
_ROLES: Final = {
    3: "front",
    4: "back",
    5: "leaflet",
    6: "medium",
    7: "artist",
    8: "artist",
    9: "conductor",
    10: "band",
    11: "composer",
    12: "lyricist",
    13: "location",
    14: "session",
    15: "performance",
    17: "other",
    18: "illustration",
    19: "band-logo",
    20: "publisher-logo",
}
_MAX_HEADER: Final = 256 * 1024  # bytes searched for a JPEG's frame header: colour profiles come first


def describe_picture(data: bytes, *, role: int | str = "other", mime: str = "") -> Artwork:
    """Return the facts of a picture. ``role`` is an APIC type or a word; ``mime`` is for unknown bytes."""
    known, width, height = measure(data)
    return Artwork(
        sha256=hashlib.sha256(data).hexdigest(),
        mime=known or mime[:100] or "application/octet-stream",
        size=len(data),
        role=_ROLES.get(role, "other") if isinstance(role, int) else role,
        width=width,
        height=height,
    )


def measure(data: bytes) -> tuple[str | None, int | None, int | None]:
    """Return MIME type, width and height in pixels, as far as the header tells."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png", *_pair(">II", data, 16)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif", *_pair("<HH", data, 6)
    if data[:2] == b"\xff\xd8":
        return "image/jpeg", *_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp", *_webp(data)
    if data[:2] == b"BM":
        return "image/bmp", *_pair("<II", data, 18)
    return None, None, None


def _pair(form: str, data: bytes, at: int) -> tuple[int | None, int | None]:
    if len(data) < at + struct.calcsize(form):
        return None, None
    width, height = struct.unpack_from(form, data, at)
    return int(width), int(height)


def _jpeg(data: bytes) -> tuple[int | None, int | None]:
    """Walk the markers to the frame header (ITU-T T.81 §B.2.2)."""
    at = 2
    while at + 9 <= min(len(data), _MAX_HEADER) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = _pair(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0xDA:  # the scan begins: no frame header came
            break
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None, None


def _webp(data: bytes) -> tuple[int | None, int | None]:
    """Read the first chunk (RFC 9649 §2.5-2.7)."""
    kind = data[12:16]
    if len(data) < 30:
        return None, None
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = _pair("<HH", data, 26)
    return (width & 0x3FFF, height & 0x3FFF) if width is not None and height is not None else (None, None)
