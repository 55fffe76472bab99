"""Facts for tests: a track is what its keywords say, the rest is plausible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.schema import LINKS, LISTENS, TRACK_FACTS
from phonotheque.catalogue.snapshot import write_snapshot

MADE_AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
MBID_1 = "11111111-1111-4111-8111-111111111111"
MBID_2 = "22222222-2222-4222-8222-222222222222"
ISRC_1 = "FRZ039800212"
ISRC_2 = "USRC17607839"


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def track(name: str, **facts: Any) -> dict[str, Any]:
    """A held file called ``name``. A source other than "folder" makes it a record without a file."""
    held = facts.get("source", "folder") == "folder"
    row: dict[str, Any] = dict.fromkeys(TRACK_FACTS.names)
    row |= {
        "source": "folder",
        "accession": "a0000000-0000-4000-8000-000000000000",
        "source_id": sha(name) if held else name,
        "raw": json.dumps({"name": name}),
        "title": name,
        "artists": ["Somebody"],
        "duration_ms": 180_000,
        "file_sha256": sha(name) if held else None,
        "pcm_sha256": sha("pcm " + name) if held else None,
    }
    assert facts.keys() <= row.keys()
    return row | facts


def batches(rows: Iterable[dict[str, Any]], size: int = 2) -> list[pa.RecordBatch]:
    table = pa.Table.from_pylist(list(rows), schema=TRACK_FACTS)
    return list(table.to_batches(max_chunksize=size))


def link(a: str, b: str, score: float) -> dict[str, Any]:
    return {"a_sha256": sha(a), "b_sha256": sha(b), "evidence": "fingerprint", "score": score}


def listens(count: int, **key: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(LISTENS.names)
    return row | {"listens": count, "source": "test", "as_of": "2026-11-01"} | key


def write(
    folder: Path,
    rows: Iterable[dict[str, Any]],
    *,
    linked: Iterable[dict[str, Any]] = (),
    listened: Iterable[dict[str, Any]] = (),
    made_at: datetime = MADE_AT,
) -> Snapshot:
    return write_snapshot(
        folder,
        batches(rows),
        links=pa.Table.from_pylist(list(linked), schema=LINKS),
        listens=pa.Table.from_pylist(list(listened), schema=LISTENS),
        made_at=made_at,
        memory_limit="500MB",
    )


def rows_of(snapshot: Snapshot, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(snapshot.table(table)).to_pylist()
    return rows


def clusters(snapshot: Snapshot) -> set[frozenset[str]]:
    """Which tracks (by the name in their raw record) are one recording."""
    by_track = {row["track"]: row["recording"] for row in rows_of(snapshot, "tracks")}
    groups: dict[int, set[str]] = {}
    for row in rows_of(snapshot, "sources"):
        groups.setdefault(by_track[row["track"]], set()).add(json.loads(row["raw"])["name"])
    return {frozenset(group) for group in groups.values()}
