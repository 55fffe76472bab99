"""Putting the pieces of an import together: one dataset, in the order of the source, without ids that came
before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phonotheque.catalogue import datasets, durable
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import TableFile

STATE = "reading.json"  # in the working folder, while its pieces can be gone on from
_MEMORY = "1GB"
# What names a row within its source: a second one of that name is left out.
_UNIQUE = {
    "facts": "source_id",
    "things": "kind, record_id",
    "records": "kind, record_id",
    "nonfree": "kind, record_id",
}
_COUNTED = "recording_mbid, isrc, title, artist, source, as_of, title_key, people"


def settle(catalogue_dir: Path, making: Path, dataset: Dataset) -> Dataset:
    """Make a dataset of the pieces in ``making`` and give it its place. OSError when the disk is full.

    Records whose id came before are left out, with what they say, and noted as rejects.
    """
    parts: dict[str, tuple[TableFile, ...]] = {}
    again: list[pa.RecordBatch] = []
    with closing(connect(making / "settling.duckdb", memory_limit=_MEMORY, spill=making / "spill")) as engine:
        for table in ("records", "facts", "things", "nonfree"):
            twice = _twice(engine, making, table)
            kept = _without(making, table, twice, again if table == "records" else None)
            parts[table] = tuple(datasets.write_parts(making, table, kept))
        parts["listens"] = tuple(datasets.write_parts(making, "listens", _counted(engine, making)))
    rejects = (
        batch for batches in (_batches(making, "rejects"), _rejected(dataset, again)) for batch in batches
    )
    parts["rejects"] = tuple(datasets.write_parts(making, "rejects", rejects))
    finished = {part.file for files in parts.values() for part in files}
    (making / STATE).unlink()  # first: pieces some of whose files are gone are none to go on from
    durable.fsync(making)
    for path in making.iterdir():
        if path.name not in finished:
            path.rmdir() if path.is_dir() else path.unlink()
    return datasets.put(catalogue_dir, making, dataset, parts)


def _batches(making: Path, table: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table, piece by piece, in the order of the source.

    Files of a piece that is not done are what a worker left when it was killed.
    """
    for path in sorted(making.glob(f"[0-9]*.{table}")):
        if not path.with_suffix(".done").exists():
            continue
        with pa.OSFile(str(path)) as stream, pa.ipc.open_file(stream) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _register(engine: duckdb.DuckDBPyConnection, making: Path, table: str) -> None:
    schema = datasets.SCHEMAS[table]
    engine.register("incoming", pa.RecordBatchReader.from_batches(schema, _batches(making, table)))


def _twice(engine: duckdb.DuckDBPyConnection, making: Path, table: str) -> NDArray[np.int64]:
    """Return the places, in ascending order, of rows whose name came before."""
    named = _UNIQUE[table]
    _register(engine, making, table)
    rows = f"SELECT row_number() OVER () - 1 AS place, {named} FROM incoming"  # noqa: S608 — names of our own
    engine.execute(f"CREATE OR REPLACE TABLE named AS {rows}")
    several = f"SELECT {named} FROM named GROUP BY ALL HAVING count(*) > 1"  # noqa: S608
    query = f"""
        SELECT place FROM named SEMI JOIN ({several}) USING ({named})
        QUALIFY row_number() OVER (PARTITION BY {named} ORDER BY place) > 1 ORDER BY place
    """  # noqa: S608
    found: NDArray[np.int64] = engine.sql(query).to_arrow_table()["place"].to_numpy()
    engine.execute("DROP TABLE named")
    return found


def _without(
    making: Path, table: str, twice: NDArray[np.int64], left_out: list[pa.RecordBatch] | None
) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in _batches(making, table):
        here = twice[np.searchsorted(twice, first) : np.searchsorted(twice, first + batch.num_rows)] - first
        first += batch.num_rows
        if len(here):
            keep = np.ones(batch.num_rows, dtype=bool)
            keep[here] = False
            if left_out is not None:
                left_out.append(batch.take(pa.array(here)).select(["kind", "record_id"]))
            batch = batch.filter(pa.array(keep))
        if batch.num_rows:
            yield batch


def _counted(engine: duckdb.DuckDBPyConnection, making: Path) -> Iterator[pa.RecordBatch]:
    """Add up the counts of all pieces, the largest first."""
    _register(engine, making, "listens")
    columns = ", ".join(datasets.SCHEMAS["listens"].names)
    added = f"SELECT {_COUNTED}, sum(listens)::BIGINT AS listens FROM incoming GROUP BY ALL"  # noqa: S608
    order = "listens DESC, recording_mbid, isrc, artist, title, as_of"
    counts = engine.sql(f"SELECT {columns} FROM ({added}) ORDER BY {order}")  # noqa: S608
    for batch in counts.to_arrow_reader(datasets.ROWS_PER_GROUP):
        yield batch.cast(datasets.SCHEMAS["listens"])


def _rejected(dataset: Dataset, left_out: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    common = {"source": dataset.source, "accession": dataset.accession, "file": "", "scope": "record"}
    for batch in left_out:
        rows = [
            common | {"record_id": record_id, "reason": f"this {kind} came before: the first is kept"}
            for kind, record_id in zip(*batch.to_pydict().values(), strict=True)
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=datasets.SCHEMAS["rejects"])
