"""Cutting CSV and TSV into their records, byte for byte, as Python's csv module sees them (RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from phonotheque.model.errors import UsageError
from phonotheque.sources.cutting import PIECE

_LONGEST_LINE = 8 << 20  # bytes; a longer line comes in parts, none of which has the right number of fields
_MOST_LINES = 10_000  # of one record: what stands after a quote that nobody closed is no record
_MOST_BYTES = 16 << 20  # likewise
_ROWS = 20_000
csv.field_size_limit(4 << 20)  # characters; for the whole process, which reads no other CSV


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: the number of its first line, from 1, and its bytes, the line end included."""

    line: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive records, with what is needed to read them."""

    header: tuple[str, ...]
    delimiter: str
    rows: tuple[Row, ...]


class BadRowError(ValueError):
    """A record that cannot be read, and why."""


class Records:
    """An iterator over the records of a stream. A quote that is not closed costs its own line only.

    Set ``expected`` to the number of fields of a record, once it is known: a record of several lines that has
    another number is a line whose quote is not closed, and those after it are read again.
    """

    def __init__(self, stream: IO[bytes], delimiter: str = ",") -> None:
        self.expected: int | None = None
        self._stream = stream
        self._line = 0  # the last one given to the csv module
        self._again: list[bytes] = []  # lines to be given once more, last first
        self._taken: list[bytes] = []
        self._held = 0  # bytes in them
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[Row]:
        reader = self._reader()
        while True:
            self._taken, self._held = [], 0
            try:
                fields = len(next(reader))
                if self.expected is not None and fields != self.expected and len(self._taken) > 1:
                    self._give_back()
            except StopIteration:
                return
            except csv.Error:
                self._give_back()
                reader = self._reader()
            if self._taken:
                yield Row(self._line - len(self._taken) + 1, b"".join(self._taken))

    def _give_back(self) -> None:
        """Leave the first line alone: those after it were swallowed by its open quote."""
        self._again += reversed(self._taken[1:])
        self._line -= len(self._taken) - 1
        del self._taken[1:]

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=False)

    def _lines(self) -> Iterator[str]:
        while True:
            line = self._again.pop() if self._again else self._stream.readline(_LONGEST_LINE)
            if not line:
                if len(self._taken) > 1:
                    raise csv.Error("a quote is not closed before the end of the file")
                return
            if len(self._taken) == _MOST_LINES or self._held > _MOST_BYTES:
                self._again.append(line)
                raise csv.Error("a quote is not closed within many lines")
            self._taken.append(line)
            self._held += len(line)
            self._line += 1
            yield line.decode("latin-1")  # any bytes: commas, quotes and line ends are those of UTF-8


def batches(records: Iterator[Row], *, size: int = PIECE) -> Iterator[tuple[Row, ...]]:
    """Yield runs of rows, of about ``size`` bytes each. Blank lines are left out."""
    run: list[Row] = []
    held = 0
    for row in records:
        if not row.raw.strip(b"\r\n"):
            continue
        run.append(row)
        held += len(row.raw)
        if held >= size or len(run) == _ROWS:
            yield tuple(run)
            run, held = [], 0
    if run:
        yield tuple(run)


def header_of(path: Path, row: Row | None, delimiter: str = ",") -> tuple[str, ...]:
    """Return the names in a header. Raises UsageError for what is no UTF-8 or empty."""
    if row is None:
        raise UsageError(f"{path} is empty.", "Give a table whose first line names its columns.")
    try:
        names = tuple(fields_of(row, delimiter))
        if any("\0" in name for name in names):
            raise BadRowError("has NUL characters: it may be UTF-16")
        return names
    except BadRowError as error:
        raise UsageError(
            f"{path}: the first line, with the names of the columns, {error}.",
            "Save the table in UTF-8 with ordinary line ends, for example with iconv -f LATIN1 -t UTF-8.",
        ) from error


def fields_of(row: Row, delimiter: str = ",") -> list[str]:
    """Return the fields of a row, in UTF-8, with or without a mark. Raises BadRowError saying why not."""
    raw = row.raw.removeprefix(b"\xef\xbb\xbf") if row.line == 1 else row.raw
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadRowError(f"is not UTF-8 at its byte {error.start + 1}") from error
    try:
        return next(csv.reader(_lines_of(text), delimiter=delimiter))
    except csv.Error as error:
        raise BadRowError(f"cannot be taken apart: {error}") from error


def named_fields(row: Row, header: Sequence[str], delimiter: str = ",") -> dict[str, str]:
    """Return a row's fields by the names in the header. Raises BadRowError if there are fewer or more."""
    fields = fields_of(row, delimiter)
    if len(fields) != len(header):
        raise BadRowError(f"has {len(fields)} fields, where the header has {len(header)}")
    return dict(zip(header, fields, strict=True))


def text_of(row: Row) -> str:
    """Return a row as it came, its line end included; its encoding was checked before."""
    return row.raw.decode()


def _lines_of(text: str) -> Iterator[str]:
    """Split after line feeds only: carriage returns are the csv module's affair."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
    raise csv.Error("a quote is not closed")  # else nobody asks for another line
