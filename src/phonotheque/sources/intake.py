"""Adding a folder: walk, take in on every core, record, and leave a state from which a rerun continues."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from phonotheque.jobs.pool import Poison, process_pool, run_batches
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import (
    Sighting,
    finish_accession,
    record_file,
    record_sighting,
    sightings_of,
    start_accession,
)
from phonotheque.ledger.statements import decided_files, record_evidence
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind
from phonotheque.model.errors import NotFoundError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import Act
from phonotheque.sources.decide import redecide
from phonotheque.sources.folder import FoundFile, Unwalkable, survey, walk
from phonotheque.sources.take_in import How, TakeIn, Taken, remove_leftovers, take_in
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.incoming import incoming_path

_LOOK_UP = 500  # paths asked of the ledger at a time
_BATCH = 4  # files per task: about a second of work, so that Ctrl-C loses little
_RETRIED = {RefusalKind.UNREADABLE.value}  # outcomes that may differ next time though the file is the same


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How a folder is added. ``reread`` takes in files again that look unchanged."""

    how: How = How.COPY
    reread: bool = False
    loudness: bool = True
    workers: int | None = None


@dataclass(slots=True)
class AddResult:
    """What adding a folder came to, in files."""

    accession: str
    held: int = 0  # newly held masters
    again: int = 0  # other copies of masters already held
    known: int = 0  # facts recorded, bytes not kept: no basis allows it
    unchanged: int = 0  # skipped: exactly as they were last time
    refused: Counter[str] = field(default_factory=Counter)
    notable: list[tuple[str, str]] = field(default_factory=list)  # (path, what a person should know)

    @property
    def changed(self) -> bool:
        """Whether the ledger knows anything new."""
        return bool(self.held or self.again or self.known)


