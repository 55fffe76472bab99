"""Repair: read every byte of what is held, and fetch from others only the pieces that are wrong.

It serves mirrors, and archives that get their own bags back from a mirror: what verifies is right, whoever
sent it, because the edition held here says what is right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.ledger.bags import BagPlace, places_of_bags
from phonotheque.ledger.holdings import reopen
from phonotheque.ledger.scrubs import note_verified
from phonotheque.mirrors.fetching import Fetching, Pace
from phonotheque.mirrors.holdings import current_edition, expected_bags, parts_expected
from phonotheque.mirrors.home import sweep
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.origins import each
from phonotheque.mirrors.repair_places import Mended, mend
from phonotheque.mirrors.seeking import seek
from phonotheque.mirrors.standing import Standing, look, narrowed
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.mirrors.tempo import Tempo
from phonotheque.mirrors.transfer import find_torrent, home_of
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bagfolder import PAYLOAD, files_in


@dataclass(slots=True)
class RepairReport:
    """What was read, what was wrong, and what became of it. Sizes in bytes; pairs begin with the bag's id."""

    bags: list[str] = field(default_factory=list)  # read from end to end
    bytes_checked: int = 0
    findings: list[tuple[str, Finding]] = field(default_factory=list)  # before the repair
    repaired: list[str] = field(default_factory=list)  # every byte verified afterwards
    failed: list[tuple[str, str]] = field(default_factory=list)  # and why
    extra: list[tuple[str, str]] = field(default_factory=list)  # files that the bag does not list
    deleted: bool = False  # whether the extra files were deleted
    fetched: int = 0
    sought: list[str] = field(default_factory=list)  # SHA-256 of files lost before, which came back
    still_sought: list[str] = field(default_factory=list)  # of those that nobody asked has

    @property
    def whole(self) -> bool:
        """Whether everything is right now."""
        return not self.failed and (self.deleted or not self.extra)


def repair(
    folder: Archive,
    origin: Origin,
    *,
    bags: Collection[str] = (),
    peers: Sequence[str] = (),
    swarm: SwarmSettings | None = None,
    tempo: Tempo | None = None,
    pace: Pace | None = None,
    delete_extra: bool = False,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
) -> RepairReport:
    """Check the bags held in a mirror or archive (or only ``bags``) and repair them from ``origin``.

    The origin is asked for the wrong pieces themselves; what it cannot give is looked for in the swarm, with
    ``peers``. Files that a bag does not list are deleted only if ``delete_extra``. An unreadable file is
    named and left alone. What an archive's editions seek is looked for, too, unless only ``bags`` are mended.
    The folder's lock is taken here. Raises PhonothequeError when the disk is full.
    """
    stop = stop or threading.Event()
    report, began = RepairReport(deleted=delete_extra), clock()
    with folder.writing("repair"):
        sweep(folder)
        edition = current_edition(folder)
        parts = parts_expected(folder) if folder.is_mirror else {}
        held = expected_bags(folder).keys() if folder.is_mirror else {entry.id for entry in edition.bags}
        chosen = [entry for entry in edition.bags if entry.id in held and (not bags or entry.id in bags)]
        if unknown := set(bags) - {entry.id for entry in chosen}:
            raise NotFoundError(f"{folder.folder} does not hold the bag {min(unknown)}.")
        places = _places(folder)
        here = [entry for entry in chosen if not any(place.moved for place in places.get(entry.id, ()))]
        progress.start("Checking", total_bytes=sum(entry.bytes for entry in here))
        surveyed = [
            (entry, _survey(folder, origin, entry, parts.get(entry.id), report, progress))
            for entry in here
            if not stop.is_set()
        ]
        wanted = [entry for entry, damaged in surveyed if damaged]
        swarm = swarm or SwarmSettings()
        fetching = Fetching(
            folder,
            origin,
            swarm=swarm,
            tempo=tempo,
            peers=resolve_peers(peers, by_number=swarm.proxy is not None),
            pace=pace or Pace(),
            progress=progress,
            stop=stop,
            clock=clock,
        )
        try:
            progress.start("Repairing", total_bytes=sum(entry.bytes for entry in wanted))
            outcome = fetching.fetch(wanted, direct=True, event="recovery", parts=_payload(parts))
        finally:
            fetching.close()
        report.repaired = outcome.complete
        report.failed += [*outcome.missing.items(), *outcome.refused.items()]
        report.fetched = outcome.fetched
        outside = [entry for entry in chosen if entry.id in places]
        if outside:
            progress.start("Checking storages", total_bytes=sum(entry.bytes for entry in outside))
        for entry in outside:
            if not stop.is_set():
                mended = mend(
                    folder,
                    origin,
                    entry,
                    places[entry.id],
                    delete_extra=delete_extra,
                    progress=progress,
                    stop=stop,
                )
                _add(report, entry.id, mended)
                if not mended.failed and not stop.is_set() and (delete_extra or not mended.extra):
                    _note_places(folder, entry, places[entry.id], timestamp(began))
        if not folder.is_mirror and not bags and not stop.is_set():
            at = timestamp(clock())
            report.sought, report.still_sought = seek(folder, each(origin), at=at, progress=progress)
        _note_verified(folder, here, report, timestamp(began))
    return report


