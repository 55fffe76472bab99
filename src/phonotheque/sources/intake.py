"""Adding a folder: walk, take in on every core, record, and leave a state from which a rerun continues."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from phonotheque.jobs.pool import DEATHS
from phonotheque.jobs.tracking import Job
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import (
    Recorded,
    Sighting,
    any_accession,
    finish_accession,
    record_file,
    record_sighting,
    sightings_of,
    start_accession,
)
from phonotheque.ledger.jobs import Outcome, settle_items
from phonotheque.ledger.sidecars import record_sidecar
from phonotheque.ledger.statements import record_evidence
from phonotheque.model.audio import AudioFacts, Integrity, Refusal, RefusalKind, say_integrity
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.sidecars import SidecarFacts
from phonotheque.sources.ahead import looking_ahead, walk_for
from phonotheque.sources.decide import redecide, redecide_due
from phonotheque.sources.folder import FoundFile, Unwalkable, said
from phonotheque.sources.granted import Granting, record_bases
from phonotheque.sources.held import catalogue_is_behind, expect_change
from phonotheque.sources.keeping import NOT_KEPT, expected_keepable, let_go_unkeepable
from phonotheque.sources.only import settle_met
from phonotheque.sources.spread import Where, take_in_spread
from phonotheque.sources.take_in import How, TakeIn, Taken, remove_leftovers, still_the_same
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.places import check_bagged

_LISTED = 10_000  # files named in the result; the ledger's sightings have them all
_HELD = "held"
_KNOWN = "known"
_RETRIED = {RefusalKind.UNREADABLE.value}  # outcomes that may differ next time though the file is the same
_NO_AGREEMENT = Granting("folder")
# What may differ when somebody asks for it, and how often it was tried.
_OPEN = {RefusalKind.UNREADABLE: (Outcome.FAILED, 1), RefusalKind.UNSAFE: (Outcome.SET_ASIDE, DEATHS)}


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How a folder is added. ``reread`` takes in files again that look unchanged.

    ``only`` are the paths of the files to take in, again if need be; None for all. ``workers`` are processes,
    one per core by default; with a cluster in the settings they do not count.
    """

    how: How = How.COPY
    reread: bool = False
    loudness: bool = True
    workers: int | None = None
    only: frozenset[bytes] | None = None


@dataclass(slots=True)
class AddResult:
    """What adding a folder came to, in files."""

    accession: str
    behind: bool = False  # an earlier run was interrupted before the catalogue had what it recorded
    held: int = 0  # newly held masters
    again: int = 0  # other copies of masters already held
    known: int = 0  # facts recorded, bytes not kept: no basis allows it
    sidecars: int = 0  # newly held artwork, lyrics and documents
    sidecars_again: int = 0  # other places of sidecars already held
    sidecars_known: int = 0  # lying beside music, and not kept: no basis allows it
    unchanged: int = 0  # skipped: exactly as they were last time
    refused: Counter[str] = field(default_factory=Counter)
    notable: list[tuple[str, str]] = field(default_factory=list)  # (path, what a person should know)
    unwalkable: set[bytes] = field(default_factory=set)  # of ``only``: what could not be looked at
    unlisted: int = 0  # further notable files, beyond what is worth keeping in memory

    @property
    def changed(self) -> bool:
        """Whether the catalogue has something to learn."""
        return bool(self.held or self.again or self.known or self.behind)

    def count(self, facts: AudioFacts | SidecarFacts, recorded: Recorded) -> None:
        """Count a file that was recorded."""
        new, again = recorded.newly_held, recorded.held and not recorded.newly_held
        known = not recorded.held
        if isinstance(facts, SidecarFacts):
            self.sidecars += new
            self.sidecars_again += again
            self.sidecars_known += known
        else:
            self.held += new
            self.again += again
            self.known += known

    def note(self, path: bytes, text: str) -> None:
        """Keep what a person should know of a file."""
        if len(self.notable) < _LISTED:
            self.notable.append((path.decode("utf-8", "backslashreplace"), text))
        else:
            self.unlisted += 1

    def refuse(self, path: bytes, refusal: Refusal) -> None:
        """Count and note a file that was not taken in; not one that was read for what it says of rights."""
        if refusal.kind is RefusalKind.EVIDENCE:
            return
        self.refused[refusal.kind.value] += 1
        self.note(path, f"{refusal.kind}: {refusal.reason}")


