"""Arrow columns made whole at once: codes, ids, numbers as text, lists, and columns with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.catalogue.chance import Flags, Hashes, Longs

_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)], "S2").view(np.uint16)
_ALPHABET = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
_GROUPS = (
    (0, 8, 0),
    (8, 12, 9),
    (12, 16, 14),
    (16, 20, 19),
    (20, 32, 24),
)  # digits of a UUID, and where they go
_COUNTRIES = np.array(
    [list(code) for code in (b"US", b"GB", b"QZ", b"FR", b"DE", b"JP", b"BR", b"SE")], np.uint8
)
# Codes are given in runs; an owner of codes has this many a year, in this many years.
_RUN, _A_YEAR, _YEARS = 64, 2000, 40


def fixed(characters: NDArray[np.uint8]) -> pa.StringArray:
    """Return the rows of a matrix of ASCII characters as texts of one length."""
    count, width = characters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(characters)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def uuids(bits: Hashes, more: Hashes) -> pa.StringArray:
    """Return 128 random bits each as a UUID of version 4."""
    binary = np.stack([bits, more], axis=1).astype(">u8").view(np.uint8)
    binary[:, 6] = binary[:, 6] & 0x0F | 0x40
    binary[:, 8] = binary[:, 8] & 0x3F | 0x80
    digits = _HEX[binary].view(np.uint8)
    out = np.full((len(bits), 36), ord("-"), np.uint8)
    for first, last, to in _GROUPS:
        out[:, to : to + last - first] = digits[:, first:last]
    return fixed(out)


def isrcs(numbers: Longs, factor: int, runs: int) -> pa.StringArray:
    """Return a distinct ISRC for each number: neighbours are of one registrant, their runs are scattered."""
    run, place = np.divmod(numbers, _RUN)
    owner, code = np.divmod(run * factor % runs * _RUN + place, _A_YEAR)
    owner, year = np.divmod(owner, _YEARS)
    owner, country = np.divmod(owner, len(_COUNTRIES))
    out = np.empty((len(numbers), 12), np.uint8)
    out[:, :2] = _COUNTRIES[country]
    out[:, 2:5] = _ALPHABET[owner[:, None] * 7919 % 36**3 // (1296, 36, 1) % 36]
    out[:, 5:7] = _digits((year + 86) % 100, 2)
    out[:, 7:] = _digits(code, 5)
    return fixed(out)


def isrc_runs(count: int) -> int:
    """Return how many runs of codes so many numbers need."""
    return -(-count // _RUN)


def barcodes(numbers: Longs) -> pa.StringArray:
    """Return an EAN-13 with its check digit for each number below 10**10, scattered."""
    digits = _digits(numbers * 3_141_592_653 % 10**10 + 20 * 10**10, 12)
    values = digits.astype(np.int64) - ord("0")
    check = -(values @ np.tile([1, 3], 6)) % 10
    return fixed(np.hstack([digits, (check + ord("0")).astype(np.uint8)[:, None]]))


def decimals(numbers: Longs) -> pa.StringArray:
    """Return numbers as text."""
    return pc.cast(pa.array(numbers), pa.string())


def prefixed(prefix: str, column: pa.StringArray) -> pa.StringArray:
    """Return texts with the same beginning."""
    return pc.binary_join_element_wise(prefix, column, "")


def gapped(values: pa.Array, where: Flags) -> pa.Array:
    """Return a column with the given values in the rows marked, in order, and null elsewhere."""
    return values.take(pa.array(np.cumsum(where) - 1, mask=~where))


def only(column: pa.Array, where: Flags) -> pa.Array:
    """Return a column with null in the rows not marked."""
    return pc.if_else(pa.array(where), column, pa.scalar(None, column.type))


def lists(counts: NDArray[Any], values: pa.Array) -> pa.ListArray:
    """Return lists of so many values each, taken in order."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def woven(first: pa.Array, second: pa.Array, both: Flags, order: Flags | None = None) -> pa.ListArray:
    """Return lists of one or two: ``first``, and in the rows marked ``both`` the next one of ``second``.

    Where ``order`` is not set for such a row, the second comes first.
    """
    counts = 1 + both
    starts = np.cumsum(counts) - counts
    place = np.empty(int(counts.sum()), np.int64)
    late = np.zeros(len(both), np.int64)
    if order is not None:
        late[both] = ~order
    place[starts + late] = np.arange(len(both))
    place[starts[both] + 1 - late[both]] = len(both) + np.arange(int(both.sum()))
    return lists(counts, pa.concat_arrays([first, second]).take(pa.array(place)))


def numbers(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Return whole numbers as a column of that type."""
    return pc.cast(pa.array(values), kind)


def chosen(values: Sequence[str | None], which: NDArray[Any]) -> pa.Array:
    """Return values by their places."""
    return pa.array(values, pa.string()).take(pa.array(which))


def _digits(numbers: Longs, width: int) -> NDArray[np.uint8]:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
