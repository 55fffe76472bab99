"""What the archive's own files say about music, as facts for the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Row

from phonotheque.audio.sameness import alike
from phonotheque.catalogue.listens import read_listens_csv
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.schema import LINKS, LISTENS, TRACK_FACTS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.ledger.files import each_file, finish_accession, start_accession, tags_from_json
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.place import replace_durably, write_durably

_ROWS = 10_000  # per record batch


def rebuild_catalogue(archive: Archive, *, at: datetime) -> Snapshot:
    """Write a new snapshot from all files known to the ledger and all listens ever added."""
    expect_change(archive)
    with archive.ledger.connect() as ledger:
        snapshot = write_snapshot(
            archive.catalogue,
            track_facts(ledger),
            links=_links(ledger),
            listens=_listens(archive),
            made_at=at,
        )
    _behind(archive).unlink()
    return snapshot


def expect_change(archive: Archive) -> None:
    """Note, before something new is recorded, that the catalogue will have to be written again.

    So that a run killed between recording and writing is made good by the next, which has nothing new to add.
    """
    mark = _behind(archive)
    if not mark.exists():
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_durably(mark, b"The ledger knows more than the current snapshot: run phono add again.\n")


def catalogue_is_behind(archive: Archive) -> bool:
    """Whether something was recorded that the current snapshot may lack."""
    return _behind(archive).exists()


def add_listens(archive: Archive, path: Path, *, at: datetime) -> tuple[int, list[str]]:
    """Take in a CSV of listen counts; return how many rows, and the rejected ones with reasons.

    The same file added again replaces what it said before.
    """
    table, rejects = read_listens_csv(path, source=path.name, as_of=at.date().isoformat())
    agent = archive.settings.archive.agent
    with archive.ledger.begin() as ledger:
        accession = start_accession(
            ledger, source="listens", location=str(path.absolute()), agent=agent, at=timestamp(at)
        )
    place = _facts_folder(archive) / f"{path.name}.listens.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    expect_change(archive)
    temporary = place.with_name(f".{place.name}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    replace_durably(temporary, place)
    with archive.ledger.begin() as ledger:
        finish_accession(ledger, accession, at=timestamp(now()))
    return table.num_rows, [f"line {reject.line}: {reject.field}: {reject.reason}" for reject in rejects]


def track_facts(ledger: Connection) -> Iterator[pa.RecordBatch]:
    """Yield one row of facts per master, held or known, in batches."""
    rows: list[dict[str, Any]] = []
    for row in each_file(ledger):
        rows.append(_fact(row))
        if len(rows) == _ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema=TRACK_FACTS)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=TRACK_FACTS)


def _fact(row: Row[Any]) -> dict[str, Any]:
    tags = tags_from_json(row.tags)
    return {
        "source": "folder",
        "accession": row.accession_id,
        "source_id": row.sha256,
        "raw": json.dumps({"name": row.name, "tags": row.tags.get("raw", {})}, ensure_ascii=False),
        "title": tags.title or Path(row.name).stem,
        "artists": list(tags.artists),
        "album": tags.album,
        "album_artists": list(tags.album_artists),
        "track_number": tags.track_number,
        "track_total": tags.track_total,
        "disc_number": tags.disc_number,
        "date": tags.date,
        "composers": list(tags.composers),
        "genres": list(tags.genres),
        "isrcs": list(tags.isrcs),
        "recording_mbid": tags.recording_mbid,
        "track_mbid": tags.track_mbid,
        "release_mbid": tags.release_mbid,
        "artist_mbids": list(tags.artist_mbids),
        "barcode": tags.barcode,
        "label": tags.label,
        "catalogue_number": tags.catalogue_number,
        "duration_ms": round(row.duration * 1000),
        "file_sha256": row.sha256,
        "pcm_sha256": row.pcm_sha256,
    }


def _links(ledger: Connection) -> pa.Table:
    hashes: list[str] = []
    fingerprints: list[bytes] = []
    for row in each_file(ledger):
        if row.fingerprint:
            hashes.append(row.sha256)
            fingerprints.append(row.fingerprint)
    links = [
        {"a_sha256": hashes[a], "b_sha256": hashes[b], "evidence": "fingerprint", "score": score}
        for a, b, score in alike(fingerprints)
    ]
    return pa.Table.from_pylist(links, schema=LINKS)


def _listens(archive: Archive) -> pa.Table:
    parts = sorted(_facts_folder(archive).glob("*.listens.parquet"))
    return pa.concat_tables([LISTENS.empty_table(), *(pq.read_table(part, schema=LISTENS) for part in parts)])


def _behind(archive: Archive) -> Path:
    return archive.catalogue / "BEHIND"


def _facts_folder(archive: Archive) -> Path:
    return archive.catalogue / "facts"
