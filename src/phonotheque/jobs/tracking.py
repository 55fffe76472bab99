"""Telling the ledger what a job does while it does it, and from the ledger whether it still runs."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from phonotheque.ledger.jobs import (
    Item,
    JobRecord,
    Outcome,
    Run,
    Standing,
    State,
    begin_job,
    end_job,
    note_standing,
    record_item,
)
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.progress import QUIET, Progress

_EVERY: Final = 5.0  # seconds between two notes of how far a job is
_SILENCE: Final = timedelta(minutes=15)


class Sign(StrEnum):
    """How a job stands, as far as can be told from here."""

    RUNNING = "running"
    SILENT = "silent"  # on another machine, and has said nothing for long
    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Job:
    """A job under way. It is a Progress that others see, and passes on to the one it was given."""

    def __init__(self, engine: Engine, number: int, shown: Progress, clock: Callable[[], str]) -> None:
        self.id = number
        self._engine, self._shown, self._clock = engine, shown, clock
        self._standing = Standing(stage_at=clock())
        self._growing = threading.Lock()  # totals grow in another thread, which never writes
        self._noted = time.monotonic()

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        """Begin a stage."""
        self._shown.start(what, total_files=total_files, total_bytes=total_bytes)
        with self._growing:
            self._standing = Standing(what, self._clock(), of_files=total_files, of_bytes=total_bytes)
        self.note()

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        """Count what is done. The ledger learns of it every few seconds: no transaction may be open."""
        self._shown.advance(files=files, size=size)
        with self._growing:
            now = self._standing
            self._standing = replace(now, files=now.files + files, bytes=now.bytes + size)
        if time.monotonic() - self._noted > _EVERY:
            self.note()

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        """Raise what there is to do."""
        self._shown.grow(files=files, size=size)
        with self._growing:
            now = self._standing
            of_files, of_bytes = (now.of_files or 0) + files, (now.of_bytes or 0) + size
            self._standing = replace(now, of_files=of_files, of_bytes=of_bytes)

    def say(self, message: str) -> None:
        """Show one line."""
        self._shown.say(message)

    def note(self) -> None:
        """Tell the ledger how far it is."""
        with self._engine.begin() as ledger:
            note_standing(ledger, self.id, self._standing, at=self._clock())
        self._noted = time.monotonic()

    def end(self, state: State, message: str | None = None) -> None:
        """Tell the ledger how far it came, and how it ended."""
        with self._engine.begin() as ledger:
            note_standing(ledger, self.id, self._standing, at=self._clock())
            end_job(ledger, self.id, state, message, at=self._clock())

    def failed(self, ledger: Connection, item: bytes, outcome: Outcome, reason: str, attempts: int) -> None:
        """Record something that could not be done and can be tried again."""
        record_item(ledger, Item(self.id, item, outcome, reason, attempts, self._clock()))


@contextmanager
def track(
    engine: Engine,
    kind: str,
    what: str,
    *,
    clock: Callable[[], str],
    options: Mapping[str, Any] | None = None,
    cluster: str = "",
    shown: Progress = QUIET,
) -> Iterator[Job]:
    """Record a job that lasts as long as the block, and how it ends. ``clock`` gives the ledger's times."""
    run = replace(this_process(), cluster=cluster or None)
    with engine.begin() as ledger:
        number = begin_job(ledger, kind, what, options or {}, run, at=clock())
    job = Job(engine, number, shown, clock)
    try:
        yield job
    except BaseException as error:
        try:
            job.end(*_ending(error))
        # Such as a full disk, or a lock that was lost: that the process is gone says it, too.
        except (DBAPIError, PhonothequeError) as worse:
            why = worse.orig if isinstance(worse, DBAPIError) else worse
            error.add_note(f"The ledger could not be told: {why}")
        raise
    job.end(State.DONE)


def this_process() -> Run:
    """Return where this process runs."""
    return Run(platform.node(), os.getpid(), f"{_boot()} {_began(os.getpid())}")


def sign_of(job: JobRecord, now: datetime) -> Sign:
    """Return how a job stands: its process is looked for if it ran on this machine since it was started."""
    if job.state is not State.RUNNING:
        return Sign(job.state.value)
    boot, _, began = job.run.process.partition(" ")
    if job.run.host == platform.node():
        same = boot == _boot() and began == _began(job.run.pid)
        return Sign.RUNNING if same else Sign.INTERRUPTED
    silent = now - datetime.fromisoformat(job.seen_at) > _SILENCE
    return Sign.SILENT if silent else Sign.RUNNING


def _ending(error: BaseException) -> tuple[State, str | None]:
    if isinstance(error, KeyboardInterrupt):
        return State.INTERRUPTED, None
    if isinstance(error, PhonothequeError):
        return State.FAILED, error.message
    return State.FAILED, f"{type(error).__name__}: {error}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine was started; "" if there is none (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
