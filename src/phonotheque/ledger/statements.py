"""Rights statements, open questions and decisions. Nothing is edited: what no longer stands is dated."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Update, and_, bindparam, delete, insert, select, update

from phonotheque.ledger.schema import decisions, files, rights_questions, rights_statements
from phonotheque.ledger.statement_rows import (
    ORDER,
    RECORDED,
    STANDING,
    recorded_of,
    row_of,
    statement_of,
    withdraw,
)
from phonotheque.ledger.statement_rows import Recorded as Recorded
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import one_at_a_time
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import (
    WORLDWIDE,
    Act,
    Answer,
    Decision,
    Evidence,
    Kind,
    Question,
    Statement,
)

_Said = TypeVar("_Said", Statement, Question)
# Kinds that say on which terms a file is, or that nobody knows them: that is what questions ask.
_ANSWERS = frozenset(
    (Kind.LICENCE, Kind.PUBLIC_DOMAIN, Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK, Kind.UNKNOWN)
)
_OPEN = and_(rights_questions.c.answered_by.is_(None), rights_questions.c.withdrawn_at.is_(None))
_IDS = bindparam("ids", type_=BigInteger, expanding=True)
_STATED = select(rights_statements).where(rights_statements.c.file_id.in_(_IDS), STANDING).order_by(*ORDER)


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
    What a person has retracted is not recorded again, wherever it is read; for what they have corrected, the
    correction stands there. While something there cannot be read, nothing is taken for gone.
    """
    one_at_a_time(connection, [file_id])
    rows = connection.execute(RECORDED.where(rights_statements.c.file_id == file_id))
    of_file = list(map(recorded_of, rows))
    said = replace(
        evidence, statements=_storable(evidence.statements), questions=_storable(evidence.questions)
    )
    _replace_statements(connection, file_id, said, of_file, found_at, at)
    _replace_questions(connection, file_id, said, of_file, found_at, at)


def record_grant(
    connection: Connection, file_ids: Iterable[int], statement: Statement, *, at: str
) -> dict[int, str]:
    """Record what the archivist states about these files; what names terms answers their open questions.

    Returns the statement's id for each file.
    """
    ids: dict[int, str] = {}
    for some in batched(file_ids, IN_A_STATEMENT):
        rows = [row_of(file_id, statement, None, at) for file_id in some]
        connection.execute(insert(rights_statements), rows)
        new = {row["file_id"]: row["id"] for row in rows}
        if statement.kind in _ANSWERS:
            _answer(connection, new)
        ids |= new
    return ids


def _answer(connection: Connection, by: Mapping[int, str]) -> None:
    """Let statements answer what is asked about their files."""
    table = rights_questions
    asked = select(table.c.id, table.c.file_id).where(table.c.file_id.in_(list(by)), _OPEN)
    for question in connection.execute(asked).all():
        answered = update(table).where(table.c.id == question.id)
        connection.execute(answered.values(answered_by=by[question.file_id]))


def correct(
    connection: Connection, statement_id: str, statement: Statement, *, at: str, because: str | None = None
) -> Recorded | None:
    """Put a corrected statement in the place of one that stands; the old one is dated and kept.

    So it is with equal ones, read of the same file at other paths: one was wrong and so are all. The
    correction answers what the old one answered, if it names terms, and ends when what it corrects is no
    longer found where it was read. Returns it as recorded; None if no such statement stands.
    """
    same = _standing_like(connection, statement_id)
    withdraw(connection, rights_statements, list(same), at, because)
    new = {old: row_of(one.file_id, statement, one.found_at, at, supersedes=old) for old, one in same.items()}
    for old, row in new.items():
        connection.execute(insert(rights_statements), row)
        questions = update(rights_questions).where(rights_questions.c.answered_by == old)
        connection.execute(questions.values(answered_by=row["id"] if statement.kind in _ANSWERS else None))
        connection.execute(_asked_about(same[old]).values(answered_by=row["id"]))
    return recorded_statement(connection, new[statement_id]["id"]) if new else None


def retract(connection: Connection, statement_id: str, because: str, *, at: str) -> Recorded | None:
    """Let a statement that was wrong stand no longer, nor equal ones of the same file read at other paths.

    They are dated with the reason, and kept. The questions that they answered are open again; those about
    the same words are settled. Returns it as it stood; None if no such statement stands.
    """
    same = _standing_like(connection, statement_id)
    withdraw(connection, rights_statements, list(same), at, because)
    questions = update(rights_questions).where(rights_questions.c.answered_by.in_(list(same)))
    connection.execute(questions.values(answered_by=None))
    if statement_id in same:
        connection.execute(_asked_about(same[statement_id]).values(withdrawn_at=at))
    return same.get(statement_id)


def _standing_like(connection: Connection, statement_id: str) -> dict[str, Recorded]:
    """Return a statement that stands, by its id, with all that stand and say the same of the same file."""
    old = recorded_statement(connection, statement_id)
    if old is None or old.ended_at is not None:
        return {}
    of_file = RECORDED.where(rights_statements.c.file_id == old.file_id, STANDING)
    recorded = map(recorded_of, connection.execute(of_file))
    return {one.statement.id: one for one in recorded if one.said == old.said}


