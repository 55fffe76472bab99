"""Exact look-ups: public ids, codes and hashes → dense keys of a snapshot's rows, and the shelf of hits."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import duckdb

from phonotheque.catalogue import pages, pairs, shelf
from phonotheque.catalogue.columns import isrc_numbers
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.pairs import Integers
from phonotheque.catalogue.streaming import parquet_file

_BATCH = 1 << 17  # rows
_KINDS = 4

# What an id names is a key of its table and a kind: key × 4 + kind. Ids lead to their things, old ids to what
# they became; so do the ids that a recording's facts name. Of an id 63 bits are kept: readers compare it all.
_IDS = """
    WITH named AS (
        SELECT id, recording * 4 + 1 AS thing FROM read_parquet($recordings)
        UNION ALL SELECT id, release * 4 + 2 FROM read_parquet($releases)
        UNION ALL SELECT id, artist * 4 + 3 FROM read_parquet($artists)
    ),
    outside AS (
        SELECT source_id AS name, release * 4 + 2 AS thing FROM read_parquet($releases)
        WHERE source_id IS NOT NULL
        UNION ALL SELECT unnest(identifiers), artist * 4 + 3 FROM read_parquet($artists)
    )
    SELECT uuid_key(id) AS key, thing FROM named
    UNION ALL SELECT uuid_key(old_id), thing FROM named JOIN read_parquet($redirects) r ON r.new_id = named.id
    UNION ALL SELECT name_key(name), thing FROM outside
    UNION ALL SELECT key, recording * 4 + 1 FROM said
    ORDER BY key, thing
"""
_BARCODES = """
    SELECT barcode::BIGINT, release FROM read_parquet($releases)
    WHERE TRY_CAST(barcode AS BIGINT) IS NOT NULL ORDER BY ALL
"""
_CONFLICTS = """
    SELECT unnest([recording_a, recording_b]) AS recording, file_row_number
    FROM read_parquet($conflicts, file_row_number = true) ORDER BY ALL
"""
_REDIRECTS = """
    SELECT uuid_key(old_id), file_row_number FROM read_parquet($redirects, file_row_number = true)
    ORDER BY ALL
"""
_PLACES = "SELECT release, recording FROM read_parquet($tracks) WHERE release IS NOT NULL ORDER BY ALL"
# Of a name, as search is meant to find it whole, 40 bits are kept: readers compare the names.
_NAMES = """
    WITH called AS (
        SELECT name, artist * 4 + 3 AS thing FROM read_parquet($artists)
        UNION ALL SELECT title, release * 4 + 2 FROM read_parquet($releases)
    )
    SELECT name_key(lower(strip_accents(trim(name)))) >> 23 AS key, thing
    FROM called WHERE name IS NOT NULL ORDER BY key, thing
"""
PLAIN = "SELECT lower(strip_accents(trim(?)))"  # the same of one name
_PAIRS = {"barcode": _BARCODES, "place": _PLACES, "conflict": _CONFLICTS}
_PAIRS_OF_IDS = {"id": _IDS, "redirect": _REDIRECTS, "name": _NAMES}  # when facts were compared

Item = TypeVar("Item")


class Kind(IntEnum):
    """What an id names."""

    RECORDING = 1
    RELEASE = 2
    ARTIST = 3


def uuid_key(uuid: str) -> int:
    """Return an id's key: 63 bits of it."""
    return int(uuid[:18].replace("-", ""), 16) >> 1


def name_key(name: str) -> int:
    """Return the key of what others call a release, “discogs:123”, or an artist, “discogs:artist/123”."""
    digest = hashlib.md5(name.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") >> 1


def called_key(plain: str) -> int:
    """Return the key of the name of a release or an artist, made plain (PLAIN)."""
    return name_key(plain) >> 23


def thing(value: int) -> tuple[Kind, int]:
    """Return the kind and key of what an id leads to."""
    return Kind(value % _KINDS), value // _KINDS


def build(
    path: Path,
    scratch: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    facts_compared: Callable[[], None],
    go_on: Callable[[], None],
) -> None:
    """Write ``path``. ``facts_compared`` waits for the table ``said``; ``go_on`` may raise, to stop early."""
    with closing(sqlite3.connect(path, isolation_level=None)) as index:
        # nobody reads the file before it is whole: no journal, one sync at the end
        index.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off;")
        index.execute("BEGIN")
        shelf.create(index)
        with parquet_file(snapshot.table("recordings")) as recordings:
            shelf.fill(index, _checking(go_on, recordings.iter_batches(_BATCH, columns=shelf.COLUMNS)))
        pairs.create(index, "isrc")
        with parquet_file(snapshot.table("isrcs")) as isrcs:
            rows = _checking(go_on, isrcs.iter_batches(_BATCH, columns=["isrc", "recording"]))
            pairs.fill(index, "isrc", ((isrc_numbers(b["isrc"]), b["recording"].to_numpy()) for b in rows))
        for table, query in _PAIRS.items():
            pairs.create(index, table)
            pairs.fill(index, table, _checking(go_on, _sorted(scratch, query, snapshot)))
        pages.fill(index, snapshot, go_on)
        facts_compared()
        for table, query in _PAIRS_OF_IDS.items():
            pairs.create(index, table)
            pairs.fill(index, table, _checking(go_on, _sorted(scratch, query, snapshot)))
        index.execute("COMMIT")


def _sorted(
    scratch: duckdb.DuckDBPyConnection, query: str, snapshot: Snapshot
) -> Iterator[tuple[Integers, Integers]]:
    tables = ("recordings", "releases", "artists", "redirects", "tracks", "conflicts")
    paths = {name: str(snapshot.table(name)) for name in tables if f"${name}" in query}
    for batch in scratch.sql(query, params=paths).to_arrow_reader(_BATCH):
        yield batch.column(0).to_numpy(), batch.column(1).to_numpy()


def _checking(go_on: Callable[[], None], items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        go_on()
        yield item
