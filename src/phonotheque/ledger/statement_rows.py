"""Rows of rights statements, and the statements that they are."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from phonotheque.ledger.schema import rights_statements
from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement

STANDING = rights_statements.c.withdrawn_at.is_(None)
ORDER = (
    rights_statements.c.asserted_at,
    rights_statements.c.evidence_origin,
    rights_statements.c.licence.nulls_first(),
    rights_statements.c.id,
)
_CORRECTION = rights_statements.alias()
RECORDED = select(rights_statements, _CORRECTION.c.id.label("superseded_by")).outerjoin(
    _CORRECTION, _CORRECTION.c.supersedes == rights_statements.c.id
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A statement about a file as the ledger has it. Times are UTC, ISO 8601.

    ``ended_at`` is since when it stands no longer: it was superseded by another, retracted by a person
    (``ended_because``), or is no longer found where it was read (``found_at``, a source path). What corrects
    a statement that was read somewhere has its ``found_at``: it stands as long as that is read there.
    """

    file_id: int
    statement: Statement
    recorded_at: str
    ended_at: str | None = None
    ended_because: str | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    found_at: bytes | None = None

    @property
    def said(self) -> Statement:
        """What it says, wherever it was read: equal for all rows that say the same."""
        return replace(self.statement, id="")


def row_of(
    file_id: int, statement: Statement, found_at: bytes | None, at: str, supersedes: str | None = None
) -> dict[str, Any]:
    """Return a new row for a statement."""
    return {
        **asdict(statement),
        "kind": statement.kind.value,
        "covers": statement.covers.value,
        "acts": [act.value for act in statement.acts] or None,
        "conditions": list(statement.conditions) or None,
        "id": str(uuid.uuid4()),
        "file_id": file_id,
        "asserted_at": at,
        "found_at": found_at,
        "withdrawn_at": None,
        "withdrawn_because": None,
        "supersedes": supersedes,
    }


def recorded_of(row: Row[Any]) -> Recorded:
    """Return a row of RECORDED as a value."""
    return Recorded(
        row.file_id,
        statement_of(row),
        row.asserted_at,
        row.withdrawn_at,
        row.withdrawn_because,
        row.supersedes,
        row.superseded_by,
        row.found_at,
    )


def statement_of(row: Row[Any]) -> Statement:
    """Return the statement in a row."""
    dates = row.dates
    return Statement(
        kind=Kind(row.kind),
        licence=row.licence,
        evidence=row.evidence,
        evidence_origin=row.evidence_origin,
        asserted_by=row.asserted_by,
        holder=row.holder,
        covers=Covers(row.covers),
        territory=row.territory,
        id=row.id,
        acts=tuple(map(Act, row.acts or ())),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        stated_at=row.stated_at,
        dates=None if dates is None else Dates(**{**dates, "deaths": tuple(dates["deaths"])}),
        conditions=tuple(row.conditions or ()),
        evidence_sha256=row.evidence_sha256,
    )


def withdraw(
    connection: Connection, table: Table, ids: list[str], at: str, because: str | None = None
) -> None:
    """Date statements, or questions, as standing no more; ``because`` is why, if a person says so."""
    if not ids:
        return
    values = {"withdrawn_at": at} if because is None else {"withdrawn_at": at, "withdrawn_because": because}
    connection.execute(update(table).where(table.c.id.in_(ids)).values(values))