def add_folder(
    archive: Archive, folder: Path, options: AddOptions = AddOptions(), progress: Progress = QUIET
) -> AddResult:
    """Take in every file under ``folder``. The archive's lock must be held.

    Everything recorded before an interruption stays, and a rerun goes on from there. Raises NotFoundError
    when there is no such folder, OSError when the archive's own disk fails.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is not a folder.", "Name a folder with music in it.")
    archive.incoming.mkdir(parents=True, exist_ok=True)
    remove_leftovers(archive.incoming)
    agent = archive.settings.archive.agent
    with archive.ledger.begin() as ledger:
        accession = start_accession(
            ledger, source="folder", location=str(folder.absolute()), agent=agent, at=timestamp(now())
        )
    result = AddResult(accession)
    progress.start("Adding", total_files=0, total_bytes=0)
    with _looking_ahead(folder, progress):
        tasks = _tasks(archive, folder, options, result, progress)
        for finished in run_batches(
            take_in, tasks, batch=_BATCH, make_pool=lambda: process_pool(options.workers)
        ):
            _record(archive, result, [_isolated(taken) for taken in finished], options, progress)
    with archive.ledger.begin() as ledger:
        finish_accession(ledger, accession, at=timestamp(now()))
        record_event(
            ledger,
            at=timestamp(now()),
            kind="ingestion end",
            subject=accession,
            agent=agent,
            detail={"held": result.held, "known": result.known, "refused": dict(result.refused)},
        )
    return result


def _tasks(
    archive: Archive, folder: Path, options: AddOptions, result: AddResult, progress: Progress
) -> Iterator[TakeIn]:
    mandate = bool(archive.settings.mandate.preserve.strip())
    with archive.ledger.connect() as ledger:
        keepable = decided_files(ledger, Act.PRESERVE)
    for chunk in _chunks(walk(folder, skip=archive.folder), _LOOK_UP):
        with archive.ledger.connect() as ledger:
            seen = sightings_of(ledger, [item.path for item in chunk])
        for item in chunk:
            if isinstance(item, Unwalkable):
                _note_refusal(result, item.path, item.refusal)
                continue
            before = seen.get(item.path)
            allowed = mandate or (before is not None and before.file_id in keepable)
            if before is not None and not options.reread and _settled(before, item, allowed):
                result.unchanged += 1
                progress.advance(files=1, size=item.size)
                continue
            yield TakeIn(item, archive.incoming, options.how, allowed, options.loudness)


def _settled(before: Sighting, item: FoundFile, allowed: bool) -> bool:
    if before.outcome in _RETRIED or (before.outcome == "known" and allowed):
        return False
    return before.unchanged(_sighting(item, before.outcome))


def _record(
    archive: Archive, result: AddResult, batch: list[Taken], options: AddOptions, progress: Progress
) -> None:
    at = timestamp(now())
    superfluous: list[Path] = []
    with archive.ledger.begin() as ledger:
        touched = set()
        for taken in batch:
            if isinstance(taken.outcome, Refusal):
                _note_refusal(result, taken.found.path, taken.outcome)
                sighting = _sighting(taken.found, taken.outcome.kind.value, taken.outcome.reason)
                record_sighting(ledger, sighting, accession=result.accession, at=at)
                continue
            file_id = _record_facts(ledger, result, taken, taken.outcome, at)
            touched.add(file_id)
            if taken.held and where_bagged(ledger, [file_id]):
                superfluous.append(incoming_path(archive.incoming, taken.outcome.sha256))
        redecide(ledger, touched, archive.settings, at=at)
    # Only now, acknowledged, may anything be removed: a sealed bag has these bytes, or the archive has them.
    for path in superfluous:
        path.unlink(missing_ok=True)
    if options.how is How.MOVE:
        for taken in batch:
            if taken.held:
                os.unlink(taken.found.path)
    progress.advance(files=len(batch), size=sum(taken.found.size for taken in batch))


def _record_facts(ledger: Connection, result: AddResult, taken: Taken, facts: AudioFacts, at: str) -> int:
    file_id, newly_held = record_file(
        ledger,
        facts,
        kind="master",
        held=taken.held,
        accession=result.accession,
        name=taken.found.relative,
        at=at,
    )
    outcome = "held" if taken.held else "known"
    sighting = _sighting(taken.found, outcome, file_id=file_id)
    record_sighting(ledger, sighting, accession=result.accession, at=at)
    record_evidence(ledger, file_id, taken.evidence, found_at=taken.found.path, at=at)
    if newly_held:
        result.held += 1
    elif taken.held:
        result.again += 1
    else:
        result.known += 1
    if facts.integrity_notes:
        result.notable.append(
            (taken.found.relative, f"{facts.integrity}: {'; '.join(facts.integrity_notes)}")
        )
    return file_id


def _isolated(taken: Taken | Poison[TakeIn]) -> Taken:
    if isinstance(taken, Poison):
        reason = "killed the process that read it, twice; set aside"
        return Taken(taken.item.found, Refusal(RefusalKind.UNSAFE, reason))
    return taken


def _note_refusal(result: AddResult, path: bytes, refusal: Refusal) -> None:
    result.refused[refusal.kind.value] += 1
    result.notable.append((path.decode("utf-8", "backslashreplace"), f"{refusal.kind}: {refusal.reason}"))


def _sighting(
    found: FoundFile, outcome: str, reason: str | None = None, file_id: int | None = None
) -> Sighting:
    return Sighting(
        path=found.path,
        device=found.device,
        inode=found.inode,
        size=found.size,
        mtime_ns=found.mtime_ns,
        evidence_state=found.notes_state,
        outcome=outcome,
        reason=reason,
        file_id=file_id,
    )


def _chunks(items: Iterable[FoundFile | Unwalkable], size: int) -> Iterator[list[FoundFile | Unwalkable]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


@contextmanager
def _looking_ahead(folder: Path, progress: Progress) -> Iterator[None]:
    """Count what is to come in a thread, so that the remaining time can be told while the walk streams."""
    stop = threading.Event()

    def count() -> None:
        for files, size in survey(folder):
            if stop.is_set():
                return
            progress.grow(files=files, size=size)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
