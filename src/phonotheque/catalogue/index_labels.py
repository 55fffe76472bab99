"""The index of labels: every name that releases bear, in order, and the releases of each by date.

Spellings that differ in case, accents or punctuation are one label (model.text.fold), called as most of its
releases call it. Of names longer than LONGEST characters the beginning counts.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from phonotheque.catalogue import pairs
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.pairs import Integers
from phonotheque.model.text import fold_all

LABELS: Final = "labels.sqlite"
LONGEST: Final = 500  # characters of a name
PART: Final = 4096  # releases of a label that have one key: to find some, no more are read
LAST_PART: Final = (1 << 12) - 1  # has all the rest
RELEASE: Final = (1 << 40) - 1  # of a value of the pairs, a release; above it the year
_BATCH: Final = 1 << 16  # rows
_UNDATED: Final = 9999

_SPELLINGS: Final = """
    SELECT label, count(*) AS releases FROM read_parquet($releases) WHERE trim(label) <> '' GROUP BY label
"""
_KEYS: Final = "CREATE TABLE label_keys (label VARCHAR, folded VARCHAR, key BIGINT, releases BIGINT)"
_NAMES: Final = """
    SELECT folded, arg_max(left(label, $longest), (releases, label)), sum(releases)::BIGINT
    FROM label_keys GROUP BY folded ORDER BY folded
"""
_PLACES: Final = """
    SELECT key, (coalesce(TRY_CAST(left(date, 4) AS BIGINT), $undated) << 40) | release
    FROM read_parquet($releases) JOIN label_keys USING (label) ORDER BY ALL
"""


def key_of(folded: str) -> int:
    """Return the key of a folded name: 51 bits of it, and none of the 12 below, which are a part's."""
    digest = hashlib.md5(folded.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") >> 1 & ~LAST_PART


def build(
    path: Path, scratch: duckdb.DuckDBPyConnection, snapshot: Snapshot, go_on: Callable[[], None]
) -> None:
    """Write ``path``. ``go_on`` may raise, to stop early."""
    releases = {"releases": str(snapshot.table("releases"))}
    scratch.execute(_KEYS)
    with scratch.cursor() as reading:
        for batch in reading.sql(_SPELLINGS, params=releases).to_arrow_reader(_BATCH):
            go_on()
            scratch.from_arrow(_folded(batch)).insert_into("label_keys")
    with closing(sqlite3.connect(path, isolation_level=None)) as index:
        # nobody reads the file before it is whole: no journal, one sync at the end
        index.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off;")
        index.execute("BEGIN")
        index.execute(
            "CREATE TABLE labels (folded TEXT PRIMARY KEY, name TEXT NOT NULL, releases INTEGER NOT NULL) "
            "WITHOUT ROWID"
        )
        for batch in scratch.sql(_NAMES, params={"longest": LONGEST}).to_arrow_reader(_BATCH):
            go_on()
            columns = (column.to_pylist() for column in batch.columns)
            index.executemany("INSERT INTO labels VALUES (?, ?, ?)", zip(*columns, strict=True))
        pairs.create(index, "label")
        rows = scratch.sql(_PLACES, params=releases | {"undated": _UNDATED}).to_arrow_reader(_BATCH)

        pairs.fill(index, "label", _in_parts(_checking(rows, go_on)))
        index.execute("COMMIT")
    scratch.execute("DROP TABLE label_keys")


def _checking(batches: Iterable[pa.RecordBatch], go_on: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        go_on()
        yield batch


def _in_parts(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Integers, Integers]]:
    """Yield sorted pairs with the parts added to their keys."""
    last, seen = -1, 0  # the key that the last pair had, and how many had it so far
    for batch in batches:
        keys, values = batch.column(0).to_numpy(), batch.column(1).to_numpy()
        begins = np.flatnonzero(np.diff(keys, prepend=last))
        before = np.zeros(len(keys), np.int64)  # where the run of its key begins, for each pair
        before[begins] = begins
        runs = np.arange(len(keys)) - np.maximum.accumulate(before)
        if keys.size and keys[0] == last:
            runs[: begins[0] if begins.size else len(keys)] += seen
        if keys.size:
            last, seen = int(keys[-1]), int(runs[-1]) + 1
        yield keys + np.minimum(runs // PART, LAST_PART), values


def _folded(batch: pa.RecordBatch) -> pa.Table:
    labels = batch["label"].to_pylist()
    folded = fold_all([label[:LONGEST] for label in labels])
    columns = {
        "label": batch["label"],
        "folded": pa.array(folded, pa.string()),
        "key": pa.array([key_of(one) for one in folded], pa.int64()),
        "releases": batch["releases"],
    }
    return pa.table(columns)
