"""Verifying what a folder holds: ledger, catalogue, masters, bags. Every byte, and nothing assumed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.bags import BagPlace, all_bags, places_of_bags
from phonotheque.ledger.connect import integrity_errors
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import bag_files, files, fixity_checks
from phonotheque.model.bags import Finding
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.fixity import check_bag, check_file
from phonotheque.vault.incoming import SHELVES, incoming_path
from phonotheque.vault.places import check_places

UNBAGGED = and_(files.c.held, ~exists().where(bag_files.c.file_id == files.c.id))


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked of one subject: a bag's id, "incoming", "catalogue", "ledger" or "public"."""

    subject: str
    files: int
    bytes: int
    findings: tuple[Finding, ...]
    started_at: str


def check_ledger(archive: Archive) -> Checked:
    """Ask the database whether its file and its references are sound."""
    started = timestamp(now())
    try:
        errors = integrity_errors(archive.ledger)
    except VerificationError as error:  # not even to be opened
        errors = [error.message]
    findings = tuple(Finding("damaged", "ledger", error) for error in errors)
    return Checked("ledger", 1, 0, findings, started)


def check_catalogue(archive: Archive) -> Checked:
    """Compare every table of the current snapshot with its recorded hash."""
    started = timestamp(now())
    if not (archive.catalogue / "CURRENT").exists():
        return Checked("catalogue", 0, 0, (), started)
    try:
        with Catalogue.open(archive.catalogue) as catalogue:
            tables = catalogue.snapshot.files
            size = sum(table.bytes for table in tables)
            return Checked("catalogue", len(tables), size, tuple(catalogue.verify()), started)
    except VerificationError as error:
        return Checked("catalogue", 0, 0, (Finding("damaged", "catalogue", error.message),), started)


def check_incoming(archive: Archive, progress: Progress = QUIET) -> Checked:
    """Re-hash every master and access copy that lies in no bag; name what the ledger holds and is not there.

    Goes shelf by shelf, so that only a 256th of what is held is in memory. A whole copy of what a bag holds
    too, which an interrupted run can leave, is nothing wrong.
    """
    started = timestamp(now())
    folder = archive.incoming
    with archive.ledger.connect() as ledger, ThreadPoolExecutor() as threads:
        count, size = ledger.execute(select(func.count(), func.sum(files.c.size)).where(UNBAGGED)).one()
        progress.start("Checking masters", total_files=count, total_bytes=size or 0)
        findings = [unexpected(path) for path in entries(folder) if path.name not in SHELVES]

        def check(item: tuple[str, int]) -> Finding | None:
            path = incoming_path(folder, item[0])
            found = check_file(path, item[1], item[0], name=name_in_vault(path))
            progress.advance(files=1, size=item[1])
            return found

        for shelf in SHELVES:
            wanted = recorded_sizes(ledger, UNBAGGED, files.c.sha256.between(shelf, shelf + "~"))
            others = [path for path in entries(folder / shelf) if path.name not in wanted]
            spare = recorded_sizes(ledger, files.c.held, files.c.sha256.in_([path.name for path in others]))
            found = threads.map(check, (wanted | spare).items())
            findings += [finding for finding in found if finding is not None]
            findings += [unexpected(path) for path in others if path.name not in spare]
    return Checked("incoming", count, size or 0, tuple(findings), started)


def check_bags(
    archive: Archive,
    expected: Mapping[str, str | None],
    progress: Progress = QUIET,
    *,
    parts: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Iterator[Checked]:
    """Validate these bags (id → SHA-256 of its tag manifest, if known); name folders that are none.

    A bag that lies outside the archive's folder, too, or only there, is read there. Raises NetworkError when
    such a place cannot be reached. ``parts`` are, by bag held in part, the files that have to be there.
    """
    progress.start("Checking bags", total_files=0, total_bytes=0)
    with archive.ledger.connect() as ledger:
        places = places_of_bags(ledger)
    with ThreadPoolExecutor() as threads:
        for bag_id, tagmanifest in expected.items():
            progress.grow(files=1)
            only = parts.get(bag_id)
            yield _check_bag(archive, bag_id, tagmanifest, places.get(bag_id, ()), threads, progress, only)
    if found := strangers(archive.bags, expected):
        yield Checked("bags", 0, 0, tuple(found), timestamp(now()))


def _check_bag(
    archive: Archive,
    bag_id: str,
    tagmanifest: str | None,
    places: Sequence[BagPlace],
    threads: ThreadPoolExecutor,
    progress: Progress,
    only: Collection[str] | None,
) -> Checked:
    started = timestamp(now())
    count, size, findings = 0, 0, []
    if not any(place.moved for place in places):
        folder = archive.bags / bag_id
        report = check_bag(
            folder, executor=threads, progress=progress, tagmanifest_sha256=tagmanifest, only=only
        )
        count, size, findings = report.files_checked, report.bytes_checked, list(report.findings)
    for outcome in check_places(archive, bag_id, places, progress):
        if isinstance(outcome, Finding):
            findings.append(outcome)
        else:
            count, size = count + 1, size + outcome
    return Checked(bag_id, count, size, tuple(findings), started)


def recorded_bags(archive: Archive) -> dict[str, str | None]:
    """Return the archive's own sealed bags with the hash of each one's tag manifest."""
    with archive.ledger.connect() as ledger:
        return {bag.id: bag.tagmanifest_sha256 for bag in all_bags(ledger)}


def record_check(archive: Archive, checked: Checked) -> None:
    """Write down that, when, and with what outcome something was checked."""
    finished = timestamp(now())
    with archive.ledger.begin() as ledger:
        ledger.execute(
            insert(fixity_checks).values(
                subject=checked.subject,
                started_at=checked.started_at,
                finished_at=finished,
                files=checked.files,
                bytes=checked.bytes,
                findings=[asdict(finding) for finding in checked.findings],
            )
        )
        record_event(
            ledger,
            at=finished,
            kind="fixity check",
            subject=checked.subject,
            agent=archive.settings.archive.agent,
            outcome="fail" if checked.findings else "success",
            detail={"files": checked.files, "findings": len(checked.findings)},
        )


def recorded_sizes(ledger: Connection, *which: ColumnElement[bool]) -> dict[str, int]:
    """Return the sizes of recorded files, by SHA-256, in its order."""
    rows = ledger.execute(select(files.c.sha256, files.c.size).where(*which).order_by(files.c.sha256))
    return {row.sha256: row.size for row in rows}


def entries(folder: Path) -> list[Path]:
    """Return what a folder holds, in order; nothing if there is none."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def unexpected(path: Path) -> Finding:
    """Return the finding on what the ledger does not list."""
    detail = "not expected here by the ledger: left by an interrupted run, or put there by hand"
    return Finding("extra", name_in_vault(path), detail)


def name_in_vault(path: Path) -> str:
    """Return a path inside the archive's vault for people, whatever bytes its names are made of."""
    below = path.parts[len(path.parts) - path.parts[::-1].index("vault") - 1 :]
    return os.fsencode("/".join(below)).decode("utf-8", "backslashreplace")


def strangers(bags: Path, expected: Mapping[str, str | None]) -> list[Finding]:
    """Name what lies among sealed bags and is none."""
    detail = "a folder that the ledger does not list as a bag"
    return [
        Finding("extra", name_in_vault(entry), detail)
        for entry in entries(bags)
        if entry.name not in expected and not entry.name.startswith(".")
    ]
