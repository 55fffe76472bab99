"""Rows of a snapshot's tables by their numbers, or by the key that a table is sorted by.

What is read is the pages that a row is in (see ``pages``): no footer, no row group. They are put together to
a small Parquet file in memory, which Arrow decodes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import pages
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.paged import Chunk, assembled
from phonotheque.catalogue.pages import Leaf, Page, Same

_AT_ONCE = 32  # leaves in memory
_MANY = 4  # leaves that are worth several threads

Row: TypeAlias = dict[str, Any]


class Rows:
    """The rows of one snapshot, for one question. ``close`` lets go of its files."""

    def __init__(self, snapshot: Snapshot, codes: sqlite3.Connection) -> None:
        self._snapshot = snapshot
        self._codes = codes
        self._files = ExitStack()
        self._open: dict[tuple[str, int], BinaryIO] = {}

    def close(self) -> None:
        """Close the files that were read."""
        self._files.close()

    def at(self, table: str, numbers: Iterable[int], columns: Iterable[str]) -> dict[int, Row]:
        """Return rows by number, counted over all parts of a table.

        Raises VerificationError when the table is damaged, sqlite3.DatabaseError when it has no such row.
        """
        names, wanted = self._names(table, columns), sorted(set(numbers))
        found: dict[int, Row] = {}
        leaf, inside = None, list[tuple[Leaf, list[int]]]()
        for number in wanted:
            if leaf is None or number >= leaf.first + leaf.rows:
                leaf = pages.leaf(self._codes, table, number)
                if leaf is None:
                    raise sqlite3.DatabaseError(f"the index names row {number} that {table} does not have")
                inside.append((leaf, []))
            inside[-1][1].append(number)
        for start in range(0, len(inside), _AT_ONCE):
            batch = inside[start : start + _AT_ONCE]
            contents = self._read(table, [leaf for leaf, _ in batch], names)
            for leaf, places in batch:
                content = contents[leaf.first]
                found |= {place: _row(content, leaf, place - leaf.first, names) for place in places}
        return {number: found[number] for number in wanted}

    def having(
        self, table: str, keys: Iterable[int], columns: Iterable[str], most: int
    ) -> dict[int, list[Row]]:
        """Return the first rows of a sorted table that have each of the keys. Raises what ``at`` does."""
        column = pages.SORTED[table]
        names, found = self._names(table, (column, *columns)), {key: list[Row]() for key in sorted(set(keys))}
        inside = [(leaf, key) for key in found for leaf in pages.leaves(self._codes, table, key, most)]
        for start in range(0, len(inside), _AT_ONCE):
            batch = inside[start : start + _AT_ONCE]
            contents = self._read(table, list({leaf.first: leaf for leaf, _ in batch}.values()), names)
            for leaf, key in batch:
                content = contents[leaf.first]
                first, end = _span(content, leaf, column, key)
                end = min(end, first + most - len(found[key]))
                found[key] += (_row(content, leaf, place, names) for place in range(first, end))
        return found

    def _names(self, table: str, columns: Iterable[str]) -> tuple[str, ...]:
        wanted = set(columns)
        return tuple(name for name in pages.LOOKED_UP[table] if name in wanted)

    def _read(self, table: str, leaves: Sequence[Leaf], names: Sequence[str]) -> dict[int, pa.Table]:
        """Return what leaves hold, by their first rows, without the columns that say one thing only."""
        found: dict[int, pa.Table] = {}
        kinds: dict[tuple[str, ...], list[Leaf]] = {}
        for leaf in leaves:
            if leaf.columns:
                varying = tuple(name for name in names if isinstance(leaf.columns[name], Page))
                kinds.setdefault(varying, []).append(leaf)
            else:
                with self._decoding(table, leaf), pq.ParquetFile(self._file(table, leaf.part)) as file:
                    found[leaf.first] = file.read_row_group(leaf.group, columns=list(names))
        for varying, alike in kinds.items():
            found |= self._decoded(table, alike, varying)
        return found

    def _decoded(self, table: str, leaves: Sequence[Leaf], varying: tuple[str, ...]) -> dict[int, pa.Table]:
        if not varying:
            return {leaf.first: pa.table({}) for leaf in leaves}
        groups = [(leaf.rows, [self._chunk(table, leaf, name) for name in varying]) for leaf in leaves]
        with self._decoding(table, leaves[0]):
            content = pq.ParquetFile(pa.BufferReader(assembled(table, varying, groups))).read(
                use_threads=len(leaves) >= _MANY
            )
            if content.num_rows != sum(leaf.rows for leaf in leaves):
                raise pa.ArrowInvalid("pages have other rows than they should")
        firsts = accumulate((leaf.rows for leaf in leaves), initial=0)
        return {
            leaf.first: content.slice(first, leaf.rows) for leaf, first in zip(leaves, firsts, strict=False)
        }

    def _chunk(self, table: str, leaf: Leaf, name: str) -> Chunk:
        page, file = leaf.columns[name], self._file(table, leaf.part).fileno()
        assert isinstance(page, Page)
        dictionary = os.pread(file, page.dictionary_size, page.dictionary) if page.dictionary_size else b""
        return page.values, os.pread(file, page.size, page.offset), dictionary

    def _file(self, table: str, part: int) -> BinaryIO:
        if (table, part) not in self._open:
            self._open[table, part] = self._files.enter_context(self._path(table, part).open("rb"))
        return self._open[table, part]

    def _path(self, table: str, part: int) -> Path:
        return self._snapshot.path / self._snapshot.tables[table][part].file

    @contextmanager
    def _decoding(self, table: str, leaf: Leaf) -> Iterator[None]:
        what = f"rows from {leaf.first} on cannot be read"
        with pages.explaining_damage(self._path(table, leaf.part), what):
            yield


def _span(content: pa.Table, leaf: Leaf, column: str, key: int) -> tuple[int, int]:
    """Return from which row of a leaf to which one a sorted column has a value."""
    said = leaf.columns.get(column)
    if isinstance(said, Same):
        return (0, leaf.rows) if said.value == key else (0, 0)
    keys = content[column].to_numpy()
    return int(np.searchsorted(keys, key)), int(np.searchsorted(keys, key, side="right"))


def _row(content: pa.Table, leaf: Leaf, place: int, names: Iterable[str]) -> Row:
    return {
        name: said.value if isinstance(said := leaf.columns.get(name), Same) else content[name][place].as_py()
        for name in names
    }
