"""Snapshots made row by row, for what reads their tables: only what a test speaks of is given."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from phonotheque.catalogue import durable, manifest, paged
from phonotheque.catalogue.manifest import Snapshot, SourceCount, TableFile
from phonotheque.catalogue.schema import MADE, TABLES

Rows = Iterable[Mapping[str, Any]]


def public_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def recording(key: int, **facts: Any) -> dict[str, Any]:
    """The recording with this key; its id is made from its title."""
    row: dict[str, Any] = dict.fromkeys(TABLES["recordings"].names)
    row |= {"recording": key, "title": f"Song {key}", "credit": "Somebody", "artists": [], "files": 0}
    row |= {"duration_ms": 180_000, "tracks": 1} | facts
    return row | {"id": facts.get("id", public_id(row["title"]))}


def conflict(kind: str, **facts: Any) -> dict[str, Any]:
    """A conflict between recordings 0 and 1; ``detail`` is given as a value."""
    row = {"kind": kind, "score": 0.5, "evidence": "x", "recording_a": 0, "recording_b": 1, "detail": {}}
    row |= {"fact_a": 0, "fact_b": 1} | facts
    return row | {"detail": json.dumps(row["detail"], ensure_ascii=False)}


def write_tables(
    catalogue_dir: Path,
    tables: Mapping[str, Rows] | None = None,
    *,
    name: str = "2026-11-21T101500Z",
    previous: str | None = None,
    make_current: bool = True,
) -> Snapshot:
    """Write a snapshot with these rows of these tables, every other table empty, and return it."""
    folder = catalogue_dir / name
    folder.mkdir(parents=True)
    files = {table: _write(folder, table, list((tables or {}).get(table, ()))) for table in TABLES}
    made_at = datetime.strptime(name[:18], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)
    snapshot = Snapshot(folder, made_at, previous, files, (SourceCount("tests", 1, 2),))
    manifest.write_sums(folder, snapshot)
    if make_current:
        durable.write(catalogue_dir / manifest.CURRENT, f"{name}\n".encode())
    return manifest.read(folder)


def _write(folder: Path, table: str, rows: list[Mapping[str, Any]]) -> tuple[TableFile, ...]:
    file = f"{table}.parquet" if table in MADE else f"{table}/00000.parquet"
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    with paged.writer(path, TABLES[table]) as content:
        content.write_table(pa.Table.from_pylist(rows, schema=TABLES[table]))
    return (TableFile(file, manifest.hash_file(path), path.stat().st_size, len(rows)),)
