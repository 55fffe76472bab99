"""The catalogue brought back from its bag: the snapshot, and what sources said, to make the next of it.

What was said is in the snapshot's own parts, each of one source: they become datasets again. Where it was
read from, and what is under other terms and was not published, is lost.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, select, update

from phonotheque.catalogue import datasets, durable, manifest
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.engine import numbered_facts
from phonotheque.catalogue.manifest import Snapshot, TableFile
from phonotheque.catalogue.schema import LISTENS, SHARED
from phonotheque.catalogue.scratch import open_tables, scratch
from phonotheque.ledger.schema import files
from phonotheque.mirrors.restore_ledger import Restoring, record_accession
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import link_or_copy

_MAKING: Final = ".making-restored"
_FOLDER: Final = "folder"  # the source of what the archive's own files say (sources/held.py)
_ROWS: Final = 10_000
_LISTENS: Final = """
    SELECT NULL::VARCHAR AS isrc, CASE WHEN by_musicbrainz THEN id END AS recording_mbid,
           recordings.title, recordings.credit AS artist, listens.listens, source, as_of, title_key, people
    FROM listens JOIN recordings USING (recording)
    LEFT JOIN (SELECT recording, min(fact) AS fact FROM tracks GROUP BY recording) USING (recording)
    LEFT JOIN (SELECT fact, title_key, people FROM said) USING (fact)
    ORDER BY listens.recording, source
