"""Rights statements, open questions and decisions. Nothing is edited: what no longer stands is dated."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, and_, delete, insert, select, update

from phonotheque.ledger.schema import decisions, files, rights_questions, rights_statements
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import one_at_a_time
from phonotheque.model.batches import IN_A_STATEMENT, batched
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
_ORDER = (
    rights_statements.c.asserted_at,
    rights_statements.c.evidence_origin,
    rights_statements.c.licence.nulls_first(),
    rights_statements.c.id,
)
_CORRECTION = rights_statements.alias()
_RECORDED = select(rights_statements, _CORRECTION.c.id.label("superseded_by")).outerjoin(
    _CORRECTION, _CORRECTION.c.supersedes == rights_statements.c.id
)
_OPEN = and_(rights_questions.c.answered_by.is_(None), rights_questions.c.withdrawn_at.is_(None))


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question nobody has answered yet, with the file it is about."""

    id: str
    file_id: int
    name: str
    sha256: str
    question: Question


@dataclass(frozen=True, slots=True)
class Recorded:
    """A statement about a file as the ledger has it. Times are UTC, ISO 8601.

    ``ended_at`` is since when it stands no longer: it was superseded by another, retracted by a person
    (``ended_because``), or is no longer found where it was read (``found_at``, a source path).
    """

    file_id: int
    statement: Statement
    recorded_at: str
    ended_at: str | None = None
    ended_because: str | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    found_at: bytes | None = None


def record_evidence(
    connection: Connection, file_id: int, evidence: Evidence, *, found_at: bytes, at: str
) -> None:
    """Make ``evidence`` what stands for a file as found at one source path.

    Statements and questions read there before that are no longer found are dated as withdrawn; equal ones
    stay as they are. Grants are never touched, and a question that a grant has answered is not asked again.
    What a person has corrected or retracted is not recorded again, wherever it is read.
    """
    one_at_a_time(connection, [file_id])
    _replace_statements(connection, file_id, _storable(evidence.statements), found_at, at)
    _replace_questions(connection, file_id, _storable(evidence.questions), found_at, at)


def record_grant(
    connection: Connection, file_ids: Iterable[int], statement: Statement, *, at: str
) -> dict[int, str]:
    """Record what the archivist states about these files; it answers their open questions.

    Returns the statement's id for each file.
    """
    ids: dict[int, str] = {}
    table = rights_questions
    for some in batched(file_ids, IN_A_STATEMENT):
        rows = [_row(file_id, statement, None, at) for file_id in some]
        connection.execute(insert(rights_statements), rows)
        new = {row["file_id"]: row["id"] for row in rows}
        asked = connection.execute(
            select(table.c.id, table.c.file_id).where(table.c.file_id.in_(some), _OPEN)
        )
        for question in asked.all():
            answered = update(table).where(table.c.id == question.id)
            connection.execute(answered.values(answered_by=new[question.file_id]))
        ids |= new
    return ids


def correct(
    connection: Connection, statement_id: str, statement: Statement, *, at: str, because: str | None = None
) -> Recorded | None:
    """Put a corrected statement in the place of one that stands; the old one is dated and kept.

    It answers what the old one answered. Returns it as recorded; None if no such statement stands.
    """
    old = recorded_statement(connection, statement_id)
    if old is None or old.ended_at is not None:
        return None
    _withdraw(connection, rights_statements, [statement_id], at, because)
    row = _row(old.file_id, statement, None, at, supersedes=statement_id)
    connection.execute(insert(rights_statements), row)
    questions = update(rights_questions).where(rights_questions.c.answered_by == statement_id)
    connection.execute(questions.values(answered_by=row["id"]))
    return Recorded(old.file_id, replace(statement, id=row["id"]), at, supersedes=statement_id)


def retract(connection: Connection, statement_id: str, because: str, *, at: str) -> Recorded | None:
    """Let a statement that was wrong stand no longer: it is dated with the reason, and kept.

    The questions that it answered are open again. Returns it as it stood; None if no such statement stands.
    """
    old = recorded_statement(connection, statement_id)
    if old is None or old.ended_at is not None:
        return None
    _withdraw(connection, rights_statements, [statement_id], at, because)
    questions = update(rights_questions).where(rights_questions.c.answered_by == statement_id)
    connection.execute(questions.values(answered_by=None))
    return old


