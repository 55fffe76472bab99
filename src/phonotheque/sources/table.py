"""Anybody's table: CSV, TSV, Parquet or JSON lines, with a small mapping. See docs/how-to/add-a-table.md."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from phonotheque.catalogue.streaming import parquet_file
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.cutting import PACKED, explaining_breaks, lines, unpacked
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece
from phonotheque.sources.table_csv import (
    BadRowError,
    Records,
    Row,
    batches,
    header_of,
    named_fields,
    text_of,
)
from phonotheque.sources.table_mapping import Mapping, checked_mapping, mapping_file, read_mapping
from phonotheque.sources.table_rows import read_row

_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_GIVE = "a file that ends in .csv, .tsv, .parquet or .jsonl (the texts also with .gz, .xz, .bz2 or .zst)"
_BROKEN_PARQUET = (
    (pa.ArrowException,),
    "the Parquet file is damaged",
    "Write it again; what was read is kept.",
)
_PARQUET_ROWS = 10_000
_LOOKED_AT = 10_000  # lines of JSON whose keys are taken for the columns
_PIECE = 1 << 20
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvRows:
    """Rows of CSV or TSV."""

    mapping: Mapping
    header: tuple[str, ...]
    delimiter: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Whole lines of JSON, the first of them with this number."""

    mapping: Mapping
    first: int
    text: bytes


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """Rows of Parquet, the first of them with this number."""

    mapping: Mapping
    first: int
    batch: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class Table:
    """The source ``table``."""

    name: str = "table"
    summary: str = (
        "a table (CSV, TSV, Parquet, JSON lines), with FILE.mapping.toml to say what its columns are"
    )

    def files(self, location: Path) -> list[Path]:
        """Return the mapping, if any, and the table. Raises UsageError if one does not fit the other."""
        _regular(location)
        mapping = read_mapping(location)
        checked_mapping(location, mapping, _columns(location, mapping))
        written = mapping_file(location)
        return [*([written] if written else []), location]

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut the table into runs of rows. The mapping has none: it comes with each run."""
        if file != location:
            return
        mapping = read_mapping(file)
        mapping = checked_mapping(file, mapping, _columns(file, mapping))
        match _kind(file):
            case "parquet":
                yield from _parquet(file, mapping)
            case "jsonl":
                yield from _json(file, mapping)
            case kind:
                yield from _csv(file, mapping, mapping.delimiter or _DELIMITERS[kind])

    def read(self, piece: Piece, gather: Gather) -> None:
        """Keep each row, and give the track and the listens in it."""
        match piece.content:
            case CsvRows() as content:
                _read_csv(content, gather)
            case JsonLines() as content:
                _read_json(content, gather)
            case ParquetRows() as content:
                _read_parquet(content, gather)
        gather.position = gather.record_id = None

    def audio(self, location: Path) -> list[Path]:
        """Return nothing: a table has no audio. A folder of music is added by itself."""
        return []


SOURCE = Table()
_DELIMITERS = {"csv": ",", "tsv": "\t"}


def _csv(file: Path, mapping: Mapping, delimiter: str) -> Iterator[Piece]:
    with unpacked(file) as stream:
        reader = Records(stream, delimiter)
        records = iter(reader)
        header = header_of(file, next(records, None), delimiter)
        reader.expected = len(header)
        for number, rows in enumerate(batches(records, size=_PIECE)):
            yield Piece(file, number, "row", rows[0].line, CsvRows(mapping, header, delimiter, rows))


def _read_csv(content: CsvRows, gather: Gather) -> None:
    for row in content.rows:
        gather.position, gather.record_id = row.line, None
        try:
            fields = named_fields(row, content.header, content.delimiter)
        except BadRowError as error:
            gather.reject("record", str(error), value=row.raw.decode("utf-8", "replace"))
        else:
            read_row(fields, content.mapping, text_of(row), gather)


def _json(file: Path, mapping: Mapping) -> Iterator[Piece]:
    with unpacked(file) as stream:
        for number, (first, text) in enumerate(lines(stream, size=_PIECE)):
            yield Piece(file, number, "row", first, JsonLines(mapping, first, text))


def _read_json(content: JsonLines, gather: Gather) -> None:
    for number, line in enumerate(content.text.split(b"\n"), start=content.first):
        if not line.strip():
            continue
        gather.position, gather.record_id = number, None
        try:
            text = line.decode()
            row = _object(line.removeprefix(_MARK) if number == 1 else line)
        except ValueError as error:
            gather.reject("record", f"is not valid JSON: {error}", value=line.decode("utf-8", "replace"))
            continue
        if isinstance(row, dict):
            read_row(row, content.mapping, text, gather)
        else:
            gather.reject("record", "is no JSON object", value=text)


def _parquet(file: Path, mapping: Mapping) -> Iterator[Piece]:
    first = 1
    with explaining_breaks(file, *_BROKEN_PARQUET), parquet_file(file) as table:
        for number, batch in enumerate(table.iter_batches(_PARQUET_ROWS)):
            yield Piece(file, number, "row", first, ParquetRows(mapping, first, batch))
            first += batch.num_rows


def _read_parquet(content: ParquetRows, gather: Gather) -> None:
    batch = _without_times(content.batch)
    for index in range(batch.num_rows):
        gather.position, gather.record_id = content.first + index, None
        try:
            (row,) = batch.slice(index, 1).to_pylist()
            raw = msgspec.json.encode(row).decode()
        except (ValueError, TypeError) as error:  # texts that are no UTF-8, times that Python cannot hold
            gather.reject("record", f"cannot be read: {error}")
        else:
            read_row(row, content.mapping, raw, gather)


def _without_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with dates and times as ISO 8601 texts: Python's own hold no nanoseconds, no year 0."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_temporal(field.type) and not pa.types.is_duration(field.type):
            batch = batch.set_column(index, field.name, batch.column(index).cast(pa.string()))
    return batch


def _columns(file: Path, mapping: Mapping | None) -> list[str]:
    """Return the names of a table's columns. Raises UsageError for what is no such table."""
    kind = _kind(file)
    if kind == "parquet":
        try:
            with parquet_file(file) as table:
                return list(table.schema_arrow.names)
        except pa.ArrowException as error:
            raise UsageError(f"{file} is no Parquet file, or damaged: {error}.", "Write it again.") from error
    with unpacked(file) as stream:
        if kind == "jsonl":
            found: dict[str, None] = {}
            for line in islice(_each_line(stream), _LOOKED_AT):
                found.update(dict.fromkeys(line))
            return list(found)
        delimiter = (mapping.delimiter if mapping else None) or _DELIMITERS[kind]
        return list(header_of(file, next(iter(Records(stream, delimiter)), None), delimiter))


def _each_line(stream: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects among the lines of the first piece; what is none is rejected when it is read."""
    for first, text in islice(lines(stream, size=_PIECE), 1):
        for line in (text.removeprefix(_MARK) if first == 1 else text).split(b"\n"):
            try:
                row = _object(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _object(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _kind(file: Path) -> str:
    name = file.name.lower()
    packed = next((suffix for suffix in PACKED if name.endswith(suffix)), "")
    kind = _KINDS.get(os.path.splitext(name.removesuffix(packed))[1])
    if kind is None or (packed and kind == "parquet"):
        raise UsageError(f"{file} is no table that can be read.", f"Give {_GIVE}.")
    return kind


def _regular(file: Path) -> None:
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{file} does not exist.", f"Give {_GIVE}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{file} is not a file.", f"Give {_GIVE}.")
