"""When decisions were made, on which day they may be others, and what they were before they are made anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from phonotheque.ledger.schema import decisions, files, redecisions
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Decision

_NO_RUN = ""  # in place of a day: no run over everything, only what decisions rest on since then
_KINDS = ("master", "sidecar")  # of files, which are decided on: an access copy goes by its master


@dataclass(frozen=True, slots=True)
class Run:
    """One time that everything was decided anew, as of a ``day``.

    ``basis`` stands for what decisions rest on besides statements. ``finished_at`` is None while it is under
    way, or if it was interrupted; then everything up to the file ``last_file`` is decided. ``moved`` of
    ``files`` got other answers.
    """

    id: int
    day: str
    basis: str
    started_at: str
    finished_at: str | None
    last_file: int
    files: int
    moved: int


def begin_run(connection: Connection, *, day: str, basis: str, at: str) -> Run:
    """Record that everything is decided anew; go on with a run that was interrupted on the same day."""
    last = last_run(connection)
    if last is not None and (last.day, last.basis, last.finished_at) == (day, basis, None):
        return last
    row = {"day": day, "basis": basis, "started_at": at, "finished_at": None, "last_file": 0, "files": 0}
    number = connection.execute(insert(redecisions).values(**row, moved=0).returning(redecisions.c.id))
    return Run(id=int(number.scalar_one()), moved=0, **row)  # type: ignore[arg-type]


def note_run(connection: Connection, run: Run) -> None:
    """Record how far a run is, or that it is finished."""
    connection.execute(update(redecisions).where(redecisions.c.id == run.id).values(asdict(run)))


def last_run(connection: Connection, *, finished: bool = False) -> Run | None:
    """Return the run begun last, or the last that was finished."""
    query = select(redecisions).where(redecisions.c.day != _NO_RUN).order_by(redecisions.c.id.desc()).limit(1)
    if finished:
        query = query.where(redecisions.c.finished_at.is_not(None))
    row = connection.execute(query).first()
    return None if row is None else Run(**row._mapping)


def runs_after(connection: Connection, number: int, most: int, *, since: str = "") -> list[Run]:
    """Return the next runs after one, in the order of their ids, of those that were begun since a time."""
    query = select(redecisions).where(redecisions.c.id > number, redecisions.c.started_at >= since)
    query = query.where(redecisions.c.day != _NO_RUN).order_by(redecisions.c.id)
    rows = connection.execute(query.limit(most))
    return [Run(**row._mapping) for row in rows]


def note_basis(connection: Connection, basis: str, *, at: str) -> None:
    """Record that decisions rest on ``basis``, unless it is known that some do; a run over all ends that.

    Decisions that were made before that was recorded rest on what nobody knows, and it stays so.
    """
    used = bases_in_use(connection)
    if basis in used or (not used and any_decision(connection)):
        return
    row = {"day": _NO_RUN, "basis": basis, "started_at": at, "finished_at": None}
    connection.execute(insert(redecisions), {**row, "last_file": 0, "files": 0, "moved": 0})


def bases_in_use(connection: Connection) -> set[str]:
    """Return everything that decisions may rest on: since the last run over all was finished, if one was."""
    run = last_run(connection, finished=True)
    query = select(redecisions.c.basis).distinct().where(redecisions.c.id >= (0 if run is None else run.id))
    return set(connection.execute(query).scalars())


def any_decision(connection: Connection) -> bool:
    """Return whether anything was ever decided."""
    return connection.execute(select(decisions.c.file_id).limit(1)).first() is not None


def next_turn(connection: Connection) -> str | None:
    """Return the first day on which some decision may be another than it is recorded as; it may be past."""
    day: str | None = connection.execute(select(func.min(decisions.c.turns_on))).scalar()
    return day


def due_count(connection: Connection, day: str) -> int:
    """Return of how many files the decisions may be others on a day than they are recorded as."""
    due = select(func.count(decisions.c.file_id.distinct())).where(decisions.c.turns_on <= day)
    return int(connection.execute(due).scalar_one())


def due_files(connection: Connection, day: str, most: int) -> list[int]:
    """Return up to ``most`` of those files."""
    query = select(decisions.c.file_id).distinct().where(decisions.c.turns_on <= day)
    return list(connection.execute(query.order_by(decisions.c.file_id).limit(most)).scalars())


def decided_upon(connection: Connection) -> int:
    """Return how many files are held or known that decisions are made on."""
    query = select(func.count()).select_from(files).where(files.c.kind.in_(_KINDS))
    return int(connection.execute(query).scalar_one())


def files_after(connection: Connection, last: int, most: int) -> list[int]:
    """Return the next files that decisions are made on, in the order of their ids."""
    query = select(files.c.id).where(files.c.id > last, files.c.kind.in_(_KINDS))
    return list(connection.execute(query.order_by(files.c.id).limit(most)).scalars())


def decisions_on(
    connection: Connection, file_ids: Iterable[int]
) -> dict[int, tuple[list[Decision], str | None]]:
    """Return the decisions as recorded, by file, and the day on which they may be others."""
    found: dict[int, tuple[list[Decision], str | None]] = {}
    for some in batched(file_ids, IN_A_STATEMENT):
        for row in connection.execute(select(decisions).where(decisions.c.file_id.in_(some))):
            found.setdefault(row.file_id, ([], row.turns_on))[0].append(_decision(row))
    return found


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


def names_of(connection: Connection, file_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return the names and SHA-256 of files, as many as a statement may name."""
    query = select(files.c.id, files.c.name, files.c.sha256).where(files.c.id.in_(file_ids))
    return {row.id: (row.name, row.sha256) for row in connection.execute(query)}


def _decision(row: Any) -> Decision:
    return Decision(
        Act(row.act),
        Answer(row.answer),
        row.rule,
        row.reason,
        tuple(row.conditions),
        tuple(row.statements),
        row.territory,
    )
