"""Ogg (RFC 3533): a walk over all pages, checking checksum, order and end."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from fastcrc import crc32

from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.verdict import Notes, Verdict, short, stray

_HEADER: Final = struct.Struct("<4sBBqIIIB")  # RFC 3533 §6
_CAPTURE: Final = b"OggS"
_BEGIN, _END = 2, 4  # header type flags
_MAX_STREAMS: Final = 4096
_MAX_REMARKS: Final = 5
_CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class _Logical:
    """Where one logical stream stands."""

    sequence: int
    rate: int  # granules a second; 0 when the codec is not known
    skip: int  # granules before the sound begins
    granule: int = -1
    ended: bool = False
    open: bool = False  # the last packet goes on in the next page


@dataclass(slots=True)
class _Walk:
    """Where the walk stands."""

    notes: Notes = field(default_factory=Notes)
    remarks: list[str] = field(default_factory=list)
    streams: dict[int, _Logical] = field(default_factory=dict)
    before: float = 0.0  # seconds of the links of the chain that have ended
    inside: float = 0.0  # seconds into the present link

    @property
    def seconds(self) -> float | None:
        """How much sound lies before this place; None while no codec is known that counts in samples."""
        return self.before + self.inside if any(s.rate for s in self.streams.values()) else None

    def add(self, what: str, byte: int) -> None:
        self.notes.add(what, seconds=self.seconds, byte=byte)


def check_ogg(file: BinaryIO, end: int, start: int = 0) -> Verdict:
    """Walk the pages of ``file`` from ``start`` to ``end``.

    Proven when every page's CRC-32 holds, none is missing and the last one says that it is the last.
    Positions that go back in pages that hold are how their writer wrote them: a remark.
    """
    walk = _Walk()
    at, size = max(start, skip_id3v2(file)), tags_begin(file, end)
    file.seek(at)
    while at < size:
        header = file.read(_HEADER.size)
        if header[:5] != b"OggS\0":
            at = _resynchronise(file, at, size, walk)
            continue
        page = header + file.read(header[26] if len(header) == _HEADER.size else 0)
        if len(page) < _HEADER.size or len(page) < _HEADER.size + page[26]:
            walk.add("the file ends within the header of this page", at)
            break
        length = sum(page[_HEADER.size :])
        body = file.read(length)
        if len(body) < length:
            walk.add(short(length - len(body), "last page"), at)
            break
        if not _checksum_holds(page, body):
            walk.add("the checksum of the page does not hold", at)
        _follow(_HEADER.unpack_from(page), body, at, walk)
        walk.streams[int.from_bytes(page[14:18], "little")].open = page[-1] == 255 and page[26] > 0
        if len(walk.streams) > _MAX_STREAMS:
            walk.add(f"more than {_MAX_STREAMS} logical streams: not followed further", at)
            break
        at += len(page) + length
    if any(s.open for s in walk.streams.values()):
        walk.add("the file ends within a packet", at)
    damage = walk.notes.result()
    ended = all(s.ended for s in walk.streams.values())
    if not ended and not damage:
        walk.remarks.insert(0, "its pages hold, but none says that it is the last: the end may be missing")
    return Verdict(bool(walk.streams) and ended and not damage, damage, tuple(walk.remarks))


def _checksum_holds(page: bytes, body: bytes) -> bool:
    """CRC-32 over the page with its checksum field zeroed: polynomial 04C11DB7, unreflected, from 0."""
    stated = int.from_bytes(page[22:26], "little")
    # POSIX cksum is the same polynomial with its result inverted.
    found: int = crc32.cksum(b"".join((page[:22], b"\0\0\0\0", page[26:], body))) ^ 0xFFFF_FFFF
    return found == stated


def _follow(
    fields: tuple[bytes, int, int, int, int, int, int, int], body: bytes, at: int, walk: _Walk
) -> None:
    """Check a page against the one before it in the same logical stream."""
    _, _, flags, granule, serial, sequence, _, _ = fields
    stream = walk.streams.get(serial)
    if stream is None or flags & _BEGIN:
        if not flags & _BEGIN:
            walk.add("the page belongs to a stream whose beginning is missing", at)
        if walk.streams and all(s.ended for s in walk.streams.values()):  # the next link of a chain
            walk.before, walk.inside = walk.before + walk.inside, 0.0
        stream = walk.streams[serial] = _Logical(sequence, *_clock(body))
    elif sequence != (stream.sequence + 1) & 0xFFFF_FFFF:
        walk.add(f"pages are missing before this one: number {sequence} follows {stream.sequence}", at)
    stream.sequence = sequence
    if granule != -1:  # -1: no packet ends on this page
        if granule < stream.granule and len(walk.remarks) < _MAX_REMARKS:
            walk.remarks.append(f"at byte {at:,} the position goes back, as its writer wrote it")
        stream.granule = granule
        if stream.rate:
            walk.inside = max(0.0, (granule - stream.skip) / stream.rate)
    stream.ended = stream.ended or bool(flags & _END)


def _clock(packet: bytes) -> tuple[int, int]:
    """Return granules a second, and how many come before the sound, from a stream's first packet."""
    if packet[:7] == b"\x01vorbis" and len(packet) >= 16:  # Vorbis I §4.2.2
        return int.from_bytes(packet[12:16], "little"), 0
    if packet[:8] == b"OpusHead" and len(packet) >= 12:  # RFC 7845 §5.1
        return 48_000, int.from_bytes(packet[10:12], "little")
    if packet[:5] == b"\x7fFLAC" and len(packet) >= 31:  # RFC 9639 §10.1
        return int.from_bytes(packet[27:30], "big") >> 4, 0
    if packet[:8] == b"Speex   " and len(packet) >= 40:
        return int.from_bytes(packet[36:40], "little"), 0
    return 0, 0


