"""The compact protocol of Apache Thrift, as far as Parquet's own structures need it.

A structure is a dictionary of its fields by their numbers. Sets, maps and unions do not occur in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
_SHORT = 15  # what is written as this is longer, and its length follows
_BITS = 64
_DEEPEST = 8  # structures and lists in each other; a page's header has three

Structure: TypeAlias = dict[int, Any]
Field: TypeAlias = tuple[int, int, bytes]  # its number, its type, and its value as written


def read(data: bytes, start: int = 0, depth: int = _DEEPEST) -> tuple[Structure, int]:
    """Return the structure that begins at ``start``, and where it ends.

    Raises ValueError where there is none, IndexError where the data end within it.
    """
    if not depth:
        raise ValueError("it is too deep")
    fields: Structure = {}
    number, place = 0, start
    while head := data[place]:
        place += 1
        if head >> 4:
            number += head >> 4
        else:
            number, place = _signed(data, place)
        fields[number], place = _value(data, place, head & 15, depth)
    return fields, place + 1


def raw(data: bytes, start: int, wanted: int) -> bytes:
    """Return a field of the structure that begins at ``start``, as it is written. Raises KeyError."""
    number, place = 0, start
    while head := data[place]:
        number += head >> 4  # no two fields of Parquet's are so far apart that their number is spelt out
        _, end = _value(data, place + 1, head & 15, _DEEPEST)
        if number == wanted:
            return data[place + 1 : end]
        place = end
    raise KeyError(wanted)


def structure(fields: Iterable[Field]) -> bytes:
    """Return a structure of these fields, which come in ascending order of their numbers."""
    return begun(fields) + b"\0"


def begun(fields: Iterable[Field]) -> bytes:
    """Return the fields with which a structure begins, without its end."""
    written, last = bytearray(), 0
    for number, kind, value in fields:
        written.append((number - last) << 4 | kind)
        written += value
        last = number
    return bytes(written)


def array(kind: int, items: Sequence[bytes]) -> bytes:
    """Return a list of values of one type."""
    few = len(items) < _SHORT
    head = bytes([len(items) << 4 | kind]) if few else bytes([_SHORT << 4 | kind]) + _unsigned(len(items))
    return head + b"".join(items)


def integer(number: int) -> bytes:
    """Return an integer of 16, 32 or 64 bits."""
    return _unsigned(number << 1 if number >= 0 else (-number << 1) - 1)


def text(value: str) -> bytes:
    """Return a string."""
    encoded = value.encode()
    return _unsigned(len(encoded)) + encoded


def _value(data: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (TRUE, FALSE):
        return kind == TRUE, place
    if kind in (I16, I32, I64):
        return _signed(data, place)
    if kind == BINARY:
        return _bytes(data, *_read_unsigned(data, place))
    if kind == STRUCT:
        return read(data, place, depth - 1)
    if kind == LIST:
        return _items(data, place, depth - 1)
    if kind == BYTE:
        return data[place], place + 1
    if kind == DOUBLE:
        return _bytes(data, 8, place)
    raise ValueError(f"a field of type {kind}")


def _bytes(data: bytes, size: int, place: int) -> tuple[bytes, int]:
    end = place + size
    if end > len(data):
        raise IndexError(f"the data end before {end}")
    return data[place:end], end


def _items(data: bytes, place: int, depth: int) -> tuple[list[Any], int]:
    if not depth:
        raise ValueError("it is too deep")
    head = data[place]
    size, place = (head >> 4, place + 1) if head >> 4 < _SHORT else _read_unsigned(data, place + 1)
    items = []
    for _ in range(size):
        if head & 15 in (TRUE, FALSE):
            item, place = data[place] == TRUE, place + 1
        else:
            item, place = _value(data, place, head & 15, depth)
        items.append(item)
    return items, place


def _signed(data: bytes, place: int) -> tuple[int, int]:
    number, place = _read_unsigned(data, place)
    return number >> 1 ^ -(number & 1), place


def _read_unsigned(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < _BITS:
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128 and not number >> _BITS:
            return number, place
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _unsigned(number: int) -> bytes:
    if number < 1 << 7:  # most are short
        return bytes((number,))
    if number < 1 << 14:
        return bytes((number & 127 | 128, number >> 7))
    if number < 1 << 21:
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
