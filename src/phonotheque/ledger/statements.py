"""Rights statements, open questions and decisions. Nothing is edited: what no longer stands is dated."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, select, update

from phonotheque.ledger.schema import decisions, files, rights_questions, rights_statements
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import one_at_a_time
from phonotheque.model.rights import (
    WORLDWIDE,
    Act,
    Answer,
    Covers,
    Dates,
    Decision,
    Evidence,
    Kind,
    Question,
    Statement,
)

_Said = TypeVar("_Said", Statement, Question)
_STANDING = rights_statements.c.withdrawn_at.is_(None)
_OPEN = and_(rights_questions.c.answered_by.is_(None), rights_questions.c.withdrawn_at.is_(None))


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question nobody has answered yet, with the file it is about."""

    id: str
    file_id: int
    name: str
    sha256: str
    question: Question


def record_evidence(
    connection: Connection, file_id: int, evidence: Evidence, *, found_at: bytes, at: str
) -> None:
    """Make ``evidence`` what stands for a file as found at one source path.

    Statements and questions read there before that are no longer found are dated as withdrawn; equal ones
    stay as they are. Grants are never touched, and a question that a grant has answered is not asked again.
    """
    one_at_a_time(connection, [file_id])
    _replace_statements(connection, file_id, _storable(evidence.statements), found_at, at)
    _replace_questions(connection, file_id, _storable(evidence.questions), found_at, at)


def record_grant(connection: Connection, file_ids: Iterable[int], statement: Statement, *, at: str) -> None:
    """Record what the archivist states about these files; it answers their open questions."""
    for file_id in file_ids:
        statement_id = _insert_statement(connection, file_id, statement, None, at)
        connection.execute(
            update(rights_questions)
            .where(rights_questions.c.file_id == file_id, _OPEN)
            .values(answered_by=statement_id)
        )


def correct(connection: Connection, statement_id: str, statement: Statement, *, at: str) -> int | None:
    """Put a corrected statement in the place of one that stands; the old one is dated and kept.

    Returns the file that it is about; None if no such statement stands.
    """
    table = rights_statements
    old = connection.execute(select(table).where(table.c.id == statement_id, _STANDING)).first()
    if old is None:
        return None
    _withdraw(connection, table, [statement_id], at)
    _insert_statement(connection, old.file_id, statement, None, at, supersedes=statement_id)
    return int(old.file_id)


def standing_statements(connection: Connection, file_ids: Iterable[int]) -> dict[int, list[Statement]]:
    """Return the statements that stand now, per file, in the order they were recorded."""
    wanted = list(file_ids)
    found: dict[int, list[Statement]] = {file_id: [] for file_id in wanted}
    table = rights_statements
    rows = connection.execute(
        select(table)
        .where(table.c.file_id.in_(wanted), _STANDING)
        .order_by(table.c.asserted_at, table.c.evidence_origin, table.c.licence.nulls_first(), table.c.id)
    )
    for row in rows:
        found[row.file_id].append(_statement(row))
    return found


def open_questions(connection: Connection) -> Iterator[OpenQuestion]:
    """Stream the questions that wait for the archivist, by file name."""
    table = rights_questions
    query = (
        select(table, files.c.name, files.c.sha256)
        .join(files, files.c.id == table.c.file_id)
        .where(_OPEN)
        .order_by(files.c.name, table.c.id)
    )
    for row in stream(connection, query):
        question = Question(row.text, tuple(row.candidates), row.evidence, row.evidence_origin)
        yield OpenQuestion(row.id, row.file_id, row.name, row.sha256, question)


def save_decisions(connection: Connection, decided: Mapping[int, Iterable[Decision]], *, at: str) -> None:
    """Replace the decisions on these files by newly computed ones: one for each act and territory."""
    if not decided:
        return
    one_at_a_time(connection, decided)
    connection.execute(delete(decisions).where(decisions.c.file_id.in_(list(decided))))
    connection.execute(
        insert(decisions),
        [
            {
                "file_id": file_id,
                "act": decision.act.value,
                "territory": decision.territory,
                "answer": decision.answer.value,
                "rule": decision.rule,
                "reason": decision.reason,
                "conditions": list(decision.conditions),
                "statements": list(decision.statements),
                "decided_at": at,
            }
            for file_id, found in decided.items()
            for decision in found
        ],
    )