def _resynchronise(file: BinaryIO, at: int, size: int, walk: _Walk) -> int:
    """Find the next page after ``at``, note what lies between, and leave ``file`` there."""
    position = at + 1
    tail = b""
    file.seek(position)
    while chunk := file.read(_CHUNK):
        window = tail + chunk
        found = window.find(_CAPTURE)
        if found >= 0:
            following = position - len(tail) + found
            walk.add(stray(following - at, "page"), at)
            file.seek(following)
            return following
        position += len(chunk)
        tail = window[-3:]
    walk.add(stray(size - at, "page"), at)
    return size


def links(file: BinaryIO, end: int, start: int = 0) -> tuple[tuple[int, int], ...]:
    """Return the parts of a chain (RFC 3533 §4) that must be decoded apart, as byte offsets.

    One part is returned for a file that is no chain, whose links are all of one kind, or that is damaged:
    FFmpeg follows a chain by itself, but not to another rate or number of channels.
    """
    begins: list[int] = []
    kinds: set[bytes] = set()
    sound = True  # pages of sound came before: a beginning begins another link
    at = start
    while at < end and len(begins) < _MAX_STREAMS:
        file.seek(at)
        header = file.read(_HEADER.size + 255 + 64)
        if len(header) < _HEADER.size or header[:5] != b"OggS\0":
            return ((start, end),)
        body = _HEADER.size + header[26]
        if header[5] & _BEGIN:
            if sound:
                begins.append(at)
            kinds.add(_kind(header[body : body + 64]))
        sound = not header[5] & _BEGIN
        at = at + body + sum(header[_HEADER.size : body])
    if len(kinds) < 2 or len(begins) < 2:
        return ((start, end),)
    return tuple(zip(begins, (*begins[1:], end), strict=True))


def _kind(packet: bytes) -> bytes:
    """Return what of a stream's first packet must be equal in all links: codec, channels, rate."""
    if packet[:7] == b"\x01vorbis":
        return packet[:16]
    return packet[:10] if packet[:8] == b"OpusHead" else packet
