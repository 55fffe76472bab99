"""Writing a catalogue snapshot: datasets in, immutable Parquet tables out, and a pointer moved last."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import durable, inheritance, known, manifest, paged
from phonotheque.catalogue.collect import remove_unfinished
from phonotheque.catalogue.datasets import Dataset, datasets
from phonotheque.catalogue.engine import (
    Engine,
    connect,
    explaining,
    quoted,
    view,
)
from phonotheque.catalogue.manifest import Snapshot, SourceCount, TableFile
from phonotheque.catalogue.pages import LOOKED_UP
from phonotheque.catalogue.resolving import Resolver, Unresolved, in_place
from phonotheque.catalogue.schema import MADE, SHARED
from phonotheque.model.progress import QUIET, Progress

# The columns by which a table's rows are ordered; together they decide the order entirely.
_ORDER = {
    "recordings": "recording",
    "artists": "artist",
    "releases": "release",
    "tracks": "recording, fact",
    "credits": "artist, recording",
    "isrcs": "isrc, recording",
    "files": "sha256, fact",
    "listens": "recording, source",
    "redirects": "kind, old_id",
    "conflicts": "score DESC, kind, evidence, fact_a, fact_b",
}
# From clusters to tables, in this order, and what each is called while it runs.
_DESCRIBING = (
    ("codes", "Gathering codes"),
    ("tell", "Choosing what speaks for a recording"),
    ("listens", "Counting listens"),
    ("number", "Numbering recordings"),
    ("releases", "Describing releases"),
    ("artists", "Describing artists"),
    ("outputs", "Joining artists and recordings"),
)


def write_snapshot(
    catalogue_dir: Path,
    *,
    made_at: datetime,
    links: pa.Table | None = None,
    memory_limit: str = "2GB",
    resolver: Resolver = in_place,
    progress: Progress = QUIET,
) -> Snapshot:
    """Resolve everything that the datasets say into a new snapshot and make it the current one.

    ``links`` are of ``schema.LINKS``. Things keep the ids of the current snapshot. The same datasets on the
    same previous snapshot give the same bytes, whichever ``resolver`` does the work. One writer at a time:
    the archive's lock sees to that.

    Raises UsageError for links that break the schema, PhonothequeError when an engine fails (disk, memory).
    The current snapshot stays in use until the new one is durable.
    """
    name = manifest.stamp(made_at)
    catalogue_dir.mkdir(parents=True, exist_ok=True)
    for left_over in catalogue_dir.glob(".making-*"):  # of a run that was killed
        shutil.rmtree(left_over)
    remove_unfinished(catalogue_dir)
    work = Path(tempfile.mkdtemp(prefix=".making-", dir=catalogue_dir))
    try:
        folder = work / "snapshot"
        folder.mkdir()
        previous = manifest.current(catalogue_dir)
        sources = datasets(catalogue_dir)
        shared = {table: _link(folder, table, sources) for table in SHARED}
        with (
            explaining("making a snapshot", catalogue_dir),
            closing(
                connect(work / "work.duckdb", memory_limit=memory_limit, spill=work / "spill")
            ) as connection,
        ):
            engine = Engine(connection)
            engine.run("macros")
            progress.start("Reading facts")
            known.show(connection, folder, shared, sources, links)
            (work / "resolving").mkdir()
            merged = resolver(
                Unresolved(engine, folder, shared["facts"], work / "resolving", memory_limit, progress)
            )
            progress.start("Keeping the ids of the snapshot before")
            inheritance.inherit(engine, previous, shared["facts"])
            for script, what in _DESCRIBING:
                progress.start(what)
                engine.run(script)
            tables = _export_all(engine, folder, progress)
            snapshot = Snapshot(
                path=folder,
                made_at=made_at,
                previous=previous.stamp if previous else None,
                tables=tables | shared,
                sources=_sources(connection),
                merged=merged,
                unmatched_listens=engine.number(
                    "SELECT coalesce(sum(listens), 0)::BIGINT FROM counted WHERE cluster IS NULL"
                ),
            )
        manifest.write_sums(folder, snapshot)
        final = _give_name(folder, catalogue_dir, name)
        durable.write(catalogue_dir / manifest.CURRENT, f"{final.name}\n".encode())
    finally:
        shutil.rmtree(work)
    return manifest.read(final)


def _link(folder: Path, table: str, sources: Iterable[Dataset]) -> tuple[TableFile, ...]:
    """Give the datasets' parts of a table their place in a snapshot: other names of the same files."""
    parts: list[TableFile] = []
    for dataset in sources:
        for part in dataset.parts.get(table, ()):
            (folder / table).mkdir(exist_ok=True)
            file = f"{table}/{len(parts):05d}.parquet"
            try:
                os.link(dataset.path / part.file, folder / file)
            except PermissionError:  # a file system without links
                shutil.copyfile(dataset.path / part.file, folder / file)
                durable.fsync(folder / file)
            parts.append(TableFile(file, part.sha256, part.bytes, part.rows))
    if parts:
        durable.fsync(folder / table)
    return tuple(parts)


def _export_all(engine: Engine, folder: Path, progress: Progress) -> dict[str, tuple[TableFile, ...]]:
    progress.start("Writing the catalogue", total_files=len(MADE))
    tables: dict[str, tuple[TableFile, ...]] = {}
    for table in _ORDER:
        if table == "redirects":
            inheritance.redirect(engine, folder / "recordings.parquet")
        if table == "conflicts":
            view(engine.connection, "written_isrcs", folder / "isrcs.parquet")
            engine.run("conflicts")
        tables[table] = (_export(engine, table, folder, progress),)
    return tables


def _export(engine: Engine, table: str, folder: Path, progress: Progress) -> TableFile:
    path = folder / f"{table}.parquet"
    columns = ", ".join(MADE[table].names)
    query = f"SELECT {columns} FROM out_{table} ORDER BY {_ORDER[table]}"  # noqa: S608 — own names
    if table in LOOKED_UP:
        rows = engine.connection.sql(query).to_arrow_reader(paged.ROWS_PER_GROUP)
        with paged.writer(path, MADE[table]) as file:
            for group in paged.row_groups(MADE[table], rows):
                file.write_table(group, row_group_size=paged.ROWS_PER_GROUP)
    else:
        engine.connection.execute(
            f"COPY ({query}) TO {quoted(path)} (FORMAT parquet, PARQUET_VERSION v2, "
            f"COMPRESSION zstd, COMPRESSION_LEVEL 6, ROW_GROUP_SIZE {paged.ROWS_PER_GROUP})"
        )
    durable.fsync(path)
    size = path.stat().st_size
    progress.advance(files=1, size=size)
    return TableFile(path.name, manifest.hash_file(path), size, pq.read_metadata(path).num_rows)


def _sources(connection: duckdb.DuckDBPyConnection) -> tuple[SourceCount, ...]:
    rows = connection.execute(
        "SELECT source, count(DISTINCT accession), count(*) FROM fact GROUP BY source ORDER BY source"
    ).fetchall()
    return tuple(SourceCount(*row) for row in rows)


def _give_name(folder: Path, catalogue_dir: Path, name: str) -> Path:
    """Rename a finished folder to its stamp, or with -2, -3 … when that moment has one already."""
    final, again = catalogue_dir / name, 1
    while final.exists():
        again += 1
        final = catalogue_dir / f"{name}-{again}"
    durable.fsync(folder)
    folder.rename(final)
    durable.fsync(catalogue_dir)
    return final
