"""Writing a catalogue snapshot: facts in, immutable Parquet tables out, and a pointer moved last."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from phonotheque.catalogue import durable, manifest
from phonotheque.catalogue.engine import connect, explaining, quoted, run_script
from phonotheque.catalogue.manifest import Snapshot, SourceCount, TableFile
from phonotheque.catalogue.normalise import NORMAL_FACTS, checked_links, normal_facts, normal_listens
from phonotheque.catalogue.resolve import resolve
from phonotheque.catalogue.schema import TABLES
from phonotheque.model.progress import QUIET, Progress

_PREVIOUS = ("recordings", "tracks", "releases", "artists", "redirects")
# The columns by which a table's rows are ordered; together they decide the order entirely.
_ORDER = {
    "artists": "artist",
    "releases": "release",
    "recordings": "recording",
    "tracks": "track",
    "credits": "artist, recording",
    "isrcs": "isrc, recording",
    "files": "sha256, track",
    "listens": "recording, source",
    "sources": "track, source, source_id, accession, raw",
    "redirects": "kind, old_id",
    "conflicts": "kind, evidence, recording_a, recording_b",
}


def write_snapshot(
    catalogue_dir: Path,
    facts: Iterable[pa.RecordBatch],
    *,
    links: pa.Table,
    listens: pa.Table,
    made_at: datetime,
    memory_limit: str = "2GB",
    progress: Progress = QUIET,
) -> Snapshot:
    """Resolve all known facts into a new snapshot and make it the current one.

    ``facts`` are batches of ``schema.TRACK_FACTS`` (everything each source knows, in any order), ``links`` of
    ``LINKS``, ``listens`` of ``LISTENS``. Things keep the ids of the current snapshot. The same input on the
    same previous snapshot gives the same bytes. One writer at a time: the archive's lock sees to that.

    Raises UsageError for facts that break the schema, PhonothequeError when the engine fails (disk, memory).
    The current snapshot stays in use until the new one is durable.
    """
    name = manifest.stamp(made_at)
    catalogue_dir.mkdir(parents=True, exist_ok=True)
    for left_over in catalogue_dir.glob(".making-*"):  # of a run that was killed
        shutil.rmtree(left_over)
    work = Path(tempfile.mkdtemp(prefix=".making-", dir=catalogue_dir))
    try:
        folder = work / "snapshot"
        folder.mkdir()
        previous = manifest.current(catalogue_dir)
        with (
            explaining("making a snapshot", catalogue_dir),
            closing(
                connect(work / "work.duckdb", memory_limit=memory_limit, spill=work / "spill")
            ) as connection,
        ):
            _load(connection, facts, links, listens, previous, progress)
            progress.start("Resolving recordings")
            merged = resolve(connection)
            _describe(connection)
            progress.start("Writing the catalogue", total_files=len(TABLES))
            tables = {table: _export(connection, table, folder, progress) for table in TABLES}
            snapshot = Snapshot(
                path=folder,
                made_at=made_at,
                previous=previous.stamp if previous else None,
                tables=tables,
                sources=_sources(connection),
                merged=merged,
                unmatched_listens=_unmatched(connection),
            )
        manifest.write_sums(folder, snapshot)
        final = _give_name(folder, catalogue_dir, name)
        durable.write(catalogue_dir / manifest.CURRENT, f"{final.name}\n".encode())
    finally:
        shutil.rmtree(work)
    return manifest.read(final)


def _load(
    connection: duckdb.DuckDBPyConnection,
    facts: Iterable[pa.RecordBatch],
    links: pa.Table,
    listens: pa.Table,
    previous: Snapshot | None,
    progress: Progress,
) -> None:
    """Bring everything into the working database: staged, link, listen, previous_*."""
    run_script(connection, "macros")
    _store(connection, "staged", pa.Table.from_batches([], schema=NORMAL_FACTS))
    progress.start("Reading facts")
    for batch in facts:
        connection.register("batch", pa.Table.from_batches([normal_facts(batch)]))
        connection.execute("INSERT INTO staged SELECT * FROM batch")
        connection.unregister("batch")
        progress.advance(files=batch.num_rows)
    _store(connection, "link", checked_links(links))
    _store(connection, "listen", normal_listens(listens))
    for table in _PREVIOUS:
        if previous:
            path = quoted(previous.table(table))
            connection.execute(f"CREATE VIEW previous_{table} AS FROM read_parquet({path})")
        else:
            _store(connection, f"previous_{table}", TABLES[table].empty_table())


def _store(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("incoming", table)
    connection.execute(f"CREATE TABLE {name} AS FROM incoming")
    connection.unregister("incoming")


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    """From clusters to the tables of a snapshot."""
    for script in (
        "identify",
        "listens",
        "artists",
        "releases",
        "recordings",
        "redirects",
        "conflicts",
        "outputs",
    ):
        run_script(connection, script)


def _export(connection: duckdb.DuckDBPyConnection, table: str, folder: Path, progress: Progress) -> TableFile:
    path = folder / f"{table}.parquet"
    connection.execute(
        f"COPY (FROM out_{table} ORDER BY {_ORDER[table]}) TO {quoted(path)} "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
    )
    durable.fsync(path)
    row = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    assert row is not None
    size = path.stat().st_size
    progress.advance(files=1, size=size)
    return TableFile(path.name, manifest.hash_file(path), size, int(row[0]))


def _sources(connection: duckdb.DuckDBPyConnection) -> tuple[SourceCount, ...]:
    rows = connection.execute(
        "SELECT source, count(DISTINCT accession), count(*) FROM staged GROUP BY source ORDER BY source"
    ).fetchall()
    return tuple(SourceCount(*row) for row in rows)


def _unmatched(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT coalesce(sum(listens), 0) FROM counted WHERE cluster IS NULL").fetchone()
    assert row is not None
    return int(row[0])


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