def recorded_statement(connection: Connection, statement_id: str) -> Recorded | None:
    """Return a statement with that id, whether it stands or not."""
    row = connection.execute(_RECORDED.where(rights_statements.c.id == statement_id)).first()
    return None if row is None else _recorded(row)


def statements_called(connection: Connection, beginning: str) -> list[Recorded]:
    """Return up to two statements whose ids begin with a text, of which only hexadecimal digits count."""
    table = rights_statements
    like = table.c.id.like(f"{beginning}%")
    among = and_(table.c.id >= beginning, table.c.id < beginning + "g", like)
    return [_recorded(row) for row in connection.execute(_RECORDED.where(among).limit(2))]


def all_statements(connection: Connection, file_ids: Iterable[int]) -> dict[int, list[Recorded]]:
    """Return all statements about these files in the order of recording, also those that stand no longer."""
    wanted = list(file_ids)
    found: dict[int, list[Recorded]] = {file_id: [] for file_id in wanted}
    of_files = _RECORDED.where(rights_statements.c.file_id.in_(wanted))
    at, *others = _ORDER
    for row in connection.execute(of_files.order_by(at, _STANDING, *others)):  # the corrected one first
        found[row.file_id].append(_recorded(row))
    return found


def record_denial(connection: Connection, file_ids: Iterable[int], statement: Statement, *, at: str) -> None:
    """Record what takes away what others grant, on each of these files; it answers no questions."""
    for some in batched(file_ids, IN_A_STATEMENT):
        connection.execute(
            insert(rights_statements), [_row(file_id, statement, None, at) for file_id in some]
        )


def end_denials(
    connection: Connection, file_ids: Iterable[int], origin: str, *, at: str, because: str
) -> None:
    """Date what an origin took away on these files as standing no more."""
    table = rights_statements
    for some in batched(file_ids, IN_A_STATEMENT):
        said = and_(table.c.file_id.in_(some), table.c.evidence_origin == origin, _STANDING)
        ids = connection.execute(select(table.c.id).where(said)).scalars().all()
        _withdraw(connection, table, list(ids), at, because)


def standing_statements(connection: Connection, file_ids: Iterable[int]) -> dict[int, list[Statement]]:
    """Return the statements that stand now, per file, in the order they were recorded."""
    wanted = list(file_ids)
    found: dict[int, list[Statement]] = {file_id: [] for file_id in wanted}
    table = rights_statements
    query = select(table).where(table.c.file_id.in_(wanted), _STANDING).order_by(*_ORDER)
    for row in connection.execute(query):
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


def save_decisions(
    connection: Connection,
    decided: Mapping[int, Iterable[Decision]],
    *,
    at: str,
    turns_on: Mapping[int, str | None] | None = None,
) -> None:
    """Replace the decisions on these files by newly computed ones: one for each act and territory.

    ``turns_on`` are the days, where there is one, on which the decisions on a file may next be others.
    """
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
                "turns_on": (turns_on or {}).get(file_id),
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
    of_file = [_recorded(row) for row in connection.execute(_RECORDED.where(table.c.file_id == file_id))]
    settled = {
        replace(one.statement, id="") for one in of_file if one.superseded_by or one.ended_because is not None
    }
    standing = {
        replace(one.statement, id=""): one.statement.id
        for one in of_file
        if one.found_at == found_at and one.ended_at is None
    }
    wanted = dict.fromkeys(replace(statement, id="") for statement in found)
    new = [said for said in wanted if said not in standing and said not in settled]
    if new:
        connection.execute(insert(table), [_row(file_id, said, found_at, at) for said in new])
    gone = [statement_id for said, statement_id in standing.items() if said not in wanted]
    _withdraw(connection, table, gone, at)


def _row(
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


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        row.file_id,
        _statement(row),
        row.asserted_at,
        row.withdrawn_at,
        row.withdrawn_because,
        row.supersedes,
        row.superseded_by,
        row.found_at,
    )


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


def _withdraw(
    connection: Connection, table: Table, ids: list[str], at: str, because: str | None = None
) -> None:
    if not ids:
        return
    values = {"withdrawn_at": at} if because is None else {"withdrawn_at": at, "withdrawn_because": because}
    connection.execute(update(table).where(table.c.id.in_(ids)).values(values))
