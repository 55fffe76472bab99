"""ASF, the container of Windows Media (ASF specification 01.20.03): a walk over the objects of its header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Damage, Verdict, short, stray

# Object ids as they lie in the file: mixed-endian GUIDs.
ASF_HEADER: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_DATA: Final = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_TOP: Final = frozenset(
    {
        ASF_HEADER,
        _DATA,
        bytes.fromhex("90080033b1e5cf1189f400a0c90349cb"),  # Simple Index
        bytes.fromhex("d329e2d6da35d111903400a0c90349be"),  # Index
        bytes.fromhex("f803b1fead12644c840f2a1d2f7ad48c"),  # Media Object Index
        bytes.fromhex("d03fb73c4a0c034895 3dedf7b6228f0c"),  # Timecode Index
    }
)
_MAX_OBJECTS: Final = 10_000
_BODY: Final = 64  # bytes of each object's content that are read


def header_objects(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield id and first 64 bytes of content of each object in the header (§3)."""
    file.seek(16)
    end = min(size, int.from_bytes(file.read(8), "little"))
    at = 30
    for _ in range(_MAX_OBJECTS):
        if at + 24 > end:
            return
        file.seek(at)
        header = file.read(24 + _BODY)
        length = int.from_bytes(header[16:24], "little")
        if length < 24:
            return
        yield header[:16], header[24:]
        at += length


def check_asf(file: BinaryIO, size: int) -> Verdict:
    """Walk the objects at the top (§2.1) and compare them with the file's ``size``. Never proven.

    The size in File Properties says nothing: taggers forget it.
    """
    at = 0
    for _ in range(_MAX_OBJECTS):
        file.seek(at)
        header = file.read(24)
        length = int.from_bytes(header[16:24], "little")
        if at == size or (header[:16] == _DATA and length == 0):  # 0: a broadcast, length unknown
            return Verdict()
        if len(header) < 24 or length < 24 or header[:16] not in _TOP:
            return Verdict(damage=(Damage(stray(size - at, "object"), byte=at),))
        if at + length > size:
            missing = at + length - size
            what = short(missing, "last object")
            return Verdict(damage=(Damage(what, byte=size),))
        at += length
    return Verdict()
