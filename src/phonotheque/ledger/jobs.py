"""Jobs: what runs or ran, how far it is, and what it failed at that can be tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from phonotheque.ledger.schema import job_items, jobs
from phonotheque.model.batches import IN_A_STATEMENT, batched


class State(StrEnum):
    """How a job stands, as it said last. One whose process was killed says RUNNING for ever."""

    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Outcome(StrEnum):
    """Why something is to be tried again."""

    FAILED = "failed"
    SET_ASIDE = "set aside"  # it killed every worker that had it
    GIVEN_UP = "given up"  # somebody said that it is not to be tried any more


@dataclass(frozen=True, slots=True)
class Run:
    """Where a job runs. ``process`` tells its process from a later one with the same number."""

    host: str
    pid: int
    process: str
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is: its stage, and what is done of it in files and bytes; None where nobody knows."""

    stage: str | None = None
    stage_at: str = ""
    files: int = 0
    of_files: int | None = None
    bytes: int = 0
    of_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it is in the ledger."""

    id: int
    kind: str
    what: str
    options: Mapping[str, Any]
    state: State
    run: Run
    standing: Standing
    started_at: str
    seen_at: str
    finished_at: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a job failed at: a source path, or a name; ``attempts`` of all jobs together."""

    job: int
    item: bytes
    outcome: Outcome
    reason: str
    attempts: int
    at: str


def begin_job(
    connection: Connection, kind: str, what: str, options: Mapping[str, Any], run: Run, *, at: str
) -> int:
    """Record that a job begins; return its id."""
    row = {
        "kind": kind,
        "what": what,
        "options": dict(options),
        "state": State.RUNNING.value,
        "host": run.host,
        "pid": run.pid,
        "process": run.process,
        "cluster": run.cluster,
        "files": 0,
        "bytes": 0,
        "started_at": at,
        "stage_at": at,
        "seen_at": at,
    }
    key = connection.execute(insert(jobs), row).inserted_primary_key
    assert key is not None
    return int(key[0])


def note_standing(connection: Connection, job: int, standing: Standing, *, at: str) -> None:
    """Record how far a job is."""
    values = {name: getattr(standing, name) for name in Standing.__dataclass_fields__}
    connection.execute(update(jobs).where(jobs.c.id == job).values(**values, seen_at=at))


def end_job(connection: Connection, job: int, state: State, message: str | None, *, at: str) -> None:
    """Record that a job ended, how, and why."""
    ended = {"state": state.value, "message": message, "seen_at": at, "finished_at": at}
    connection.execute(update(jobs).where(jobs.c.id == job).values(ended))


def record_item(connection: Connection, item: Item) -> None:
    """Record what a job failed at, in place of what an earlier one had to say of the same thing."""
    same = job_items.c.item == item.item
    before = connection.execute(select(func.max(job_items.c.attempts)).where(same)).scalar() or 0
    settle_items(connection, [item.item], at=item.at)
    row = {
        "job_id": item.job,
        "item": item.item,
        "outcome": item.outcome.value,
        "reason": item.reason,
        "attempts": int(before) + item.attempts,
        "at": item.at,
    }
    connection.execute(insert(job_items), row)


def settle_items(connection: Connection, items: Iterable[bytes], *, at: str, but: int | None = None) -> None:
    """Record that these were done, or are refused for good, except what the job ``but`` failed at itself."""
    for some in batched(items, IN_A_STATEMENT):
        still = job_items.c.item.in_(some) & job_items.c.settled_at.is_(None)
        if but is not None:
            still &= job_items.c.job_id != but
        connection.execute(update(job_items).where(still).values(settled_at=at))


def settle_kind(connection: Connection, kind: str, *, at: str) -> None:
    """Record that all that jobs of a kind failed at was tried again."""
    of_kind = select(jobs.c.id).where(jobs.c.kind == kind)
    still = job_items.c.job_id.in_(of_kind) & job_items.c.settled_at.is_(None)
    connection.execute(update(job_items).where(still).values(settled_at=at))


def give_up(connection: Connection, items: Iterable[Item], reason: str, *, at: str) -> None:
    """Record that these are not to be tried any more, and why. What failed, and when, is kept as well."""
    for item in items:
        settle_items(connection, [item.item], at=at)
        row = {
            "job_id": item.job,
            "item": item.item,
            "outcome": Outcome.GIVEN_UP.value,
            "reason": reason,
            "attempts": item.attempts,
            "at": at,
            "settled_at": at,
        }
        connection.execute(insert(job_items), row)


def given_up(connection: Connection) -> list[Item]:
    """Return what was given up, in that order; one that failed again later is listed nevertheless."""
    of_these = job_items.c.outcome == Outcome.GIVEN_UP.value
    return _items(connection, select(job_items).where(of_these).order_by(job_items.c.id))


def last_jobs(connection: Connection, most: int) -> list[JobRecord]:
    """Return the newest jobs, the last first."""
    return _records(connection, select(jobs).order_by(jobs.c.id.desc()).limit(most))


def jobs_named(connection: Connection, ids: Iterable[int]) -> list[JobRecord]:
    """Return jobs by their ids, the last first."""
    return _records(connection, select(jobs).where(jobs.c.id.in_(list(ids))).order_by(jobs.c.id.desc()))


def running_jobs(connection: Connection) -> list[JobRecord]:
    """Return the jobs that did not say that they ended, the last first."""
    running = select(jobs).where(jobs.c.state == State.RUNNING.value)
    return _records(connection, running.order_by(jobs.c.id.desc()))


def open_items(connection: Connection, job: int | None = None) -> list[Item]:
    """Return what can be tried again, of one job or of all, in the order in which it failed."""
    query = select(job_items).where(job_items.c.settled_at.is_(None)).order_by(job_items.c.id)
    if job is not None:
        query = query.where(job_items.c.job_id == job)
    return _items(connection, query)


def _items(connection: Connection, query: Select[Any]) -> list[Item]:
    return [
        Item(row.job_id, bytes(row.item), Outcome(row.outcome), row.reason, row.attempts, row.at)
        for row in connection.execute(query)
    ]


def _records(connection: Connection, query: Select[Any]) -> list[JobRecord]:
    return [
        JobRecord(
            id=row.id,
            kind=row.kind,
            what=row.what,
            options=row.options,
            state=State(row.state),
            run=Run(row.host, row.pid, row.process, row.cluster),
            standing=Standing(row.stage, row.stage_at, row.files, row.of_files, row.bytes, row.of_bytes),
            started_at=row.started_at,
            seen_at=row.seen_at,
            finished_at=row.finished_at,
            message=row.message,
        )
        for row in connection.execute(query)
    ]
