"""Verifying what a folder holds: ledger, catalogue, masters, bags. Every byte, and nothing assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.bags import all_bags, where_bagged
from phonotheque.ledger.connect import integrity_errors
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import files, fixity_checks
from phonotheque.model.bags import Finding
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.fixity import check_bag, check_file
from phonotheque.vault.incoming import each_incoming, incoming_path

_AT_A_TIME = 500  # files whose whereabouts are asked of the ledger at once

T = TypeVar("T")


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
    errors = integrity_errors(archive.ledger)
    findings = tuple(Finding("damaged", "ledger", error) for error in errors)
    return Checked("ledger", 1, 0, findings, started)


def check_catalogue(archive: Archive) -> Checked:
    """Compare every table of the current snapshot with its recorded hash."""
    started = timestamp(now())
    if not (archive.catalogue / "CURRENT").exists():
        return Checked("catalogue", 0, 0, (), started)
    try:
        with Catalogue.open(archive.catalogue) as catalogue:
            tables = catalogue.snapshot.tables.values()
            size = sum(table.bytes for table in tables)
            return Checked("catalogue", len(tables), size, tuple(catalogue.verify()), started)
    except VerificationError as error:
        return Checked("catalogue", 0, 0, (Finding("damaged", "catalogue", error.message),), started)


def check_incoming(archive: Archive, progress: Progress = QUIET) -> Checked:
    """Re-hash every master and access copy that lies in no bag; name what is held and not there."""
    started = timestamp(now())
    with archive.ledger.connect() as ledger:
        held = select(files.c.id, files.c.sha256, files.c.size).where(files.c.held).order_by(files.c.id)
        unbagged: dict[str, int] = {}
        for rows in _chunks(ledger.execute(held)):
            bagged = where_bagged(ledger, [row.id for row in rows])
            unbagged.update((row.sha256, row.size) for row in rows if row.id not in bagged)
    progress.start("Checking masters", total_files=len(unbagged), total_bytes=sum(unbagged.values()))
    findings: list[Finding] = []

    def check(item: tuple[str, int]) -> Finding | None:
        path = incoming_path(archive.incoming, item[0])
        found = check_file(path, item[1], item[0], name=f"vault/incoming/{path.parent.name}/{path.name}")
        progress.advance(files=1, size=item[1])
        return found

    with ThreadPoolExecutor() as threads:
        for chunk in _chunks(unbagged.items()):
            findings += [found for found in threads.map(check, chunk) if found is not None]
    findings += _unrecorded(archive, unbagged)
    return Checked("incoming", len(unbagged), sum(unbagged.values()), tuple(findings), started)


def check_bags(
    archive: Archive, expected: Mapping[str, str | None], progress: Progress = QUIET
) -> Iterator[Checked]:
    """Validate these bags (id → SHA-256 of its tag manifest, if known); name folders that are none."""
    progress.start("Checking bags", total_files=0, total_bytes=0)
    with ThreadPoolExecutor() as threads:
        for bag_id, tagmanifest in expected.items():
            started = timestamp(now())
            folder = archive.bags / bag_id
            progress.grow(files=1)
            report = check_bag(folder, executor=threads, progress=progress, tagmanifest_sha256=tagmanifest)
            yield Checked(bag_id, report.files_checked, report.bytes_checked, report.findings, started)
    strangers = _strangers(archive.bags, expected)
    if strangers:
        yield Checked("bags", 0, 0, tuple(strangers), timestamp(now()))


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


def _unrecorded(archive: Archive, recorded: Mapping[str, int]) -> Iterator[Finding]:
    if not archive.incoming.is_dir():
        return
    for path in each_incoming(archive.incoming):
        if path.name not in recorded:
            name = f"vault/incoming/{path.parent.name}/{path.name}"
            yield Finding(
                "extra", name, "not in the ledger: left by an interrupted run, or put there by hand"
            )


def _strangers(bags: Path, expected: Mapping[str, str | None]) -> list[Finding]:
    if not bags.is_dir():
        return []
    detail = "a folder that the ledger does not list as a bag"
    return [
        Finding("extra", entry.name, detail)
        for entry in sorted(bags.iterdir())
        if entry.name not in expected and not entry.name.startswith(".")
    ]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, _AT_A_TIME)):
        yield chunk