def add_folder(
    archive: Archive,
    folder: Path,
    options: AddOptions = AddOptions(),
    progress: Progress = QUIET,
    job: Job | None = None,
    granting: Granting = _NO_AGREEMENT,
) -> AddResult:
    """Take in every file under ``folder``. The archive's lock must be held.

    ``job`` is told what failed and can be tried again, and that what failed before is settled. ``granting``
    is what agreements say of the files, and as what they come.

    Everything recorded before an interruption stays, and a rerun goes on from there. Raises NotFoundError
    when there is no such folder, UsageError when it is part of the archive, VerificationError when the ledger
    was lost, OSError when the archive's own disk fails.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is not a folder.", "Name a folder with music in it.")
    folder = folder.resolve()  # one name, however it was typed: paths are how files are recognised
    if folder.is_relative_to(archive.folder.resolve()):
        raise UsageError(f"{folder} is part of the archive itself.", "Name a folder outside of it.")
    _expect_its_own_ledger(archive)
    archive.incoming.mkdir(parents=True, exist_ok=True)
    remove_leftovers(archive.incoming)
    agent = archive.settings.archive.agent
    with archive.ledger.begin() as ledger:
        redecide_due(ledger, archive.settings, at=timestamp(now()))  # what may be kept goes by decisions
        accession = start_accession(
            ledger, source=granting.source, location=said(folder), agent=agent, at=timestamp(now())
        )
    result = AddResult(accession, behind=catalogue_is_behind(archive))
    total = 0 if options.only is None else None  # grows while it is looked ahead
    progress.start("Adding", total_files=total, total_bytes=total)
    tasks = _tasks(archive, folder, options, result, progress, job, granting)
    where = Where(options.workers, archive.settings.jobs.cluster)
    incoming = archive.incoming.absolute()
    batches = take_in_spread(tasks, where, incoming=incoming, folder=folder, progress=progress)
    with looking_ahead(archive, folder, options.only, progress), closing(batches):
        for finished in batches:
            _record(archive, result, finished, options, progress, job, granting)
    if job is not None and options.only is not None:
        settle_met(archive.ledger, job, folder, options.only, result.unwalkable, at=timestamp(now()))
    with archive.ledger.begin() as ledger:
        finish_accession(ledger, accession, at=timestamp(now()))
        record_event(
            ledger,
            at=timestamp(now()),
            kind="ingestion end",
            subject=accession,
            agent=agent,
            detail={
                "held": result.held,
                "known": result.known,
                "sidecars": result.sidecars,
                "refused": dict(result.refused),
            },
        )
    return result


def _expect_its_own_ledger(archive: Archive) -> None:
    with archive.ledger.connect() as ledger:
        new = not any_accession(ledger)
    if new and archive.holds_something():
        raise VerificationError(
            f"The ledger of {archive.folder} is empty, though the archive holds bags or masters.",
            "Restore the ledger from a backup: a new one would know nothing of what is held.",
        )


def _tasks(
    archive: Archive,
    folder: Path,
    options: AddOptions,
    result: AddResult,
    progress: Progress,
    job: Job | None,
    granting: Granting,
) -> Iterator[TakeIn]:
    settings, country = archive.settings, archive.settings.archive.country
    mandate = bool(settings.mandate.preserve.strip())
    incoming = archive.incoming.absolute()  # workers of a cluster have another working directory
    for chunk in batched(walk_for(archive, folder, options.only), IN_A_STATEMENT):
        with archive.ledger.connect() as ledger:
            seen = sightings_of(ledger, [item.path for item in chunk])
            ids = {sighting.file_id for sighting in seen.values() if sighting.file_id is not None}
            allowed_ids = expected_keepable(ledger, settings, ids)
            known = {
                path: sighting.file_id for path, sighting in seen.items() if sighting.file_id is not None
            }
            fresh = granting.unrecorded(ledger, known)
        for item in chunk:
            if isinstance(item, Unwalkable):
                result.refuse(item.path, item.refusal)
                if options.only is not None:
                    result.unwalkable.add(item.path)
                with archive.ledger.begin() as ledger:
                    _tell(ledger, job, item.path, item.refusal)
                progress.advance(files=1)
                continue
            if granting.only_these and item.path not in granting.of:
                continue
            before = seen.get(item.path)
            file_id = before.file_id if before is not None else None
            allowed = mandate if file_id is None else file_id in allowed_ids
            again = options.reread or options.only is not None or item.path in fresh
            if before is not None and not again and _settled(before, item, allowed, options.how):
                result.unchanged += before.outcome != RefusalKind.EVIDENCE
                progress.advance(files=1, size=item.size)
                continue
            bases = granting.of.get(item.path, ())
            yield TakeIn(
                item, incoming, options.how, allowed, options.loudness, bases, granting.only_these, country
            )


def _settled(before: Sighting, item: FoundFile, allowed: bool, how: How) -> bool:
    if before.outcome in _RETRIED or (before.outcome == _KNOWN and allowed):
        return False
    if before.outcome == _HELD and how is How.MOVE:
        return False  # only what has just been read and compared is removed
    return before.unchanged(_sighting(item, before.outcome))


def _record(
    archive: Archive,
    result: AddResult,
    batch: list[Taken],
    options: AddOptions,
    progress: Progress,
    job: Job | None,
    granting: Granting,
) -> None:
    at = timestamp(now())
    if any(isinstance(taken.outcome, AudioFacts) for taken in batch):
        expect_change(archive)
    with archive.ledger.begin() as ledger:
        recorded: dict[int, Taken] = {}
        new: dict[int, str] = {}  # what is held from now on, with its SHA-256
        found: list[tuple[Taken, Recorded]] = []
        for taken in batch:
            if isinstance(taken.outcome, Refusal):
                result.refuse(taken.found.path, taken.outcome)
                sighting = _sighting(taken.found, taken.outcome.kind.value, taken.outcome.reason)
                record_sighting(ledger, sighting, accession=result.accession, at=at)
            else:
                row = _record_facts(ledger, result.accession, taken, taken.outcome, at)
                found.append((taken, row))
                file_id = row.id
                if row.newly_held:
                    new[file_id] = taken.outcome.sha256
                if not granting.only_these:
                    record_evidence(ledger, file_id, taken.evidence, found_at=taken.found.path, at=at)
                bases = [each for each in granting.of.get(taken.found.path, ()) if each.key in taken.bases]
                record_bases(ledger, file_id, bases, accession=result.accession, at=at)
                if file_id not in recorded or taken.held:  # equal bytes may be held for one place only
                    recorded[file_id] = taken
        redecide(ledger, recorded, archive.settings, at=at)
        gone = let_go_unkeepable(archive, ledger, new)
        for taken, row in found:
            _tell_recorded(ledger, result, taken, row, row.id in gone, at)
        if job is not None:
            settle_items(ledger, [taken.found.path for taken in batch], at=at)
        for taken in batch:
            _tell(ledger, job, taken.found.path, taken.outcome)
        bagged = where_bagged(
            ledger, [file_id for file_id, taken in recorded.items() if taken.held and file_id not in gone]
        )
        # A recorded bag has these bytes. Killed after this and before the commit, the next run takes them
        # in again and comes here once more; killed the other way round, nobody would remove them.
        for file_id, (bag_id, path) in bagged.items():
            _remove_spare(archive, result, recorded[file_id], bag_id, path)
    # Only now, acknowledged, may a source be removed: the archive has its bytes.
    if options.how is How.MOVE:
        for taken, row in found:
            if taken.held and row.id not in gone:
                _remove_source(result, taken.found)
    progress.advance(files=len(batch), size=sum(taken.found.size for taken in batch))


def _record_facts(
    ledger: Connection, accession: str, taken: Taken, facts: AudioFacts | SidecarFacts, at: str
) -> Recorded:
    path, name, held = taken.found.path, taken.found.relative, taken.held
    if isinstance(facts, SidecarFacts):
        return record_sidecar(ledger, facts, path=path, held=held, accession=accession, name=name, at=at)
    return record_file(ledger, facts, kind="master", held=held, accession=accession, name=name, at=at)


def _tell_recorded(
    ledger: Connection, result: AddResult, taken: Taken, row: Recorded, let_go: bool, at: str
) -> None:
    facts = taken.outcome
    assert not isinstance(facts, Refusal)
    if let_go:
        row = Recorded(row.id, held=False, newly_held=False)
        result.note(taken.found.path, NOT_KEPT)
    sighting = _sighting(taken.found, _HELD if row.held else _KNOWN, file_id=row.id)
    record_sighting(ledger, sighting, accession=result.accession, at=at)
    result.count(facts, row)
    if isinstance(facts, AudioFacts) and facts.integrity is Integrity.DAMAGED:
        result.note(taken.found.path, say_integrity(facts.integrity, facts.integrity_notes, most=3))


def _remove_spare(archive: Archive, result: AddResult, taken: Taken, bag_id: str, path: str) -> None:
    """Remove the copy just taken in of a master that a sealed bag has, if the bag's is shown to be whole."""
    assert not isinstance(taken.outcome, Refusal)
    if wrong := check_bagged(archive, bag_id, path, taken.outcome.size, taken.outcome.sha256):
        result.note(taken.found.path, f"kept also outside its bag, where it is {wrong.what}: {bag_id}/{path}")
    else:
        incoming_path(archive.incoming, taken.outcome.sha256).unlink(missing_ok=True)


def _remove_source(result: AddResult, found: FoundFile) -> None:
    try:
        if still_the_same(found):
            os.unlink(found.path)
        else:
            result.note(found.path, "not removed: it has changed since it was taken in")
    except FileNotFoundError:
        return  # somebody else has removed it, as was asked of us
    except OSError as error:
        result.note(found.path, f"taken in, but it cannot be removed: {error.strerror}")


def _tell(ledger: Connection, job: Job | None, path: bytes, came_of_it: object) -> None:
    """Record what can be tried again."""
    if job is not None and isinstance(came_of_it, Refusal) and came_of_it.kind in _OPEN:
        outcome, attempts = _OPEN[came_of_it.kind]
        job.failed(ledger, path, outcome, came_of_it.reason, attempts)


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
