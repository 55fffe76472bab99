"""Ogg (RFC 3533): a walk over all pages, checking checksum, order and end."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from fastcrc import crc32

from phonotheque.audio.verdict import Notes, Verdict

_HEADER: Final = struct.Struct("<4sBBqIIIB")  # RFC 3533 §6
_CAPTURE: Final = b"OggS"
_BEGIN, _END = 2, 4  # header type flags
_MAX_STREAMS: Final = 4096
_CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class _Logical:
    """Where one logical stream stands."""

    sequence: int
    granule: int = -1
    ended: bool = False


def check_ogg(file: BinaryIO, size: int) -> Verdict:
    """Walk the pages of ``file`` from its beginning to ``size``. Proven when every page's CRC-32 holds."""
    notes = Notes()
    streams: dict[int, _Logical] = {}
    file.seek(0)
    at = 0
    while at < size:
        header = file.read(_HEADER.size)
        if header[:5] != b"OggS\0":
            at = _resynchronise(file, at, size, notes, bool(streams))
            continue
        page = header + file.read(header[26] if len(header) == _HEADER.size else 0)
        if len(page) < _HEADER.size or len(page) < _HEADER.size + page[26]:
            notes.add(f"the file ends within the page header at byte {at:,}")
            break
        length = sum(page[_HEADER.size :])
        body = file.read(length)
        if len(body) < length:
            notes.add(
                f"the file ends within the page at byte {at:,}: {length - len(body):,} bytes are missing"
            )
            break
        if not _checksum_holds(page, body):
            notes.add(f"the checksum of the page at byte {at:,} does not hold")
        _follow(_HEADER.unpack_from(page), at, streams, notes)
        if len(streams) > _MAX_STREAMS:
            notes.add(f"more than {_MAX_STREAMS} logical streams: not followed further")
            break
        at += len(page) + length
    if any(not s.ended for s in streams.values()):
        notes.add("it stops without an end-of-stream page: the end may be missing")
    damage = notes.result()
    return Verdict(proven=bool(streams) and not damage, damage=damage)


def _checksum_holds(page: bytes, body: bytes) -> bool:
    """CRC-32 over the page with its checksum field zeroed: polynomial 04C11DB7, unreflected, from 0."""
    stated = int.from_bytes(page[22:26], "little")
    # POSIX cksum is the same polynomial with its result inverted.
    found: int = crc32.cksum(b"".join((page[:22], b"\0\0\0\0", page[26:], body))) ^ 0xFFFF_FFFF
    return found == stated


def _follow(
    fields: tuple[bytes, int, int, int, int, int, int, int],
    at: int,
    streams: dict[int, _Logical],
    notes: Notes,
) -> None:
    """Check a page against the one before it in the same logical stream."""
    _, _, flags, granule, serial, sequence, _, _ = fields
    stream = streams.get(serial)
    if stream is None or flags & _BEGIN:
        if not flags & _BEGIN:
            notes.add(f"the page at byte {at:,} belongs to a stream whose beginning is missing")
        stream = streams[serial] = _Logical(sequence)
    elif sequence != (stream.sequence + 1) & 0xFFFF_FFFF:
        notes.add(f"pages are missing before byte {at:,}: number {sequence} follows {stream.sequence}")
    stream.sequence = sequence
    if granule != -1:  # -1: no packet ends on this page
        if granule < stream.granule:
            notes.add(f"the position goes back at byte {at:,}")
        stream.granule = granule
    stream.ended = stream.ended or bool(flags & _END)


def _resynchronise(file: BinaryIO, at: int, size: int, notes: Notes, begun: bool) -> int:
    """Find the next page after ``at``, note what lies between, and leave ``file`` there."""
    position = at + 1
    tail = b""
    file.seek(position)
    while chunk := file.read(_CHUNK):
        window = tail + chunk
        found = window.find(_CAPTURE)
        if found >= 0:
            following = position - len(tail) + found
            notes.add(f"{following - at:,} bytes at byte {at:,} are not Ogg")
            file.seek(following)
            return following
        position += len(chunk)
        tail = window[-3:]
    where = "after the last page" if begun else "from the beginning"
    notes.add(f"{size - at:,} bytes {where}, at byte {at:,}, are not Ogg")
    return size
