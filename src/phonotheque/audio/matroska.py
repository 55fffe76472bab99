"""Matroska and WebM (RFC 9559): just enough of EBML (RFC 8794) to walk over elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Verdict

EBML_MAGIC: Final = b"\x1a\x45\xdf\xa3"


@dataclass(frozen=True, slots=True)
class Element:
    """One element. ``body`` and ``end`` are byte offsets in the file; ``end`` is None for a live stream's."""

    id: int
    body: int
    end: int | None


def read_element(file: BinaryIO, at: int) -> Element | None:
    """Read the header of the element at ``at``, or None when there is none (RFC 8794 §4-6)."""
    file.seek(at)
    header = file.read(12)
    if not header or not header[0] & 0xF0:
        return None
    width = 9 - header[0].bit_length()  # the position of the first 1 bit is the number of bytes
    rest = header[width:]
    if not rest or not rest[0]:
        return None
    count = 9 - rest[0].bit_length()
    if len(rest) < count:
        return None
    full = (1 << 7 * count) - 1  # all ones: unknown
    length = int.from_bytes(rest[:count], "big") & full
    body = at + width + count
    return Element(int.from_bytes(header[:width], "big"), body, None if length == full else body + length)


def check_matroska(file: BinaryIO, size: int) -> Verdict:
    """Compare the file's ``size`` with the end of its segment. Never proven: checksums are rare."""
    head = read_element(file, 0)
    segment = read_element(file, head.end) if head is not None and head.end is not None else None
    if segment is None or segment.end is None or segment.end == size:
        return Verdict()
    if segment.end > size:
        return Verdict(damage=(f"the file ends {segment.end - size:,} bytes before its segment should",))
    return Verdict(damage=(f"{size - segment.end:,} bytes after its segment, at byte {segment.end:,}",))
