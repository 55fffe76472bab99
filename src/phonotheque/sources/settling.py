"""Putting the pieces of an import together: one dataset, in the order of the source, nothing in it twice.

A record whose id came before is left out whole, with all that it says; of other rows with one name, the first
is kept. Either is noted as a reject.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phonotheque.catalogue import datasets, durable
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import TableFile
from phonotheque.catalogue.schema import REJECTS
from phonotheque.sources.working import OF_RECORD, STATE, Rows, Told, batches_of, rows_of, told_pieces

_MEMORY = "1GB"
_ROWS = 100_000  # per batch of counts
_PLACE = pa.field("place", pa.int64())
_SCRATCH = "settling.duckdb"
_LEFT_OUT = "left-out"  # file of rejects, in the working folder, of what is left out here
# What names a row within its source.
_NAMES = {
    "records": ("kind", "record_id"),
    "facts": ("source_id",),
    "things": ("kind", "record_id"),
    "nonfree": ("kind", "record_id"),
}
_COUNTED = "recording_mbid, isrc, title, artist, source, as_of, title_key, people"

Places = NDArray[np.int64]  # of rows or records in the whole source, from 0, in ascending order


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The working folder, the pieces in it, and which records came before."""

    making: Path
    all: Sequence[Told]
    repeated: Places

    def told(self, table: str, columns: Iterable[str] | None = None) -> Iterator[Rows]:
        """Yield the rows of a table that records kept say, or no record, without the working column."""
        wanted = None if columns is None else [*columns, OF_RECORD]
        for part in rows_of(self.making, table, self.all, wanted):
            rows = part.rows
            if len(self.repeated):
                of_record = rows[OF_RECORD]
                places = of_record.fill_null(0).to_numpy() + np.int64(part.records_before)
                gone = _among(places, self.repeated) & of_record.is_valid().to_numpy(zero_copy_only=False)
                rows = rows.filter(pa.array(~gone))
            yield Rows(rows.drop_columns([OF_RECORD]), part.file, part.records_before)


def settle(catalogue_dir: Path, making: Path, dataset: Dataset) -> Dataset:
    """Make a dataset of the pieces in ``making`` and give it its place. OSError when the disk is full."""
    parts: dict[str, tuple[TableFile, ...]] = {}
    told = told_pieces(making)
    for left_over in making.glob(f"{_SCRATCH}*"):  # of a run that was killed: perhaps no database any more
        left_over.unlink()
    with (
        closing(connect(making / _SCRATCH, memory_limit=_MEMORY, spill=making / "spill")) as engine,
        _LeftOut(making / _LEFT_OUT, dataset) as left_out,
    ):
        repeated = _twice(engine, "records", rows_of(making, "records", told, _NAMES["records"]))
        kept = _without("records", rows_of(making, "records", told), repeated, left_out)
        parts["records"] = tuple(datasets.write_parts(making, "records", kept))
        pieces = _Pieces(making, told, repeated)
        for table in ("facts", "things", "nonfree"):
            twice = _twice(engine, table, pieces.told(table, _NAMES[table]))
            kept = _without(table, pieces.told(table), twice, left_out)
            parts[table] = tuple(datasets.write_parts(making, table, kept))
        parts["listens"] = tuple(datasets.write_parts(making, "listens", _counted(engine, pieces)))
    parts["rejects"] = tuple(datasets.write_parts(making, "rejects", _rejects(making, told)))
    finished = {part.file for files in parts.values() for part in files}
    (making / STATE).unlink()  # first: pieces some of whose files are gone are none to go on from
    durable.fsync(making)
    for path in making.iterdir():
        if path.name not in finished:
            path.rmdir() if path.is_dir() else path.unlink()
    return datasets.put(catalogue_dir, making, dataset, parts)


