"""The working folder of an import: what each piece said, as small files, and under which accession.

A piece has the number of its file and its own for a name, so that names are in the order of the source. Of
each row it is known which record of its piece says so, in a column more than the table has.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from phonotheque.catalogue import durable

STATE = "reading.json"  # there while the folder's pieces can be gone on from
OF_RECORD = (
    "of_record"  # place, among the records of the piece, of the one that says a row; null if none does
)
_PACKED = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, slots=True)
class Begun:
    """The accession that a source is taken in under, and when that began (ISO 8601)."""

    accession: str
    taken_at: str


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


def stem_of(file: int, piece: int | None = None) -> str:
    """Return the name of a piece, or of what is said of the whole file: this comes after its pieces."""
    return f"{file:07d}-{'own' if piece is None else f'{piece:07d}'}"


def write_piece(
    making: Path, stem: str, tables: Mapping[str, pa.Table], of_records: Mapping[str, pa.Array]
) -> None:
    """Write the tables that have rows. The piece counts once it is finished."""
    for name, table in tables.items():
        path = making / f"{stem}.{name}"
        path.unlink(missing_ok=True)  # what an interrupted run had to say may no longer be so
        if name in of_records:
            table = table.append_column(OF_RECORD, of_records[name])
        if table.num_rows:
            with pa.ipc.new_file(path, table.schema, options=_PACKED) as writer:
                writer.write_table(table)
            durable.fsync(path)


def finish_piece(making: Path, stem: str) -> None:
    """Note, durably, that all tables of a piece are there and are right."""
    durable.write(making / f"{stem}.done", b"")


def finished(making: Path, stem: str) -> bool:
    """Whether a piece need not be read again."""
    return (making / f"{stem}.done").exists()


def forget_file(making: Path, file: int) -> None:
    """Remove all pieces of a file."""
    for mark_first in (".done", ""):
        for path in making.glob(f"{file:07d}-*{mark_first}"):
            path.unlink()


def read_table(making: Path, stem: str, table: str) -> pa.Table:
    """Return a piece's table as it lies on the disk, without the working column."""
    with _opened(making / f"{stem}.{table}") as reader:
        rows = reader.read_all()
    return rows.drop_columns(OF_RECORD) if OF_RECORD in rows.column_names else rows


def records_before(making: Path) -> dict[str, int]:
    """Return, for each finished piece, how many records the pieces before it have."""
    before, total = {}, 0
    for done in sorted(making.glob("[0-9]*.done")):
        before[done.stem] = total
        path = done.with_suffix(".records")
        if path.exists():
            for batch in batches_of(path, ["source"]):
                total += batch.num_rows
    return before


def rows_of(
    making: Path, table: str, before: Mapping[str, int], columns: Sequence[str] | None = None
) -> Iterator[Rows]:
    """Yield the rows of a table, piece by piece, in the order of the source; some ``columns``, or all.

    ``before`` is what ``records_before`` returned: files of a piece that is not in it are what a worker left
    when it was killed.
    """
    for stem, records in before.items():
        path = making / f"{stem}.{table}"
        if path.exists():
            for batch in batches_of(path, columns):
                yield Rows(batch, int(stem.partition("-")[0]), records)


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


def _state(making: Path) -> dict[str, Any]:
    try:
        state = json.loads((making / STATE).read_bytes())
    except (FileNotFoundError, ValueError):  # another version's is none to go on from, either
        return {}
    return state if isinstance(state, dict) else {}