def _note_verified(folder: Archive, here: Sequence[BagEntry], report: RepairReport, at: str) -> None:
    """Let the scrub know which bags were read from end to end, and are right."""
    wrong = {bag for bag, _ in (*report.failed, *([] if report.deleted else report.extra))}
    mended = {bag for bag, _ in report.findings} - set(report.repaired)
    with folder.ledger.begin() as connection:
        for entry in here:
            if entry.id in report.bags and entry.id not in wrong | mended:
                note_verified(connection, entry.id, at=at, files=entry.files, size=entry.bytes)


def _note_places(folder: Archive, entry: BagEntry, places: Sequence[BagPlace], at: str) -> None:
    """Let the scrub know that a bag was read in all its places, and is right there."""
    with folder.ledger.begin() as connection:
        for place in places:
            note_verified(connection, entry.id, at=at, files=entry.files, size=entry.bytes, place=place.place)
        if any(place.moved for place in places):  # its tag files are here
            files, size = entry.files - entry.payload_files, entry.bytes - entry.payload_bytes
            note_verified(connection, entry.id, at=at, files=files, size=size)


def _places(folder: Archive) -> dict[str, list[BagPlace]]:
    """Return where bags lie besides, or instead of, the folder. Mirrors keep theirs in it."""
    if folder.is_mirror:
        return {}
    with folder.ledger.connect() as ledger:
        return places_of_bags(ledger)


def _add(report: RepairReport, bag: str, mended: Mended) -> None:
    if bag not in report.bags:
        report.bags.append(bag)
    report.bytes_checked += mended.checked
    report.findings += [(bag, finding) for finding in mended.findings]
    report.failed += [(bag, reason) for reason in mended.failed]
    report.extra += [(bag, path) for path in mended.extra]
    report.fetched += mended.fetched
    if mended.findings and not mended.failed and bag not in report.repaired:
        report.repaired.append(bag)


def _payload(parts: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {
        bag: frozenset(path for path in paths if path.startswith(PAYLOAD)) for bag, paths in parts.items()
    }


def _survey(
    folder: Archive,
    origin: Origin,
    entry: BagEntry,
    part: frozenset[str] | None,
    report: RepairReport,
    progress: Progress,
) -> bool:
    """Read a bag, or what is held of it, from end to end; True if something is to be fetched for it."""
    try:
        _, meta = find_torrent(origin, folder.public, entry)
        home = home_of(folder, entry.id)
        standing = narrowed(look(home, meta), part)
        if home.exists():
            _handle_extra(home, entry, meta, report)
    except (VerificationError, NotFoundError, NetworkError) as error:
        report.failed.append((entry.id, error.message))
        return False
    except OSError as error:
        finding = Finding("unreadable", str(error.filename), f"cannot be read: {error.strerror}")
        report.findings.append((entry.id, finding))
        report.failed.append((entry.id, f"{finding.path} {finding.detail}"))
        return False
    finally:
        progress.advance(size=entry.bytes)
    report.bags.append(entry.id)
    report.bytes_checked += sum(file.size for file in meta.files if part is None or file.path in part)
    if standing.lacking:
        report.findings += [(entry.id, _finding(folder, entry, file, standing)) for file in standing.lacking]
        if folder.is_mirror:
            with folder.ledger.begin() as connection:
                reopen(connection, entry.id, [file.path for file in standing.lacking])
    # A kill may have come when all of it was right, and before it was in its place.
    return bool(standing.lacking) or home != folder.bags / entry.id


def _finding(folder: Archive, entry: BagEntry, file: TorrentFile, standing: Standing) -> Finding:
    pieces = standing.have[file.first_piece : file.first_piece + file.pieces]
    if not (home_of(folder, entry.id) / file.path).exists():
        return Finding("missing", file.path, "is not there")
    if all(pieces):
        return Finding("damaged", file.path, "has another size")
    return Finding("damaged", file.path, f"{pieces.count(0)} of {len(pieces)} pieces are wrong")


def _handle_extra(home: Path, entry: BagEntry, meta: TorrentMeta, report: RepairReport) -> None:
    listed = {file.path for file in meta.files}
    unlistable: list[OSError] = []
    found = files_in(home, lambda _, error: unlistable.append(error))
    extra = [path for path, _ in found if path not in listed]
    if unlistable:
        raise unlistable[0]
    report.extra += [(entry.id, path) for path in sorted(extra)]
    if report.deleted:
        for path in extra:
            (home / path).unlink()
