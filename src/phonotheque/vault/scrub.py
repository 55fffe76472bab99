"""The scrub: some of all that is held is read each time, what was read longest ago first, until all was.

Nothing is locked while it reads, so that mirrors serve and archives take in meanwhile: what seems wrong is
looked up in the ledger again, and read again, before it is told. How far it is stays in the ledger, so that a
run may end anywhere; the next goes on with the next file.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.exc import OperationalError

from phonotheque.ledger.events import record_event
from phonotheque.ledger.scrubs import Scrub, all_scrubs, forget_scrubs, save_scrub
from phonotheque.model.bags import Finding
from phonotheque.model.errors import BusyError, PhonothequeError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.check import Checked, record_check
from phonotheque.vault.scrub_units import Member, Unit

LOCK = ".scrub-lock"
_SAVED_EVERY = 5.0  # seconds; what a kill costs
_TOLD = 1_000  # findings of a run that get an event each; the rest is in the record of checks
_AT_ONCE = 2  # files read ahead per processor


class End(StrEnum):
    """Why a run ended."""

    DONE = "done"  # nothing is left that is worth reading
    TIME = "time"
    BYTES = "bytes"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a run may read, and within which period everything is to be read. None: no limit."""

    seconds: float | None = None
    bytes: int | None = None
    period: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something wrong with a file of a unit. ``place`` is empty for what lies in the archive's folder."""

    place: str
    unit: str
    finding: Finding


@dataclass(slots=True)
class Run:
    """What one run read and found. ``unreachable`` says of places why they could not be read."""

    started_at: str
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    finished: int = 0  # units that were read to their end
    wrong: list[Wrong] = field(default_factory=list)
    unsteady: list[Wrong] = field(default_factory=list)  # wrong at first, and right when read again
    unreachable: dict[str, str] = field(default_factory=dict)
    ended: End = End.DONE


@dataclass(slots=True)
class _Part:
    """What a run read of one subject of the record of checks."""

    started_at: str
    files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


def scrub(
    archive: Archive,
    units: Sequence[Unit],
    budget: Budget,
    *,
    on_whole: Callable[[Unit, Scrub], None] | None = None,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
) -> Run:
    """Read units until the budget is used up, ``stop`` is set, or all was read within half the period.

    A run ends after the file with which it reaches its budget. What is found wrong is recorded and told at
    once; ``on_whole`` is called for each unit of which every byte was right. Raises BusyError while another
    scrub is under way.
    """
    with _only_one(archive):
        return _Scrub(archive, budget, on_whole, progress, stop or threading.Event(), clock).run(units)


@contextmanager
def _only_one(archive: Archive) -> Iterator[None]:
    with (archive.folder / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{archive.folder} is being scrubbed already.", "Wait until that has finished, or stop it."
            ) from None
        yield