"""


def bring_back(archive: Archive, bag: Path, name: str) -> Snapshot:
    """Make the snapshot in a catalogue's bag the current one, if there is none; it has its old name.

    Tables that were not published, because they are under other terms, are left out of it. Raises
    VerificationError if what is in the bag is no such snapshot.
    """
    if (found := manifest.current(archive.catalogue)) is not None:
        return found
    if not manifest.STAMP.fullmatch(name):
        raise VerificationError(f"edition.json: “{name:.80}” is not the name of a snapshot.")
    making, home = archive.catalogue / _MAKING, archive.catalogue / name
    archive.catalogue.mkdir(parents=True, exist_ok=True)
    for left in (making, home):  # CURRENT is written last
        if left.exists():
            shutil.rmtree(left)
    data = bag / "data"
    for path in sorted(file for file in data.rglob("*") if file.is_file()):
        place = making / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, place, allow_link=True)
    snapshot = manifest.read(making)
    there = {
        table: tuple(part for part in parts if (making / part.file).exists())
        for table, parts in snapshot.tables.items()
    }
    (making / manifest.MANIFEST).unlink()  # perhaps a link to the one in the bag, which stays as it is
    manifest.write_sums(making, replace(snapshot, tables=there))
    making.rename(home)
    snapshot = manifest.read(home)
    if wrong := manifest.verify(snapshot):
        raise VerificationError(f"{bag.name}: {wrong[0].path}: {wrong[0].detail}.")
    _make_datasets(archive, snapshot)
    durable.write(archive.catalogue / manifest.CURRENT, f"{home.name}\n".encode())
    return snapshot


def record_sources(ledger: Connection, restoring: Restoring, archive: Archive, snapshot: Snapshot) -> None:
    """Record the accessions that the catalogue names, and what the tags of files said, word for word."""
    began = snapshot.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    for table in SHARED:
        for path in snapshot.parts(table):
            for source, accession in sorted(_named(path)):
                record_accession(ledger, restoring, accession, source, began)
    for path in snapshot.parts("records"):
        for part in _rows_of(path, ["record_id", "raw"]):
            _record_tags(ledger, part)
    unheard = select(files.c.sha256).where(files.c.duration == 0.0, files.c.kind == "master")
    if wanted := set(ledger.execute(unheard).scalars()):
        for path in snapshot.parts("facts"):
            for part in _rows_of(path, ["file_sha256", "title", "artists", "album", "date", "duration_ms"]):
                _record_facts(ledger, [row for row in part if row["file_sha256"] in wanted])


def _make_datasets(archive: Archive, snapshot: Snapshot) -> None:
    """Make datasets of the snapshot's parts: each part of facts one of its own, in their order.

    So of two that tell of one record, the one that was believed is believed again: it is the later one.
    """
    taken_at = snapshot.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    by_source: dict[str, list[dict[str, list[tuple[Path, TableFile]]]]] = defaultdict(list)
    accessions: dict[str, str] = {}
    for table in SHARED:
        for part in snapshot.tables[table]:
            path = snapshot.path / part.file
            source, accession = min(_named(path), default=("", ""))
            if not source:
                continue
            accessions.setdefault(source, accession)
            if table == "facts" or not by_source[source]:
                by_source[source].append(defaultdict(list))
            by_source[source][-1 if table == "facts" else 0][table].append((path, part))
    for source, several in by_source.items():
        for number, tables in enumerate(several):
            location = f"restored: {snapshot.stamp}/{number}"
            _put(archive, Dataset(Path(), source, location, accessions[source], taken_at), tables)
    if counts := list(_listens(snapshot)):
        dataset = Dataset(Path(), "listens", f"restored: {snapshot.stamp}", "", taken_at)
        datasets.write(archive.catalogue, dataset, {"listens": counts})


def _put(archive: Archive, dataset: Dataset, tables: dict[str, list[tuple[Path, TableFile]]]) -> None:
    making = datasets.making_folder(archive.catalogue, dataset.source)
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(parents=True)
    parts: dict[str, tuple[TableFile, ...]] = {}
    for table, listed in tables.items():
        placed = []
        for number, (path, part) in enumerate(listed):
            name = f"{table}-{number:05d}.parquet"
            link_or_copy(path, making / name, allow_link=True)
            placed.append(replace(part, file=name))
        parts[table] = tuple(placed)
    datasets.put(archive.catalogue, making, dataset, parts)


def _listens(snapshot: Snapshot) -> Iterator[pa.RecordBatch]:
    """Yield the counts that the snapshot has, by what names a recording wherever it is."""
    with scratch("reading listens", snapshot.path) as engine:
        open_tables(engine, snapshot, "recordings", "tracks", "listens")
        engine.execute(f"CREATE VIEW said AS {numbered_facts(snapshot.path, snapshot.tables['facts'])}")
        for batch in engine.sql(_LISTENS).to_arrow_reader(_ROWS):
            yield batch.cast(LISTENS)


def _named(path: Path) -> set[tuple[str, str]]:
    """Return the sources and accessions that a part names."""
    found: set[tuple[str, str]] = set()
    with pq.ParquetFile(path) as part:
        for batch in part.iter_batches(columns=["source", "accession"]):
            for pair in (
                pa.Table.from_batches([batch]).group_by(["source", "accession"]).aggregate([]).to_pylist()
            ):
                found.add((pair["source"], pair["accession"]))
    return found


def _rows_of(path: Path, columns: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Yield what the archive's own files say in a part, some rows at a time."""
    with pq.ParquetFile(path) as part:
        for batch in part.iter_batches(columns=["source", *columns], batch_size=_ROWS):
            own = batch.filter(pc.equal(batch["source"], _FOLDER))
            yield from batched(own.to_pylist(), IN_A_STATEMENT)


def _record_tags(ledger: Connection, part: list[dict[str, Any]]) -> None:
    raw = {row["record_id"]: row["raw"] for row in part}
    query = select(files.c.id, files.c.sha256, files.c.tags).where(files.c.sha256.in_(list(raw)))
    for row in ledger.execute(query).all():
        try:
            said = json.loads(raw[row.sha256])["tags"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise VerificationError(
                f"the catalogue's record of {row.sha256} makes no sense: {error}."
            ) from error
        if said and row.tags.get("raw") != said:
            ledger.execute(update(files).where(files.c.id == row.id).values(tags={**row.tags, "raw": said}))


def _record_facts(ledger: Connection, part: list[dict[str, Any]]) -> None:
    for row in part:
        tags = {name: row[name] for name in ("title", "artists", "album", "date") if row[name]}
        values = {"tags": tags, "duration": (row["duration_ms"] or 0) / 1000}
        ledger.execute(update(files).where(files.c.sha256 == row["file_sha256"]).values(**values))
