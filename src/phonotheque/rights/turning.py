"""The days on which decisions can change: ends of terms, and the bounds of statements in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from phonotheque.model.rights import Covers, Kind, Statement
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.terms import LAWS, free_from


def turning_days(statements: Iterable[Statement]) -> list[date]:
    """Return, in order, every day from which on a decision may differ from that of the day before.

    Between two of them, and before the first and after the last, each decision stays what it is.
    """
    return sorted({day for statement in statements for day in _days(statement)})


def _days(statement: Statement) -> Iterator[date]:
    if statement.valid_from and statement.valid_from > date.min.isoformat():
        yield date.fromisoformat(statement.valid_from)
    if statement.valid_until and statement.valid_until < date.max.isoformat():
        yield date.fromisoformat(statement.valid_until) + timedelta(days=1)
    if statement.kind is not Kind.DATES:
        return
    places = parse_territory(statement.territory)
    works = (Covers.RECORDING, Covers.COMPOSITION) if statement.covers is Covers.BOTH else (statement.covers,)
    for members in LAWS:
        if here := places & Territory(members):
            country = min(here.codes)
            found = (free_from(statement, work, country) for work in works)
            yield from (day for day in found if day)
