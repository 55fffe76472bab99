"""Reading a source as the program does, without an archive: every file, every piece, through pickling."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phonotheque.catalogue.datasets import SCHEMAS
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Source

Row = dict[str, Any]


@dataclass
class Read:
    """The rows of each table, from all files."""

    facts: list[Row] = field(default_factory=list)
    things: list[Row] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    nonfree: list[Row] = field(default_factory=list)
    listens: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rejects]

    @property
    def titles(self) -> list[str]:
        return [row["title"] for row in self.facts]


def read_all(source: Source, location: Path) -> Read:
    """Read a location. The pieces must be the same when a file is cut again, and survive pickling."""
    read = Read()
    for file in source.files(location):
        pieces = list(source.pieces(location, file))
        assert pieces == list(source.pieces(location, file))
        assert [piece.number for piece in pieces] == list(range(len(pieces)))
        for piece in pieces:
            gather = Gather(source.name, "an accession", file.name, as_of="2026-01-01")
            pickle.loads(pickle.dumps(source)).read(pickle.loads(pickle.dumps(piece)), gather)
            tables = gather.tables()
            for name in SCHEMAS:
                getattr(read, name).extend(tables[name].to_pylist())
    assert all(row["reason"] and row["file"] for row in read.rejects)
    return read


def said(row: Row, *fields: str) -> Row:
    """Return only these fields of a row."""
    return {name: row[name] for name in fields}
