"""Matroska and WebM (RFC 9559): just enough of EBML (RFC 8794) to walk over elements."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Damage, Notes, Verdict, short, stray

EBML_MAGIC: Final = b"\x1a\x45\xdf\xa3"
CLUSTER: Final = 0x1F43B675
_INFO: Final = 0x1549A966
_TIMESTAMP_SCALE: Final = 0x2AD7B1  # nanoseconds
_TIMESTAMP: Final = 0xE7
_CRC: Final = b"\xbf\x84"  # id and length of a checksum
_MAX_ELEMENTS: Final = 1_000_000  # the most that are followed: weeks of sound
_FIRST_FEW: Final = 10
_CHUNK: Final = 1 << 20


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
    """Walk the elements of the segment, comparing sizes, and checksums (RFC 8794 §11.3.1) if there are any.

    Proven when every cluster, which is where the sound lies, begins with its checksum and it holds.
    """
    head = read_element(file, 0)
    segment = read_element(file, head.end) if head is not None and head.end is not None else None
    if segment is None or segment.end is None:
        return Verdict()
    if segment.end > size:
        what = short(segment.end - size, "segment")
        return Verdict(damage=(Damage(what, byte=size),))
    notes = Notes()
    clusters = checked = 0
    seconds, at, unit = 0.0, segment.body, 1_000_000
    for _ in range(_MAX_ELEMENTS):
        if at >= segment.end:
            break
        element = read_element(file, at)
        if element is None or element.end is None or element.end > segment.end:
            if (
                element is None or element.end is not None
            ):  # else: its length was not known, as in a live stream
                notes.add(
                    "here an element of the segment should begin, and none does", seconds=seconds, byte=at
                )
            return Verdict(damage=notes.result())
        if element.id == _INFO:
            unit = _number(file, element, _TIMESTAMP_SCALE) or unit
        elif element.id == CLUSTER:
            clusters += 1
            seconds = (_number(file, element, _TIMESTAMP) or 0) * unit / 1e9
        holds = _checksum_holds(file, element)
        if holds is False:
            notes.add("the checksum of this part does not hold", seconds=seconds, byte=at)
        checked += element.id == CLUSTER and bool(holds)
        at = element.end
    if segment.end < size:
        notes.add(stray(size - segment.end, "segment"), byte=segment.end)
    damage = notes.result()
    return Verdict(proven=at == segment.end and 0 < clusters == checked and not damage, damage=damage)


def _checksum_holds(file: BinaryIO, element: Element) -> bool | None:
    """Compare an element with the CRC-32 that it begins with; None when it begins with none."""
    assert element.end is not None
    file.seek(element.body)
    if file.read(2) != _CRC or element.end - element.body < 6:
        return None
    stated = int.from_bytes(file.read(4), "little")
    crc, left = 0, element.end - element.body - 6
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
    return crc == stated


def _number(file: BinaryIO, parent: Element, wanted: int) -> int | None:
    """Return the number in the child ``wanted``, if it is among the first few."""
    assert parent.end is not None
    at = parent.body
    for _ in range(_FIRST_FEW):
        child = read_element(file, at) if at < parent.end else None
        if child is None or child.end is None:
            return None
        if child.id == wanted:
            file.seek(child.body)
            return int.from_bytes(file.read(min(8, child.end - child.body)), "big")
        at = child.end
    return None
