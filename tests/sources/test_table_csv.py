"""Cutting CSV into records, and reading the values that tables hold."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.sources.table_csv import Records, Row, named_fields
from phonotheque.sources.table_values import milliseconds, whole_number

CELLS = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.sampled_from([",", "\t", ";"]))
@settings(deadline=None)
def test_rows_are_cut_where_they_end(rows: Any, delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    raw = text.getvalue().encode()
    records = Records(io.BytesIO(raw), delimiter)
    records.expected = 2
    found = list(records)
    assert b"".join(row.raw for row in found) == raw
    assert [tuple(named_fields(row, ("a", "b"), delimiter).values()) for row in relined(found)] == rows


def relined(rows: list[Row]) -> list[Row]:
    """A file begins with its header: the mark that may stand before it is no part of these rows."""
    return [Row(row.line + 1, row.raw) for row in rows]


@given(st.binary(max_size=300))
def test_any_bytes_are_cut_without_a_loss(raw: bytes) -> None:
    records = Records(io.BytesIO(raw))
    records.expected = 3
    found = list(records)
    assert b"".join(row.raw for row in found) == raw
    assert [row.line for row in found] == sorted({row.line for row in found})


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "seconds", None),
        ("", "clock", None),
        ("0:00", "clock", None),
        ("PT0S", "clock", None),
        ("PT4M5.5S", "clock", 245_500),
        ("245,3", "seconds", 245_300),
        (245.3, "seconds", 245_300),
        ("245300", "milliseconds", 245_300),
        (Decimal("1.5"), "seconds", 1500),
        (0, "seconds", None),
    ],
)
def test_lengths(value: object, unit: str, expected: int | None) -> None:
    assert milliseconds(value, unit) == expected


@pytest.mark.parametrize("value", ["1e3", "inf", "four", float("inf"), float("nan"), "--5", "٣", [1]])
def test_what_is_no_length(value: object) -> None:
    with pytest.raises(ValueError, match="is no number of seconds"):
        milliseconds(value, "seconds")


def test_whole_numbers() -> None:
    assert [whole_number(value) for value in ("12", " 7.0 ", 3, None, "")] == [12, 7, 3, None, None]


@pytest.mark.parametrize("value", ["1.5", "x", True, "1" * 30, [1]])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(ValueError, match="is no whole number"):
        whole_number(value)
