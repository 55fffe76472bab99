"""The working folder of an import: what each piece said, and under which accession.

A piece has the number of its file and its own for a name, so that names are in the order of the source.
Pieces that are read together lie together: a file of each table, named like the first piece, with a batch for
each piece that has rows; and a mark, written last, that lists the pieces. So a million small files need no
million syncs. Of each row it is known which record of its piece says so, in a column more than the table has.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from phonotheque.catalogue import durable

STATE = "reading.json"  # there while the folder's pieces can be gone on from
# Place, among the records of the piece, of the one that says a row; null if none does.
OF_RECORD = "of_record"
_MARK = ".done"
_PACKED = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, slots=True)
class Begun:
    """The accession that a source is taken in under, and when that began (ISO 8601)."""

    accession: str
    taken_at: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one piece says: the tables, and for some of them the record that says each row."""

    stem: str
    tables: Mapping[str, pa.Table]
    of_records: Mapping[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Told:
    """A finished piece: the first of those that it lies with, and how many rows each of its tables has."""

    stem: str
    together: str
    rows: Mapping[str, int]
    records_before: int  # of all pieces before it

    @property
    def file(self) -> int:
        """The number of its file."""
        return int(self.stem.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a piece, the number of its file, and how many records came before the piece."""

    rows: pa.RecordBatch
    file: int
    records_before: int


def interrupted(making: Path) -> Begun | None:
    """Return what the import was begun as whose pieces are in this folder; None if it cannot go on."""
    match _state(making).get("begun"):
        case {"accession": str(accession), "taken_at": str(taken_at)}:
            return Begun(accession, taken_at)
    return None


def start(making: Path, begun: Begun, location: str) -> None:
    """Make the folder, empty, for an import that begins."""
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(parents=True)
    state = {"location": location, "begun": asdict(begun)}
    durable.write(making / STATE, json.dumps(state).encode())


def remove_left_over(making: Path, location: str, *, keep: bool) -> None:
    """Remove the folders of this source that nothing will go on from: of this location, or without a state.

    ``making`` itself only if it is not to be kept. All folders of a source have names of one length; longer
    ones are of other sources.
    """
    for path in making.parent.glob(f"{making.name.rpartition('-')[0]}-*"):
        if len(path.name) != len(making.name) or (keep and path == making):
            continue
        if _state(path).get("location") in (None, location):
            shutil.rmtree(path)


def stem_of(file: int, piece: int) -> str:
    """Return the name of a piece."""
    return f"{file:07d}-{piece:07d}"


def write_pieces(making: Path, pieces: Sequence[Said]) -> None:
    """Write what consecutive pieces say. They count once they are finished.

    What was read together with the first of them before counts no more.
    """
    forget(making, pieces[0].stem)
    for name in pieces[0].tables:
        path = making / f"{pieces[0].stem}.{name}"
        path.unlink(missing_ok=True)  # what an interrupted run had to say may no longer be so
        tables = [_with_records(piece, name) for piece in pieces if piece.tables[name].num_rows]
        if tables:
            with pa.ipc.new_file(path, tables[0].schema, options=_PACKED) as writer:
                for table in tables:
                    (batch,) = table.combine_chunks().to_batches()
                    writer.write_batch(batch)
            durable.fsync(path)


def finish_pieces(making: Path, pieces: Sequence[Said]) -> None:
    """Note, durably, that all tables of these pieces are there and are right."""
    told = [[piece.stem, {name: table.num_rows for name, table in piece.tables.items()}] for piece in pieces]
    durable.write(making / f"{pieces[0].stem}{_MARK}", json.dumps(told).encode())


def told_pieces(making: Path) -> list[Told]:
    """Return the finished pieces, in the order of the source.

    What else is there a worker left when it was killed.
    """
    told, records = [], 0
    for mark in sorted(making.glob(f"*{_MARK}")):
        for stem, rows in json.loads(mark.read_bytes()):
            told.append(Told(stem, mark.stem, rows, records))
            records += rows["records"]
    return told


def forget(making: Path, together: str) -> None:
    """Take pieces that lie together for unread, if they were read. Their tables are none without the mark."""
    mark = making / f"{together}{_MARK}"
    if mark.exists():
        mark.unlink()
        durable.fsync(making)


def forget_files(making: Path, files: Collection[int]) -> None:
    """Take all pieces of these files for unread, and what lies with them."""
    for together in {piece.together for piece in told_pieces(making) if piece.file in files}:
        forget(making, together)


def read_table(making: Path, together: str, table: str) -> pa.Table:
    """Return a table of pieces that lie together, as it is on the disk, without the working column."""
    with _opened(making / f"{together}.{table}") as reader:
        rows = reader.read_all()
    return rows.drop_columns(OF_RECORD) if OF_RECORD in rows.column_names else rows


def rows_of(
    making: Path, table: str, told: Iterable[Told], columns: Sequence[str] | None = None
) -> Iterator[Rows]:
    """Yield the rows of a table, piece by piece, in the order of the source; some ``columns``, or all."""
    for together, pieces in groupby(told, lambda piece: piece.together):
        having = [piece for piece in pieces if piece.rows[table]]
        if having:
            batches = batches_of(making / f"{together}.{table}", columns)
            for piece, batch in zip(having, batches, strict=True):
                yield Rows(batch, piece.file, piece.records_before)


def batches_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows in a file of these, or some of their columns."""
    with _opened(path) as reader:
        fields = None if columns is None else sorted(reader.schema.get_field_index(name) for name in columns)
    with _opened(path, fields) as reader:
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


@contextmanager
def _opened(path: Path, fields: list[int] | None = None) -> Iterator[pa.ipc.RecordBatchFileReader]:
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    with pa.OSFile(os.fspath(path)) as stream, pa.ipc.open_file(stream, options=options) as reader:
        yield reader


def _with_records(piece: Said, name: str) -> pa.Table:
    table = piece.tables[name]
    return table.append_column(OF_RECORD, piece.of_records[name]) if name in piece.of_records else table


def _state(making: Path) -> dict[str, Any]:
    try:
        state = json.loads((making / STATE).read_bytes())
    except (FileNotFoundError, ValueError):  # another version's is none to go on from, either
        return {}
    return state if isinstance(state, dict) else {}
