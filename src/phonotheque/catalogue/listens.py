"""Reading listen counts from a CSV file whose first line names its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from phonotheque.catalogue.normalise import listen_keys
from phonotheque.catalogue.schema import LISTENS
from phonotheque.model.errors import UsageError
from phonotheque.model.identifiers import parse_isrc, parse_mbid
from phonotheque.model.text import nfc

_LONGEST_LINE = 64 * 1024  # characters; more is no line of counts
_MOST_LISTENS = 2**53
_BATCH = 100_000


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that was left out: its number in the file (from 1), the field, and what was wrong."""

    line: int
    field: str
    reason: str


class _RejectedError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def read_listens_csv(path: Path, *, source: str, as_of: str) -> tuple[pa.Table, list[Reject]]:
    """Read counts into a table of ``schema.LISTENS``, and say which lines were left out and why.

    The header names the columns, in any order: ``listens``, and ``isrc``, ``recording_mbid`` or ``title``
    with ``artist``; others are ignored. RFC 4180 in UTF-8, one record a line. Raises UsageError when the
    header lacks what is needed, OSError when the file cannot be read.
    """
    rejects: list[Reject] = []
    batches: list[pa.RecordBatch] = []
    rows: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        lines = _lines(stream, rejects)
        columns = _header(path, next(lines, (1, ""))[1])
        for number, line in lines:
            try:
                rows.append(_row(columns, line) | {"source": source, "as_of": as_of})
            except _RejectedError as rejected:
                rejects.append(Reject(number, rejected.field, rejected.reason))
            if len(rows) == _BATCH:
                batches.append(pa.RecordBatch.from_pylist(rows, schema=LISTENS))
                rows = []
    batches.append(pa.RecordBatch.from_pylist(rows, schema=LISTENS))
    return pa.Table.from_batches(batches, schema=LISTENS), sorted(rejects, key=lambda reject: reject.line)


def _lines(stream: io.BufferedReader, rejects: list[Reject]) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that are text; report those that are not."""
    number = 0
    while raw := stream.readline(_LONGEST_LINE):
        number += 1
        complete = raw.endswith(b"\n") or len(raw) < _LONGEST_LINE
        while not complete:
            rest = stream.readline(_LONGEST_LINE)
            complete = rest.endswith(b"\n") or len(rest) < _LONGEST_LINE
            raw = b""
        if not raw:
            rejects.append(Reject(number, "", f"longer than {_LONGEST_LINE} bytes"))
            continue
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            rejects.append(Reject(number, "", f"is not UTF-8 at byte {error.start + 1}"))
            continue
        if text.strip():
            yield number, text


def _header(path: Path, line: str) -> list[str]:
    try:
        columns = [name.strip().lower() for name in _split(line)] if line else []
    except _RejectedError as error:
        raise UsageError(f"{path}: the first line {error.reason}.", "Save it as CSV in UTF-8.") from error
    named = set(columns)
    if "listens" not in named or not (named & {"isrc", "recording_mbid"} or {"title", "artist"} <= named):
        raise UsageError(
            f"{path}: the first line must name the columns, and it names {', '.join(columns) or 'none'}.",
            "Needed: listens, and isrc, recording_mbid, or title and artist.",
        )
    if len(named) < len(columns):
        raise UsageError(f"{path}: a column is named twice in the first line.", "Name every column once.")
    return columns


def _split(line: str) -> list[str]:
    try:
        (fields,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError) as error:
        raise _RejectedError("", f"is not a line of CSV: {error}") from error
    return fields


def _row(columns: list[str], line: str) -> dict[str, Any]:
    fields = _split(line)
    if len(fields) != len(columns):
        raise _RejectedError("", f"has {len(fields)} fields instead of {len(columns)}")
    given = {name: text.strip() for name, text in zip(columns, fields, strict=True)}
    row: dict[str, Any] = {
        "isrc": _identifier(given, "isrc"),
        "recording_mbid": _identifier(given, "recording_mbid"),
        "title": nfc(given.get("title", "")) or None,
        "artist": nfc(given.get("artist", "")) or None,
        "listens": _count(given["listens"]),
    }
    row["title_key"], row["people"] = listen_keys(row["title"], row["artist"])
    if not (row["isrc"] or row["recording_mbid"] or (row["title"] and row["artist"])):
        raise _RejectedError("title", "nothing says which recording this is")
    return row


def _identifier(given: Mapping[str, str], name: str) -> str | None:
    text = given.get(name)
    if not text:
        return None
    value = parse_isrc(text) if name == "isrc" else parse_mbid(text)
    if value is None:
        raise _RejectedError(name, f"{text[:80]!r} is not valid")
    return value


def _count(text: str) -> int:
    # ASCII digits only, and few of them: int() would also take "１", " 1_0", and a million digits
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= _MOST_LISTENS):
        raise _RejectedError("listens", f"{text[:80]!r} is not a count")
    return int(text)
