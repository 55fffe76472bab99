"""Facts for tests: a track is what its keywords say, the rest is plausible."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.normalise import listen_keys, normal_fact
from phonotheque.catalogue.schema import FACTS, LINKS, LISTENS, RECORDS, TRACK_FACTS
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
        "record_id": sha(name) if held else name,
        "title": name,
        "artists": ["Somebody"],
        "duration_ms": 180_000,
        "file_sha256": sha(name) if held else None,
        "pcm_sha256": sha("pcm " + name) if held else None,
    }
    raw = facts.pop("raw", json.dumps({"name": name}))
    assert facts.keys() <= row.keys()
    return row | facts | {"raw": raw}


def link(a: str, b: str, score: float) -> dict[str, Any]:
    return {"a_sha256": sha(a), "b_sha256": sha(b), "evidence": "fingerprint", "score": score}


def listens(count: int, **key: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(LISTENS.names)
    row |= {"listens": count, "source": "test", "as_of": "2026-11-01"} | key
    row["title_key"], row["people"] = listen_keys(row["title"], row["artist"])
    return row


def write(
    folder: Path,
    rows: Iterable[dict[str, Any]],
    *,
    linked: Iterable[dict[str, Any]] = (),
    listened: Iterable[dict[str, Any]] = (),
    made_at: datetime = MADE_AT,
) -> Snapshot:
    """Replace what every source said by these facts, and write a snapshot of them."""
    facts = sorted((dict(row) for row in rows), key=lambda row: (row["source"], row["source_id"]))
    for old in datasets.datasets(folder):
        shutil.rmtree(old.path)
    for source in sorted({row["source"] for row in facts}):
        told = [row for row in facts if row["source"] == source]
        dataset = Dataset(Path(), source, "here", told[0]["accession"], made_at.isoformat())
        records = [{**row, "kind": "file"} for row in told]
        normal = [normal_fact({key: row[key] for key in TRACK_FACTS.names}) for row in told]
        tables = {"facts": batches(normal, FACTS), "records": batches(records, RECORDS)}
        datasets.write(folder, dataset, tables)
    counted = Dataset(Path(), "listens", "here", "", made_at.isoformat())
    datasets.write(folder, counted, {"listens": batches(listened, LISTENS)})
    links = pa.Table.from_pylist(list(linked), schema=LINKS)
    return write_snapshot(folder, links=links, made_at=made_at, memory_limit="500MB")


def batches(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> list[pa.RecordBatch]:
    return list(pa.Table.from_pylist(list(rows), schema=schema).to_batches())


def rows_of(snapshot: Snapshot, table: str) -> list[dict[str, Any]]:
    return [row for part in snapshot.parts(table) for row in pq.ParquetFile(part).read().to_pylist()]


def clusters(snapshot: Snapshot) -> set[frozenset[str]]:
    """Which tracks (by the name in their raw record) are one recording."""
    records = rows_of(snapshot, "records")
    named = {(row["source"], row["record_id"]): json.loads(row["raw"])["name"] for row in records}
    facts = rows_of(snapshot, "facts")
    groups: dict[int, set[str]] = {}
    for row in rows_of(snapshot, "tracks"):
        fact = facts[row["fact"]]
        groups.setdefault(row["recording"], set()).add(named[fact["source"], fact["record_id"]])
    return {frozenset(group) for group in groups.values()}
