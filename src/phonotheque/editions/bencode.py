"""Bencoding (BEP 3), strictly: every value has one encoding, and only that one is read.

So ``encode(decode(data)) == data``, and an infohash may be taken from what was decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from phonotheque.model.errors import VerificationError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 2_000_000
_MAX_DIGITS = 19  # integers fit in 64 bits with their sign

Bencoded: TypeAlias = int | bytes | list["Bencoded"] | dict[bytes, "Bencoded"]
Encodable: TypeAlias = int | bytes | str | Sequence["Encodable"] | Mapping[bytes, "Encodable"]


def encode(value: Encodable) -> bytes:
    """Encode integers, byte strings, text (as UTF-8), sequences, and mappings, whose keys are sorted."""
    out: list[bytes] = []
    _encode(value, out)
    return b"".join(out)


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, ordered: bool = True) -> Bencoded:
    """Decode one value that takes up all of ``data``.

    Raises VerificationError with the offset for anything that is not the canonical encoding, and for input
    that is too long, too deep, or of too many values. Without ``ordered``, keys may come in any order, each
    once: trackers do not all sort theirs.
    """
    if len(data) > max_bytes:
        raise VerificationError(f"bencoded data of {len(data)} bytes exceeds the limit of {max_bytes}")
    reader = _Reader(data, ordered)
    value = reader.value(depth=0)
    if reader.at != len(data):
        raise reader.error("something follows the value")
    return value


def _encode(value: Encodable, out: list[bytes]) -> None:
    match value:
        case bool():
            raise TypeError("bencoding has no booleans")
        case int():
            out.append(b"i%de" % value)
        case str():
            _encode(value.encode(), out)
        case bytes():
            out.append(b"%d:%b" % (len(value), value))
        case Mapping():
            out.append(b"d")
            for key in sorted(value):
                _encode(key, out)
                _encode(value[key], out)
            out.append(b"e")
        case _:
            out.append(b"l")
            for item in value:
                _encode(item, out)
            out.append(b"e")


class _Reader:
    """A place in the data, and how many values were read so far."""

    def __init__(self, data: bytes, ordered: bool = True) -> None:
        self.data = data
        self.ordered = ordered
        self.at = 0
        self.values = 0

    def error(self, what: str) -> VerificationError:
        return VerificationError(f"bencoding is wrong at offset {self.at}: {what}")

    def value(self, depth: int) -> Bencoded:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.error(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} deep")
        match self._peek():
            case b"i":
                self.at += 1
                return self._number(b"e", negative_allowed=True)
            case b"l":
                return self._list(depth)
            case b"d":
                return self._dict(depth)
            case _:
                return self._string()

    def _peek(self) -> bytes:
        return self.data[self.at : self.at + 1]

    def _number(self, end: bytes, *, negative_allowed: bool) -> int:
        stop = self.data.find(end, self.at, self.at + _MAX_DIGITS + 2)
        if stop < 0:
            raise self.error(f"no number that ends in “{end.decode()}”")
        text = self.data[self.at : stop]
        digits = text.removeprefix(b"-") if negative_allowed else text
        canonical = digits.isdigit() and (digits[:1] != b"0" or text == b"0")
        if not canonical or len(digits) > _MAX_DIGITS:
            raise self.error(f"{text!r} is not a number in its shortest form")
        self.at = stop + 1
        return int(text)

    def _string(self) -> bytes:
        length = self._number(b":", negative_allowed=False)
        if length > len(self.data) - self.at:
            raise self.error(f"a string of {length} bytes is cut short")
        self.at += length
        return self.data[self.at - length : self.at]

    def _list(self, depth: int) -> list[Bencoded]:
        self.at += 1
        items: list[Bencoded] = []
        while self._peek() != b"e":
            items.append(self.value(depth + 1))
        self.at += 1
        return items

    def _dict(self, depth: int) -> dict[bytes, Bencoded]:
        self.at += 1
        items: dict[bytes, Bencoded] = {}
        last: bytes | None = None
        while self._peek() != b"e":
            start, key = self.at, self._string()
            if key in items or (self.ordered and last is not None and key < last):
                self.at = start
                raise self.error(f"the key {key[:40]!r} is not in order")
            items[key] = self.value(depth + 1)
            last = key
        self.at += 1
        return items
