"""ASF, the container of Windows Media (ASF specification 01.20.03): a walk over the objects of its header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Verdict

# Object ids as they lie in the file: mixed-endian GUIDs.
ASF_HEADER: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FILE_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MAX_OBJECTS: Final = 10_000
_BODY: Final = 68  # bytes of each object's content that are read


def header_objects(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield id and first 68 bytes of content of each object in the header (§3)."""
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
    """Compare the file's ``size`` with the one in its File Properties (§3.2). Never proven: no checksum."""
    for kind, body in header_objects(file, size):
        if kind != _FILE_PROPERTIES or len(body) < _BODY:
            continue
        stated = int.from_bytes(body[16:24], "little")
        broadcast = body[64] & 1  # then the sizes mean nothing
        if stated in (0, size) or broadcast:
            break
        return Verdict(damage=(f"its header states {stated:,} bytes where there are {size:,}",))
    return Verdict()
