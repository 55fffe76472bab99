"""Reading the end of a large ``.xz`` file without what comes before (“The .xz file format”, 1.2.1)."""

from __future__ import annotations

import lzma
import os
from pathlib import Path
from typing import IO
from zlib import crc32

_EDGE = 12  # bytes of a stream's header, and of its footer
_MOST_INDEX = 64 << 20
_MOST = 256 << 20  # bytes that are unpacked


def last_block(path: Path) -> bytes | None:
    """Return what the last block holds, unpacked; a file made by several threads has many blocks.

    Returns None where it is not so simple: a file of several streams, a large block, a damaged file.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < 2 * _EDGE:
            return None
        header, footer = _at(file, 0, _EDGE), _at(file, size - _EDGE, _EDGE)
        length = (int.from_bytes(footer[4:8], "little") + 1) * 4  # of the index
        if footer[10:] != b"YZ" or length > min(size - 2 * _EDGE, _MOST_INDEX):
            return None
        blocks = _blocks(_at(file, size - _EDGE - length, length))
        if not blocks or sum(_padded(packed) for packed, _ in blocks) + length + 2 * _EDGE != size:
            return None
        packed, unpacked = blocks[-1]
        if unpacked > _MOST or packed > _MOST:
            return None
        block = _at(file, size - _EDGE - length - _padded(packed), _padded(packed))
    index = _index(packed, unpacked)
    fields = (len(index) // 4 - 1).to_bytes(4, "little") + header[6:8]
    try:
        return lzma.decompress(header + block + index + _checked(fields) + b"YZ", lzma.FORMAT_XZ)
    except lzma.LZMAError:
        return None


def _at(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4


def _blocks(index: bytes) -> list[tuple[int, int]] | None:
    """Return the packed and unpacked length of each block (§4), or None if the index is damaged."""
    if index[:1] != b"\0" or crc32(index[:-4]) != int.from_bytes(index[-4:], "little"):
        return None
    count, place = _number(index, 1)
    numbers: list[int] = []
    while place < len(index) - 4 and len(numbers) < 2 * count:
        number, place = _number(index, place)
        numbers.append(number)
    return list(zip(numbers[::2], numbers[1::2], strict=True)) if len(numbers) == 2 * count else None


def _number(text: bytes, place: int) -> tuple[int, int]:
    """Return a number of up to 63 bits (§1.2), and where the next begins."""
    value = shift = 0
    while shift < 63 and place < len(text):
        byte = text[place]
        value |= (byte & 0x7F) << shift
        shift, place = shift + 7, place + 1
        if byte < 0x80:
            break
    return value, place


def _index(packed: int, unpacked: int) -> bytes:
    """Return the index of a stream of one block."""
    fields = b"\0\1" + _written(packed) + _written(unpacked)
    fields += bytes(_padded(len(fields)) - len(fields))
    return fields + crc32(fields).to_bytes(4, "little")


def _written(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _checked(fields: bytes) -> bytes:
    return crc32(fields).to_bytes(4, "little") + fields
