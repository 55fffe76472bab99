"""Columns whose texts all have one length, as arrays of their bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from phonotheque.model.errors import VerificationError

Bytes = npt.NDArray[np.uint8]
_WRONG = 255


def _digits_of(alphabet: bytes) -> Bytes:
    digits = np.full(256, _WRONG, np.uint8)
    digits[np.frombuffer(alphabet, np.uint8)] = np.arange(len(alphabet))
    return digits


_BASE_16 = _digits_of(b"0123456789abcdef")
_BASE_36 = _digits_of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NO_HYPHENS = [i for i in range(36) if i not in (8, 13, 18, 23)]  # of a UUID as text


def uuids(texts: pa.Array, table: str) -> pa.Array:
    """Return UUIDs as their 16 bytes each. VerificationError that names the table for what is none."""
    digits = _digits(texts, 36, _BASE_16, _NO_HYPHENS, f"{table}: an id is no UUID.")
    data = (digits[:, 0::2] << 4 | digits[:, 1::2]).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(texts), [None, pa.py_buffer(data)])


def isrc_numbers(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Return ISRCs as ``isrc_number`` does. VerificationError for what is none."""
    digits = _digits(texts, 12, _BASE_36, list(range(12)), "isrcs.parquet: a code is no ISRC.")
    numbers = np.zeros(len(texts), np.int64)
    for place in range(12):
        numbers *= 36 if place < 5 else 10
        numbers += digits[:, place]
    return numbers


def isrc_number(isrc: str) -> int:
    """Return an ISRC's 12 characters as one number, which sorts as they do."""
    return int(isrc[:5], 36) * 10**7 + int(isrc[5:])


def _digits(texts: pa.Array, width: int, alphabet: Bytes, places: list[int], wrong: str) -> Bytes:
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if not texts.null_count and np.all(np.diff(ends) == width):
        letters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].reshape(len(texts), width)
        digits: Bytes = alphabet[letters[:, places]]
        if not np.any(digits == _WRONG):
            return digits
    raise VerificationError(wrong, "Make the snapshot again.")
