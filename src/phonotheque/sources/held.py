"""What the archive's own files say about music, as facts for the catalogue."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Row

from phonotheque.audio.sameness import FARTHEST
from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.listens import read_listens_csv
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.normalise import normal_fact
from phonotheque.catalogue.resolving import resolver_at
from phonotheque.catalogue.schema import FACTS, LINKS, RECORDS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.ledger.copies import names_of
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import (
    each_file,
    finish_accession,
    start_accession,
    tags_from_json,
    unfinished_accessions,
)
from phonotheque.model.batches import batched
from phonotheque.model.progress import QUIET, Progress
from phonotheque.sources.importing import Imported, import_source
from phonotheque.sources.likeness import pairs, refresh
from phonotheque.sources.namesakes import Namesakes
from phonotheque.sources.registry import Source
from phonotheque.sources.working import Begun
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.place import write_durably
from phonotheque.vault.segment_index import SegmentIndex

_SOURCE = "folder"
_ROWS = 10_000  # per record batch


def rebuild_catalogue(archive: Archive, *, at: datetime, progress: Progress = QUIET) -> Snapshot:
    """Write a new snapshot from all files known to the ledger and everything that sources said."""
    expect_change(archive)
    index = refresh(archive, progress)
    with archive.ledger.connect() as ledger:
        own = Dataset(Path(), _SOURCE, "", "", timestamp(at))
        namesakes = Namesakes()
        tables = {"facts": _facts(ledger, namesakes), "records": _records(ledger)}
        datasets.write(archive.catalogue, own, tables)
        links = _links(ledger, index, namesakes, progress)
    # Hours may follow in which nobody asks the ledger anything: no transaction stays open for them.
    snapshot = write_snapshot(
        archive.catalogue,
        links=links,
        made_at=at,
        memory_limit=memory_limit(),
        resolver=resolver_at(archive.settings.catalogue.resolve_on),
        progress=progress,
    )
    _behind(archive).unlink()
    return snapshot


def memory_limit() -> str:
    """Return what the catalogue's engine may use: half of the machine's memory, at most 6 GB."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{max(min(pages // 2, 6 * 10**9) // 10**6, 500)}MB"


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
    expect_change(archive)
    counted = Dataset(Path(), "listens", path.name, accession, timestamp(at))
    datasets.write(archive.catalogue, counted, {"listens": table.to_batches()})
    with archive.ledger.begin() as ledger:
        finish_accession(ledger, accession, at=timestamp(now()))
    return table.num_rows, [f"line {reject.line}: {reject.field}: {reject.reason}" for reject in rejects]


def add_source(
    archive: Archive,
    source: Source,
    location: Path,
    *,
    verify: bool = False,
    again: bool = False,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> Imported:
    """Take in what a source says, as an accession. The archive's lock must be held.

    The catalogue has to be rebuilt afterwards, unless nothing has changed.
    """
    result = import_source(
        archive.catalogue,
        source,
        location,
        begin=partial(_begin, archive, source.name, str(location.resolve())),
        verify=verify,
        again=again,
        workers=workers,
        before_change=lambda: expect_change(archive),
        progress=progress,
    )
    detail = {"rows": result.rows, "rejects": dict(result.rejects), "unchanged": result.unchanged}
    with archive.ledger.begin() as ledger:
        _end(archive, ledger, result.accession, detail)
    return result


def _begin(archive: Archive, source: str, location: str, interrupted: Begun | None) -> Begun:
    """Go on under the accession of an interrupted run, if the ledger has it so, or begin another.

    Those that nothing goes on with any more are ended: the files have changed, or its pieces are gone. Nobody
    else takes in anything meanwhile: the archive's lock is held.
    """
    with archive.ledger.begin() as ledger:
        unfinished = unfinished_accessions(ledger, source=source, location=location)
        for accession in unfinished:
            if interrupted is None or accession != interrupted.accession:
                _end(archive, ledger, accession, {"interrupted": True}, outcome="fail")
        if interrupted is not None and interrupted.accession in unfinished:
            return interrupted
        at = timestamp(now())
        agent = archive.settings.archive.agent
        return Begun(start_accession(ledger, source=source, location=location, agent=agent, at=at), at)


def _end(
    archive: Archive, ledger: Connection, accession: str, detail: dict[str, Any], outcome: str = "success"
) -> None:
    at = timestamp(now())
    finish_accession(ledger, accession, at=at)
    record_event(
        ledger,
        at=at,
        kind="ingestion end",
        subject=accession,
        agent=archive.settings.archive.agent,
        outcome=outcome,
        detail=detail,
    )


def _facts(ledger: Connection, namesakes: Namesakes) -> Iterator[pa.RecordBatch]:
    """Yield one row of facts per master, held or known, in the order of their hashes."""
    for rows in batched(each_file(ledger, by_hash=True), _ROWS):
        facts = [normal_fact(_fact(row)) for row in rows]
        for row, fact in zip(rows, facts, strict=True):
            namesakes.add(row.id, fact)
        yield pa.RecordBatch.from_pylist(facts, schema=FACTS)


def _records(ledger: Connection) -> Iterator[pa.RecordBatch]:
    """Yield what each master's tags said, as they were written."""
    for rows in batched(each_file(ledger, by_hash=True), _ROWS):
        yield pa.RecordBatch.from_pylist([_record(row) for row in rows], schema=RECORDS)


def _record(row: Row[Any]) -> dict[str, Any]:
    return {
        "source": _SOURCE,
        "accession": row.accession_id,
        "kind": "file",
        "record_id": row.sha256,
        "raw": json.dumps({"name": row.name, "tags": row.tags.get("raw", {})}, ensure_ascii=False),
    }


def _fact(row: Row[Any]) -> dict[str, Any]:
    tags = tags_from_json(row.tags)
    return {
        "source": _SOURCE,
        "accession": row.accession_id,
        "record_id": row.sha256,
        "source_id": row.sha256,
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


def _links(
    ledger: Connection, index: SegmentIndex, namesakes: Namesakes, progress: Progress = QUIET
) -> pa.Table:
    """Return the files that sound alike, and those of one name that do not.

    What is only a part of another is not for the catalogue to judge.
    """
    found = pairs(index)
    alike = found[np.abs(found["offset"]) <= FARTHEST]
    differ = namesakes.unlike(index, ledger, alike, progress)
    batches = [
        *_named(ledger, alike["earlier"], alike["later"], alike["ber"]),
        *_named(ledger, differ["a"], differ["b"], differ["ber"]),
    ]
    return pa.Table.from_batches(batches, schema=LINKS)


def _named(
    ledger: Connection, a: NDArray[Any], b: NDArray[Any], bers: NDArray[np.float64]
) -> Iterator[pa.RecordBatch]:
    """Yield pairs of files, given by their ids, as the catalogue's links."""
    for start in range(0, len(a), _ROWS):
        here = slice(start, start + _ROWS)
        first, second = a[here].tolist(), b[here].tolist()
        names = names_of(ledger, {*first, *second})
        columns: dict[str, Any] = {
            "a_sha256": [names[one] for one in first],
            "b_sha256": [names[one] for one in second],
            "evidence": ["fingerprint"] * len(first),
            "score": bers[here],
        }
        yield pa.RecordBatch.from_pydict(columns, schema=LINKS)


def _behind(archive: Archive) -> Path:
    return archive.catalogue / "BEHIND"