def decided_files(
    connection: Connection,
    act: Act,
    answer: Answer = Answer.YES,
    *,
    among: Iterable[int] | None = None,
) -> set[int]:
    """Return the ids of files for which ``act`` has this answer, worldwide; of these files, if given."""
    table = decisions
    query = select(table.c.file_id).where(
        table.c.act == act.value, table.c.answer == answer.value, table.c.territory == WORLDWIDE
    )
    if among is not None:
        query = query.where(table.c.file_id.in_(list(among)))
    return set(connection.execute(query).scalars())


def decision_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the number of known masters per (act, answer), worldwide."""
    table = decisions
    rows = connection.execute(
        select(table.c.act, table.c.answer, func.count())
        .join(files, files.c.id == table.c.file_id)
        .where(files.c.kind == "master", table.c.territory == WORLDWIDE)
        .group_by(table.c.act, table.c.answer)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def _storable(said: tuple[_Said, ...]) -> tuple[_Said, ...]:
    """Return these without U+0000: PostgreSQL keeps none, and what is read again must be equal."""
    return tuple(
        replace(one, **{name: _without_nul(getattr(one, name)) for name in one.__dataclass_fields__})
        for one in said
    )


def _without_nul(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_without_nul, value))
    return value.replace("\0", "\ufffd") if type(value) is str else value


def _replace_statements(
    connection: Connection, file_id: int, found: tuple[Statement, ...], found_at: bytes, at: str
) -> None:
    table = rights_statements
    here = and_(table.c.file_id == file_id, table.c.found_at == found_at, _STANDING)
    rows = connection.execute(select(table).where(here))
    standing = {replace(_statement(row), id=""): row.id for row in rows}
    wanted = dict.fromkeys(replace(statement, id="") for statement in found)
    for statement in wanted:
        if statement not in standing:
            _insert_statement(connection, file_id, statement, found_at, at)
    gone = [statement_id for said, statement_id in standing.items() if said not in wanted]
    _withdraw(connection, table, gone, at)


def _insert_statement(
    connection: Connection,
    file_id: int,
    statement: Statement,
    found_at: bytes | None,
    at: str,
    supersedes: str | None = None,
) -> str:
    statement_id = str(uuid.uuid4())
    row = {
        **asdict(statement),
        "kind": statement.kind.value,
        "covers": statement.covers.value,
        "acts": [act.value for act in statement.acts] or None,
        "conditions": list(statement.conditions) or None,
        "id": statement_id,
        "file_id": file_id,
        "asserted_at": at,
        "found_at": found_at,
        "withdrawn_at": None,
        "supersedes": supersedes,
    }
    connection.execute(insert(rights_statements), row)
    return statement_id


def _statement(row: Row[Any]) -> Statement:
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


def _replace_questions(
    connection: Connection, file_id: int, found: tuple[Question, ...], found_at: bytes, at: str
) -> None:
    table = rights_questions
    of_file = connection.execute(select(table).where(table.c.file_id == file_id)).all()
    answered = {(row.text, row.evidence) for row in of_file if row.answered_by is not None}
    waiting = {
        (row.text, row.evidence): row.id
        for row in of_file
        if row.answered_by is None and row.withdrawn_at is None and row.found_at == found_at
    }
    wanted = {(question.text, question.evidence): question for question in found}
    for asked, question in wanted.items():
        if asked not in waiting and asked not in answered:
            row = {
                **asdict(question),
                "candidates": list(question.candidates),
                "id": str(uuid.uuid4()),
                "file_id": file_id,
                "asked_at": at,
                "found_at": found_at,
                "answered_by": None,
                "withdrawn_at": None,
            }
            connection.execute(insert(table), row)
    _withdraw(connection, table, [row_id for asked, row_id in waiting.items() if asked not in wanted], at)


def _withdraw(connection: Connection, table: Table, ids: list[str], at: str) -> None:
    if ids:
        connection.execute(update(table).where(table.c.id.in_(ids)).values(withdrawn_at=at))