def _twice(engine: duckdb.DuckDBPyConnection, table: str, named: Iterable[Rows]) -> Places:
    """Return the places of rows whose name came before. They have no columns but those of the name."""
    names = ", ".join(_NAMES[table])
    fields = [field for field in datasets.SCHEMAS[table] if field.name in _NAMES[table]]
    schema = pa.schema([*fields, _PLACE])
    engine.register("incoming", pa.RecordBatchReader.from_batches(schema, _numbered(named)))
    engine.execute("CREATE OR REPLACE TABLE named AS FROM incoming")
    several = f"SELECT {names} FROM named GROUP BY ALL HAVING count(*) > 1"  # noqa: S608 — names of our own
    query = f"""
        SELECT place FROM named SEMI JOIN ({several}) USING ({names})
        QUALIFY row_number() OVER (PARTITION BY {names} ORDER BY place) > 1 ORDER BY place
    """  # noqa: S608 — names of our own
    found: Places = engine.sql(query).to_arrow_table()["place"].to_numpy()
    engine.execute("DROP TABLE named")
    return found


def _numbered(parts: Iterable[Rows]) -> Iterator[pa.RecordBatch]:
    first = 0
    for part in parts:
        places = pa.array(np.arange(first, first + part.rows.num_rows, dtype=np.int64))
        first += part.rows.num_rows
        yield part.rows.append_column(_PLACE, places)


def _without(
    table: str, parts: Iterable[Rows], twice: Places, left_out: _LeftOut
) -> Iterator[pa.RecordBatch]:
    """Yield rows but those at the places in ``twice``, which are noted as rejects."""
    first = 0
    for part in parts:
        rows = part.rows
        here = twice[np.searchsorted(twice, first) : np.searchsorted(twice, first + rows.num_rows)] - first
        first += rows.num_rows
        if len(here):
            left_out.note(table, part.file, rows.take(pa.array(here)))
            keep = np.ones(rows.num_rows, dtype=bool)
            keep[here] = False
            rows = rows.filter(pa.array(keep))
        if rows.num_rows:
            yield rows


def _counted(engine: duckdb.DuckDBPyConnection, pieces: _Pieces) -> Iterator[pa.RecordBatch]:
    """Add up the counts of all pieces, the largest first."""
    schema = datasets.SCHEMAS["listens"]
    counted = (part.rows for part in pieces.told("listens"))
    engine.register("incoming", pa.RecordBatchReader.from_batches(schema, counted))
    added = f"SELECT {_COUNTED}, sum(listens)::BIGINT AS listens FROM incoming GROUP BY ALL"  # noqa: S608 — likewise
    order = "listens DESC, recording_mbid, isrc, artist, title, as_of"
    counts = engine.sql(f"SELECT {', '.join(schema.names)} FROM ({added}) ORDER BY {order}")  # noqa: S608 — likewise
    for batch in counts.to_arrow_reader(_ROWS):
        yield batch.cast(schema)


def _rejects(making: Path, told: Sequence[Told]) -> Iterator[pa.RecordBatch]:
    for part in rows_of(making, "rejects", told):
        yield part.rows
    yield from batches_of(making / _LEFT_OUT)


def _among(places: Places, sought: Places) -> NDArray[np.bool_]:
    """Tell of each place whether it is one of those sought, of which there is one at least."""
    nearest = np.minimum(np.searchsorted(sought, places), len(sought) - 1)
    found: NDArray[np.bool_] = sought[nearest] == places
    return found


class _LeftOut:
    """Notes, on the disk, what is left out because it came before."""

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self._files = [file.name for file in dataset.files]
        self._common = {"source": dataset.source, "accession": dataset.accession}
        self._writer = pa.ipc.new_file(path, REJECTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._writer.close()

    def note(self, table: str, file: int, rows: pa.RecordBatch) -> None:
        common = self._common | {"file": self._files[file]}
        told = rows.select(dict.fromkeys([*_NAMES[table], "record_id"])).to_pylist()
        rejects = [common | _reason(table, row) for row in told]
        self._writer.write_batch(pa.RecordBatch.from_pylist(rejects, schema=REJECTS))


def _reason(table: str, row: Mapping[str, str]) -> dict[str, str]:
    of = {"record_id": row["record_id"]}
    if table == "records":
        return of | {"scope": "record", "reason": f"this {row['kind']} came before: the first is kept"}
    if table == "facts":
        reason = "another track of this id came before: the first is kept"
        return of | {"scope": "value", "field": "source_id", "value": row["source_id"], "reason": reason}
    what = "part under other terms" if table == "nonfree" else "description"
    reason = f"another {what} of this {row['kind']} came before: the first is kept"
    return of | {"scope": "value", "field": "kind", "value": row["kind"], "reason": reason}
