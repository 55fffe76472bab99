"""AU, Core Audio (CAF) and Wave64: what they state of their length, compared with the file."""

from __future__ import annotations

from typing import BinaryIO, Final

from phonotheque.audio.id3 import tags_begin
from phonotheque.audio.verdict import Damage, Verdict, short, stray

_MAX_CHUNKS: Final = 10_000
_SLACK: Final = 2  # bytes: many writers forget or add a pad byte
_W64_DATA: Final = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_W64_HEADER: Final = 40  # bytes of the outer chunk's header and of the word “wave”, a GUID too


def check_au(file: BinaryIO, size: int) -> Verdict:
    """Compare the length in the header with the file. Never proven: there is no checksum."""
    file.seek(4)
    start, length = (int.from_bytes(file.read(4), "big") for _ in range(2))
    if length == 0xFFFF_FFFF:
        return _streamed()
    return _compare(start + length, size, "sound")


def check_caf(file: BinaryIO, size: int) -> Verdict:
    """Walk the chunks (Core Audio Format specification 1.0). Never proven: there is no checksum."""
    at = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(12)
        if len(header) < 12 or not all(32 <= c < 127 for c in header[:4]):
            break
        length = int.from_bytes(header[4:], "big", signed=True)
        if length < 0:  # -1, of the last chunk: up to the end
            return _streamed()
        at += 12 + length
        if at >= size:
            return _compare(at, size, f"{header[:4].decode('ascii').strip()!r} chunk")
    return _compare(at, tags_begin(file, size), "chunk")


def check_w64(file: BinaryIO, size: int) -> Verdict:
    """Walk the chunks, whose lengths include their headers and are padded to 8 bytes. Never proven."""
    at = _W64_HEADER
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(24)
        length = int.from_bytes(header[16:], "little")
        if len(header) < 24 or length < 24:
            break
        if at + length > size and header[:16] == _W64_DATA:
            return _compare(at + length, size, "sound")
        if at + length > size:
            break
        at += length + -length % 8
    return _compare(at, tags_begin(file, size), "chunk", slack=8)


def _compare(end: int, size: int, what: str, *, slack: int = _SLACK) -> Verdict:
    if end > size + slack:
        return Verdict(damage=(Damage(short(end - size, what), byte=size),))
    if end < size - slack:
        return Verdict(damage=(Damage(stray(size - end, "chunk"), byte=end),))
    return Verdict()


def _streamed() -> Verdict:
    return Verdict(remarks=("the length of the sound is not stated: written while streaming",))
