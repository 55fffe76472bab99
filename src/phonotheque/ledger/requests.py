"""What visitors ask for: to take something back, or to correct a fact. Rows are added and never changed.

A request to take something back is filed as a withdrawal (ledger.withdrawals) as soon as it is known what it
names; from then on, that tells how it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, literal, or_, select, union_all

from phonotheque.ledger.visitor_tables import corrections, request_steps, requests
from phonotheque.ledger.withdrawal_tables import withdrawal_steps, withdrawals


class RequestKind(StrEnum):
    """What is asked for."""

    WITHDRAWAL = "withdrawal"
    CORRECTION = "correction"


class RequestStep(StrEnum):
    """What can happen to a request."""

    RECEIVED = "received"
    FILED = "filed"  # as a withdrawal
    UNCLEAR = "unclear"  # what it names has to be looked up by somebody
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    REFUSED = "refused"


ENDING: Final = (RequestStep.ACCEPTED, RequestStep.REFUSED)
_DECIDED: Final = ("accepted", "refused")  # of a withdrawal; a reversed one was accepted before


@dataclass(frozen=True, slots=True)
class RequestStepRecord:
    """One step: when, what, by whom; ``note`` is private, ``answer`` public."""

    at: str
    step: RequestStep
    by: str
    note: str | None = None
    answer: str | None = None
    withdrawal_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was made, and its steps in order. See the table's columns; all of it is private."""

    id: str
    kind: RequestKind
    received_at: str
    language: str
    named: tuple[str, ...]
    asked_by: str
    contact: str | None
    public_name: bool
    reason: str
    public_reason: str | None
    document_sha256: str | None
    territory: str
    erase: bool
    statement: str | None = None  # of a correction
    evidence: str | None = None
    steps: tuple[RequestStepRecord, ...] = ()

    @property
    def withdrawal_id(self) -> str | None:
        """The withdrawal as which it was filed."""
        return next((step.withdrawal_id for step in self.steps if step.step is RequestStep.FILED), None)

    @property
    def ended(self) -> RequestStepRecord | None:
        """The step that decided it, of one that was not filed as a withdrawal."""
        return next((step for step in self.steps if step.step in ENDING), None)


@dataclass(frozen=True, slots=True)
class Listed:
    """A request or withdrawal as a list shows it, and where the list goes on: by ``at`` and ``id``."""

    kind: RequestKind
    id: str
    at: str
    named: tuple[str, ...]
    asked_by: str


def record_request(connection: Connection, asked: Request) -> None:
    """Record a request with its first step."""
    row = asdict(asked) | {"kind": asked.kind.value, "named": list(asked.named)}
    said = {"request_id": asked.id, "statement": row.pop("statement"), "evidence": row.pop("evidence")}
    del row["steps"]
    connection.execute(insert(requests), row)
    if asked.kind is RequestKind.CORRECTION:
        connection.execute(insert(corrections), said)
    received = RequestStepRecord(asked.received_at, RequestStep.RECEIVED, asked.asked_by)
    add_request_step(connection, asked.id, received)


def add_request_step(connection: Connection, request_id: str, step: RequestStepRecord) -> None:
    """Record that something happened to a request."""
    connection.execute(
        insert(request_steps), asdict(step) | {"request_id": request_id, "step": step.step.value}
    )


def request_with(connection: Connection, request_id: str) -> Request | None:
    """Return the request with an id, written in full."""
    query = (
        select(requests, corrections.c.statement, corrections.c.evidence)
        .outerjoin(corrections, corrections.c.request_id == requests.c.id)
        .where(requests.c.id == request_id)
    )
    row = connection.execute(query).first()
    return _with_steps(connection, row) if row else None


def request_filed_as(connection: Connection, withdrawal_id: str) -> Request | None:
    """Return the request that was filed as a withdrawal; None if that was asked for in another way."""
    query = select(request_steps.c.request_id).where(
        request_steps.c.withdrawal_id == withdrawal_id, request_steps.c.step == RequestStep.FILED.value
    )
    found = connection.execute(query.limit(1)).scalar()
    return request_with(connection, found) if found else None


def to_be_filed(connection: Connection, most: int) -> list[Request]:
    """Return requests to take something back that nobody has tried to file yet, the oldest first."""
    query = (
        select(requests.c.id)
        .where(requests.c.kind == RequestKind.WITHDRAWAL.value)
        .where(~_has_step(RequestStep.FILED, RequestStep.UNCLEAR, *ENDING))
        .order_by(requests.c.received_at, requests.c.id)
        .limit(most)
    )
    found = [request_with(connection, one) for one in connection.execute(query).scalars()]
    return [one for one in found if one]


def undecided(connection: Connection, *, after: tuple[str, str] | None, most: int) -> list[Listed]:
    """Return what waits for somebody, the oldest first, after a moment and id."""
    of_requests = ~_has_step(RequestStep.FILED, *ENDING)
    step = withdrawal_steps
    decided = exists().where(step.c.withdrawal_id == withdrawals.c.id, step.c.step.in_(_DECIDED))
    return _list(connection, (of_requests, ~decided), after, most, newest=False)


def all_requests(connection: Connection, *, before: tuple[str, str] | None, most: int) -> list[Listed]:
    """Return all requests and withdrawals, the newest first, before a moment and id."""
    parts = ~_has_step(RequestStep.FILED), literal(True)
    return _list(connection, parts, before, most, newest=True)


def count_unfiled(connection: Connection, most: int) -> int:
    """Return how many corrections wait, and requests of which it is not clear what they name."""
    query = select(requests.c.id).where(~_has_step(RequestStep.FILED, *ENDING)).limit(most)
    return len(connection.execute(query).all())


def _list(
    connection: Connection,
    parts: Sequence[ColumnElement[bool]],
    past: tuple[str, str] | None,
    most: int,
    *,
    newest: bool,
) -> list[Listed]:
    of_requests, of_withdrawals = parts
    table = requests
    columns = table.c.kind, table.c.id, table.c.received_at.label("at"), table.c.named, table.c.asked_by
    asked = select(*columns).where(of_requests)
    table = withdrawals
    kind = literal(RequestKind.WITHDRAWAL.value)
    filed = select(kind, table.c.id, table.c.requested_at, table.c.asked_for, table.c.asked_by).where(
        of_withdrawals
    )
    found = union_all(asked, filed).subquery()
    at, name = found.c.at, found.c.id
    query = select(found)
    if past is not None:
        further = at < past[0] if newest else at > past[0]
        query = query.where(or_(further, and_(at == past[0], name < past[1] if newest else name > past[1])))
    order = (at.desc(), name.desc()) if newest else (at, name)
    rows = connection.execute(query.order_by(*order).limit(most))
    return [Listed(RequestKind(row.kind), row.id, row.at, tuple(row.named), row.asked_by) for row in rows]


def _has_step(*steps: RequestStep) -> ColumnElement[bool]:
    wanted = [step.value for step in steps]
    step = request_steps
    return exists().where(step.c.request_id == requests.c.id, step.c.step.in_(wanted))


def _with_steps(connection: Connection, row: Row[tuple[object, ...]]) -> Request:
    query = select(request_steps).where(request_steps.c.request_id == row.id).order_by(request_steps.c.id)
    steps = tuple(
        RequestStepRecord(one.at, RequestStep(one.step), one.by, one.note, one.answer, one.withdrawal_id)
        for one in connection.execute(query)
    )
    values = {**row._mapping, "kind": RequestKind(row.kind), "named": tuple(row.named)}
    return replace(Request(**values), steps=steps)
