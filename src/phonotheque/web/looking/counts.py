"""What was counted for one plot: rows of plain values, from which it is drawn, told, and written as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Cell = str | int | float | None
Row = tuple[Cell, ...]
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet calculate


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of a plot, by ``columns``, and what else is to be said. Sizes in bytes, lengths in seconds."""

    key: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    facts: Mapping[str, Cell] = field(default_factory=dict)

    def number(self, fact: str) -> int:
        """Return a fact that is a whole number."""
        value = self.facts[fact]
        assert isinstance(value, int)
        return value


def to_json(counted: Counted) -> dict[str, Any]:
    """Return what JSON can say."""
    return {"columns": counted.columns, "rows": counted.rows, "facts": dict(counted.facts)}


def from_json(key: str, value: Mapping[str, Any]) -> Counted:
    """Return what :func:`to_json` said. Raises KeyError, TypeError or ValueError for what makes no sense."""
    columns, rows = tuple(map(str, value["columns"])), tuple(map(tuple, value["rows"]))
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"{key}: rows and columns do not agree")
    facts = dict(value["facts"])
    for cell in (*(cell for row in rows for cell in row), *facts.values()):
        if cell is not None and not isinstance(cell, str | int | float):
            raise ValueError(f"{key}: {cell!r:.40} is no plain value")
    return Counted(key, columns, rows, facts)


def to_csv(counted: Counted) -> bytes:
    """Return CSV (RFC 4180), UTF-8, in which no spreadsheet takes other people's text for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(counted.columns)
    writer.writerows([_safe(cell) for cell in row] for row in counted.rows)
    return text.getvalue().encode("utf-8", "replace")


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