class _Scrub:
    """One run."""

    def __init__(
        self,
        archive: Archive,
        budget: Budget,
        on_whole: Callable[[Unit, Scrub], None] | None,
        progress: Progress,
        stop: threading.Event,
        clock: Callable[[], datetime],
    ) -> None:
        self._archive, self._budget, self._on_whole = archive, budget, on_whole
        self._progress, self._stop, self._clock = progress, stop, clock
        self._run = Run(timestamp(clock()))
        self._began = self._saved = time.monotonic()
        self._parts: dict[str, _Part] = {}

    def run(self, units: Sequence[Unit]) -> Run:
        with self._archive.ledger.connect() as ledger:
            known = all_scrubs(ledger, self._run.started_at)
        keys = {(unit.place, unit.name) for unit in units}
        with self._archive.ledger.begin() as ledger:
            forget_scrubs(ledger, known.keys() - keys)
        due = self._due(units, known)
        left = sum(unit.bytes for unit in due)
        self._progress.start("Scrubbing", total_bytes=min(left, self._budget.bytes or left))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            try:
                for unit in due:
                    if self._ends():
                        break
                    if unit.place not in self._run.unreachable:
                        self._read(unit, known.get((unit.place, unit.name)), threads)
            finally:
                self._record()
        self._run.seconds = time.monotonic() - self._began
        return self._run

    def _due(self, units: Sequence[Unit], known: dict[tuple[str, str], Scrub]) -> list[Unit]:
        """Return what is to be read, in this order: what was read, or came, the longest ago first.

        What was wrong is read again, after all that is due: it may have been mended.
        """
        recent, today = timestamp(self._clock() - self._budget.period / 2), self._run.started_at

        def since(unit: Unit) -> str:
            scrub = known.get((unit.place, unit.name))
            known_at = None if scrub is None else scrub.verified_at
            return unit.came_by(today) if known_at is None else known_at

        def is_due(unit: Unit) -> bool:
            scrub = known.get((unit.place, unit.name))
            return scrub is None or scrub.verified_at is None or scrub.verified_at < recent or scrub.wrong > 0

        return sorted(filter(is_due, units), key=lambda unit: (since(unit), unit.place, unit.name))

    def _ends(self) -> bool:
        run, budget = self._run, self._budget
        if self._stop.is_set():
            run.ended = End.STOPPED
        elif budget.bytes is not None and run.bytes >= budget.bytes:
            run.ended = End.BYTES
        elif budget.seconds is not None and time.monotonic() - self._began >= budget.seconds:
            run.ended = End.TIME
        return run.ended is not End.DONE

    def _read(self, unit: Unit, before: Scrub | None, threads: ThreadPoolExecutor) -> None:
        """Go on with a unit, or begin it; one whose place cannot be reached stays as it is."""
        at = timestamp(self._clock())
        scrub = (before or Scrub(unit.place, unit.name)).begun(at)
        part = self._parts.setdefault(unit.subject, _Part(at))
        try:
            members = unit.members()
            left = [one for one in members if scrub.after is None or one.path > scrub.after]
            for member, finding in self._checked(unit, left, threads):
                found = self._sure(unit, member, finding) if finding else None
                size = 0 if found and found.what == "missing" else member.size
                scrub = replace(
                    scrub,
                    after=member.path,
                    begun_files=scrub.begun_files + 1,
                    begun_bytes=scrub.begun_bytes + size,
                    begun_wrong=scrub.begun_wrong + bool(found),
                )
                self._count(part, size, [found] if found else [])
                self._save(scrub, now_and_then=True)
            if not left or scrub.after == left[-1].path:
                scrub = self._finish(unit, scrub, part)
        except PhonothequeError as error:
            if not unit.place:
                raise
            self._run.unreachable[unit.place] = error.message
            self._progress.say(f"{error.message} The rest of it is left for another time.")
        finally:
            self._save(scrub)

    def _checked(
        self, unit: Unit, members: Sequence[Member], threads: ThreadPoolExecutor
    ) -> Iterator[tuple[Member, Finding | None]]:
        """Read files, some at a time, until the budget is used up; yield them in their order."""
        waiting = iter(members)
        ahead: deque[tuple[Member, Future[Finding | None]]] = deque()
        most, promised = _AT_ONCE * (os.cpu_count() or 1), 0

        def fill() -> int:
            size = promised
            while len(ahead) < most and not self._ends_after(size) and (one := next(waiting, None)):
                ahead.append((one, threads.submit(unit.check, one)))
                size += one.size
            return size

        try:
            promised = fill()
            while ahead:
                member, future = ahead.popleft()
                yield member, future.result()
                promised -= member.size
                promised = fill()
        finally:
            for _, future in ahead:
                future.cancel()

    def _ends_after(self, promised: int) -> bool:
        """Tell whether nothing more is to be begun, when so many bytes are being read."""
        budget = self._budget.bytes
        return self._ends() or (budget is not None and self._run.bytes + promised >= budget)

    def _finish(self, unit: Unit, scrub: Scrub, part: _Part) -> Scrub:
        """End a pass: look for what no single file shows, and note that all was read."""
        found = self._rest(unit)
        if found:
            again = set(self._rest(unit))  # somebody may have been at work there
            found = [one for one in found if one in again]
        for finding in found:
            self._tell(unit, finding)
        self._count(part, 0, found, files=0)
        done = replace(scrub, begun_wrong=scrub.begun_wrong + len(found)).finished()
        self._run.finished += 1
        self._save(done)
        if self._on_whole and not done.wrong:
            self._on_whole(unit, done)
        return done

    @staticmethod
    def _rest(unit: Unit) -> list[Finding]:
        try:
            return unit.rest()
        except OSError as error:
            where = str(error.filename or unit.name)
            return [Finding("unreadable", where, f"cannot be read: {error.strerror}")]

    def _sure(self, unit: Unit, member: Member, finding: Finding) -> Finding | None:
        """Look again before anything is said: it may have gone where it belongs, or been read wrongly."""
        second = unit.check(member)
        if member not in unit.members():
            return None
        if second is None:
            self._run.unsteady.append(Wrong(unit.place, unit.name, finding))
            self._event(unit, finding, "warning")
            self._progress.say(
                f"{unit.name}/{finding.path} was {finding.what} when it was read first, and right when it "
                "was read again: look at the disk, the memory and the cables."
            )
            return None
        self._tell(unit, second)
        return second

    def _tell(self, unit: Unit, finding: Finding) -> None:
        self._run.wrong.append(Wrong(unit.place, unit.name, finding))
        self._progress.say(f"{finding.what}: {unit.name}: {finding.path}: {finding.detail}")
        if len(self._run.wrong) <= _TOLD:
            self._event(unit, finding, "fail")

    def _event(self, unit: Unit, finding: Finding, outcome: str) -> None:
        with self._archive.ledger.begin() as ledger:
            record_event(
                ledger,
                at=timestamp(self._clock()),
                kind="fixity check",
                subject=unit.subject,
                agent=self._archive.settings.archive.agent,
                outcome=outcome,
                detail={**asdict(finding), "place": unit.place, "by": "scrub"},
            )

    def _count(self, part: _Part, size: int, found: list[Finding], files: int = 1) -> None:
        self._run.files += files
        self._run.bytes += size
        part.files += files
        part.bytes += size
        part.findings += found
        self._progress.advance(size=size)

    def _save(self, scrub: Scrub, *, now_and_then: bool = False) -> None:
        """Record how far a unit is. A ledger that is being written for long is tried again a little later."""
        if now_and_then and time.monotonic() - self._saved < _SAVED_EVERY:
            return
        try:
            with self._archive.ledger.begin() as ledger:
                save_scrub(ledger, scrub)
        except OperationalError as error:
            if not now_and_then or "locked" not in str(error.orig):
                raise
        self._saved = time.monotonic()

    def _record(self) -> None:
        for subject, part in self._parts.items():
            if part.files or part.findings:
                checked = Checked(subject, part.files, part.bytes, tuple(part.findings), part.started_at)
                record_check(self._archive, checked)