def _asked_about(old: Recorded) -> Update:
    """Return what changes open questions about a file that what was stated raised itself, being unclear."""
    table, (origin, evidence) = rights_questions, _read_of(old.statement)
    raised = and_(table.c.evidence_origin == origin, table.c.evidence == evidence)
    return update(table).where(table.c.file_id == old.file_id, raised, _OPEN)


def _read_of(said: Statement | Question) -> tuple[str, str]:
    """Return what a statement, or a question, was read of."""
    return said.evidence_origin, said.evidence


def recorded_statement(connection: Connection, statement_id: str) -> Recorded | None:
    """Return a statement with that id, whether it stands or not."""
    row = connection.execute(RECORDED.where(rights_statements.c.id == statement_id)).first()
    return None if row is None else recorded_of(row)


def statements_called(connection: Connection, beginning: str) -> list[Recorded]:
    """Return up to two statements whose ids begin with a text, of which only hexadecimal digits count."""
    table = rights_statements
    like = table.c.id.like(f"{beginning}%")
    among = and_(table.c.id >= beginning, table.c.id < beginning + "g", like)
    return [recorded_of(row) for row in connection.execute(RECORDED.where(among).limit(2))]


def all_statements(connection: Connection, file_ids: Iterable[int]) -> dict[int, list[Recorded]]:
    """Return all statements about these files in the order of recording, also those that stand no longer."""
    wanted = list(file_ids)
    found: dict[int, list[Recorded]] = {file_id: [] for file_id in wanted}
    of_files = RECORDED.where(rights_statements.c.file_id.in_(wanted))
    at, *others = ORDER
    for row in connection.execute(of_files.order_by(at, STANDING, *others)):  # the corrected one first
        found[row.file_id].append(recorded_of(row))
    return found


def record_denial(connection: Connection, file_ids: Iterable[int], statement: Statement, *, at: str) -> None:
    """Record what takes away what others grant, on each of these files; it answers no questions."""
    for some in batched(file_ids, IN_A_STATEMENT):
        connection.execute(
            insert(rights_statements), [row_of(file_id, statement, None, at) for file_id in some]
        )


def end_denials(
    connection: Connection, file_ids: Iterable[int], origin: str, *, at: str, because: str
) -> None:
    """Date what an origin took away on these files as standing no more."""
    table = rights_statements
    for some in batched(file_ids, IN_A_STATEMENT):
        said = and_(table.c.file_id.in_(some), table.c.evidence_origin == origin, STANDING)
        ids = connection.execute(select(table.c.id).where(said)).scalars().all()
        withdraw(connection, table, list(ids), at, because)


def standing_statements(connection: Connection, file_ids: Iterable[int]) -> dict[int, list[Statement]]:
    """Return the statements that stand now, per file, in the order they were recorded."""
    wanted = list(file_ids)
    found: dict[int, list[Statement]] = {file_id: [] for file_id in wanted}
    for row in connection.execute(_STATED, {"ids": wanted}):
        found[row.file_id].append(statement_of(row))
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
    connection: Connection, file_id: int, found: Evidence, of_file: list[Recorded], found_at: bytes, at: str
) -> None:
    table = rights_statements
    instead = _put_right(of_file)
    read = (replace(statement, id="") for statement in found.statements)
    wanted = dict.fromkeys(said for one in read if (said := instead.get(one, one)) is not None)
    here = [one for one in of_file if one.found_at == found_at and one.ended_at is None]
    standing = {one.said for one in here}
    new = [said for said in wanted if said not in standing]
    if new:
        connection.execute(insert(table), [row_of(file_id, said, found_at, at) for said in new])
    if not found.unread:
        withdraw(connection, table, [one.statement.id for one in here if one.said not in wanted], at)


def _put_right(of_file: Iterable[Recorded]) -> dict[Statement, Statement | None]:
    """Return what a person has put in the place of what was stated of a file; None for what was retracted."""
    rows = {one.statement.id: one for one in of_file}
    put_right = [one for one in rows.values() if one.superseded_by or one.ended_because is not None]
    instead: dict[Statement, Statement | None] = {}
    for one in sorted(put_right, key=lambda one: one.ended_at or "", reverse=True):  # the last word first
        last = one
        while last.superseded_by:
            last = rows[last.superseded_by]
        stands = None if last.ended_because is not None else instead.get(last.said, last.said)
        instead.setdefault(one.said, stands)
    return instead


def _replace_questions(
    connection: Connection, file_id: int, found: Evidence, of_file: list[Recorded], found_at: bytes, at: str
) -> None:
    table = rights_questions
    before = connection.execute(select(table).where(table.c.file_id == file_id)).all()
    answered = {(row.text, row.evidence) for row in before if row.answered_by is not None}
    waiting = {
        (row.text, row.evidence): row.id
        for row in before
        if row.answered_by is None and row.withdrawn_at is None and row.found_at == found_at
    }
    retracted = {_read_of(one.statement) for one in of_file if one.ended_because is not None}
    asking = (question for question in found.questions if _read_of(question) not in retracted)
    wanted = {(question.text, question.evidence): question for question in asking}
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
    if not found.unread:
        withdraw(connection, table, [row_id for asked, row_id in waiting.items() if asked not in wanted], at)
