"""Sorted pairs of integers in SQLite, many to a row: a third of the bytes of a table with a row each.

``first`` is the key of the first pair of a block. A key's pairs are never spread over two blocks, so one row
answers for one key. A block is two arrays of 64-bit integers, the differences between keys and the values, as
planes of equally significant bytes, zstd.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from phonotheque.model.errors import VerificationError

_ROWS = 512  # pairs in a block, or more where a key has more
_CODEC = pa.Codec("zstd")

Integers = npt.NDArray[np.int64]


def create(connection: sqlite3.Connection, table: str) -> None:
    """Make an empty table of pairs."""
    connection.execute(
        f"CREATE TABLE {table} (first INTEGER PRIMARY KEY, pairs INTEGER NOT NULL, content BLOB NOT NULL)"
    )


def fill(connection: sqlite3.Connection, table: str, batches: Iterable[tuple[Integers, Integers]]) -> None:
    """Store pairs (key, value) that come in ascending order; equal ones are stored once.

    VerificationError when they come in another order.
    """
    statement = f"INSERT INTO {table} VALUES (?, ?, ?)"  # noqa: S608 — own names
    rest = (np.empty(0, np.int64), np.empty(0, np.int64))
    for keys, values in batches:
        keys, values = _distinct(np.concatenate((rest[0], keys)), np.concatenate((rest[1], values)))
        if np.any(keys[1:] < keys[:-1]):
            raise VerificationError(
                f"The rows for the index table {table} are not in order.", "Make the snapshot again."
            )
        # what has the last key may go on in the next batch
        whole = int(np.searchsorted(keys, keys[-1])) if keys.size else 0
        cuts = _cuts(keys, whole)
        connection.executemany(statement, _blocks(keys, values, cuts))
        rest = keys[cuts[-1] :], values[cuts[-1] :]
    connection.executemany(statement, _blocks(*rest, [*_cuts(rest[0], len(rest[0])), len(rest[0])]))


def find(connection: sqlite3.Connection, table: str, key: int) -> Iterator[int]:
    """Yield the values of a key, in order."""
    query = f"SELECT first, pairs, content FROM {table} WHERE first <= ? ORDER BY first DESC LIMIT 1"  # noqa: S608 — own
    for first, count, content in connection.execute(query, (key,)):
        keys, values = _decoded(first, count, content)
        yield from values[np.searchsorted(keys, key) : np.searchsorted(keys, key, side="right")].tolist()


def _distinct(keys: Integers, values: Integers) -> tuple[Integers, Integers]:
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (values[1:] != values[:-1])
    return keys[new], values[new]


def _cuts(keys: Integers, end: int) -> list[int]:
    """Where blocks begin and the last one ends: not beyond ``end``, and never between equal keys."""
    cuts = [0]
    while (full := cuts[-1] + _ROWS) <= end:
        cuts.append(int(np.searchsorted(keys[:end], keys[full - 1], side="right")))
    return cuts


def _blocks(keys: Integers, values: Integers, cuts: list[int]) -> Iterator[tuple[int, int, bytes]]:
    if not keys.size:
        return
    planes = np.concatenate((_planes(np.diff(keys, prepend=keys[0])), _planes(values)))
    for start, end in pairwise(cuts):
        if end > start:
            block = planes[:, start:end].copy()
            block[:8, 0] = 0
            yield int(keys[start]), end - start, _CODEC.compress(block.tobytes(), asbytes=True)


def _planes(numbers: Integers) -> npt.NDArray[np.uint8]:
    little_endian = np.ascontiguousarray(numbers, "<i8")
    return little_endian.view(np.uint8).reshape(len(numbers), 8).T


def _decoded(first: int, count: int, content: bytes) -> tuple[Integers, Integers]:
    try:
        planes = np.frombuffer(_CODEC.decompress(content, 16 * count, asbytes=True), np.uint8)
        deltas, values = (
            np.ascontiguousarray(half.T).view("<i8").reshape(count) for half in planes.reshape(2, 8, count)
        )
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:  # nothing is read from a disk here
        raise sqlite3.DatabaseError(f"a damaged block of pairs: {error}") from error
    return np.cumsum(deltas) + first, values
