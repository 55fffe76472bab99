"""Rows taken from the database some at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Row, Select

AT_ONCE = 1000  # rows


def stream(connection: Connection, query: Select[Any], at_once: int = AT_ONCE) -> Iterator[Row[Any]]:
    """Yield the rows of a query; its cursor is closed with this, also when it is left early."""
    with _asked(connection, query, at_once) as rows:
        yield from rows


def stream_parts(connection: Connection, query: Select[Any], at_once: int) -> Iterator[Sequence[Row[Any]]]:
    """Yield the same, a list of ``at_once`` rows at a time."""
    with _asked(connection, query, at_once) as rows:
        yield from rows.partitions(at_once)


@contextmanager
def _asked(connection: Connection, query: Select[Any], at_once: int) -> Iterator[CursorResult[Any]]:
    rows = connection.execute(query.execution_options(yield_per=at_once))
    try:
        yield rows
    finally:
        # An error on the way may have closed the connection first: its cursors went with it.
        if not connection.closed:
            rows.close()
