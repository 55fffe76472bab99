"""Repairing bags in storages, file by file: what is wrong there is put anew, from here or from an origin."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.shelves import bags_folder
from phonotheque.editions.withholding import hidden_in_bag, is_for_everybody, withhold_outside
from phonotheque.ledger.bags import BagFileRecord, BagPlace, files_in_bag
from phonotheque.ledger.events import record_event
from phonotheque.mirrors.origin import Origin
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, PhonothequeError, VerificationError
from phonotheque.model.media import media_type
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.fixity import check_file
from phonotheque.vault.outside import check_recorded
from phonotheque.vault.place import write_durably
from phonotheque.vault.places import borrowed_path, let_go
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.opening import open_place
from phonotheque.vault.transfers import in_threads, read_back, send


@dataclass(slots=True)
class Mended:
    """What was wrong with one bag in its places, and what became of it. Sizes in bytes."""

    checked: int = 0
    findings: list[Finding] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    fetched: int = 0


def mend(
    archive: Archive,
    origin: Origin,
    entry: BagEntry,
    places: Sequence[BagPlace],
    *,
    delete_extra: bool,
    progress: Progress,
    stop: threading.Event,
) -> Mended:
    """Read a bag in all its places and put what is wrong anew. NetworkError if one is out of reach.

    What may not be shown is left out where everybody can read, and removed if it is still there.
    """
    mended = Mended()
    with archive.ledger.connect() as ledger:
        entries = list(files_in_bag(ledger, entry.id))
        hidden = hidden_in_bag(ledger, entry.id, now().date())
        withhold_outside(archive, ledger, [f"{entry.id}/{path}" for path in sorted(hidden)])
    for place in places:
        storage = check_recorded(archive, place.place, first=entry.id)
        without = hidden if hidden and is_for_everybody(archive, place.place) else set()
        _drop_extra(storage, entry.id, entries, mended, delete=delete_extra)
        lock = threading.Lock()

        def one(record: BagFileRecord, storage: Storage = storage, lock: threading.Lock = lock) -> None:
            if stop.is_set():
                return
            finding = read_back(storage, f"{entry.id}/{record.path}", record.size, record.sha256)
            with lock:
                progress.advance(size=record.size)
                mended.checked += record.size
            if finding is not None:
                with lock:
                    mended.findings.append(replace(finding, path=record.path))
                _mend_one(archive, origin, storage, entry, record, finding, mended)

        wanted = [record for record in entries if record.path not in without]
        in_threads(one, wanted, archive.settings.storage.transfers)
    if any(place.moved for place in places):
        _mend_tags(archive, places, entry.id, entries, mended)
    if mended.findings and not mended.failed:
        _record(archive, entry.id, mended)
    return mended


def _record(archive: Archive, bag_id: str, mended: Mended) -> None:
    with archive.ledger.begin() as ledger:
        record_event(
            ledger,
            at=timestamp(now()),
            kind="recovery",
            subject=bag_id,
            agent=archive.settings.archive.agent,
            detail={"files": len(mended.findings), "fetched": mended.fetched},
        )


def _mend_one(
    archive: Archive,
    origin: Origin,
    storage: Storage,
    entry: BagEntry,
    record: BagFileRecord,
    finding: Finding,
    mended: Mended,
) -> None:
    if finding.what == "unreadable":
        mended.failed.append(f"{record.path} {finding.detail}")  # which does not make it wrong
        return
    try:
        file = _right_copy(archive, origin, entry, record, mended)
    except (NotFoundError, VerificationError) as error:
        mended.failed.append(error.message)
        return
    key = f"{entry.id}/{record.path}"
    item = Item(key, file, record.size, record.sha256, media_type(f"bags/{key}"))
    try:
        # Whatever is stated of what is there, reading it has shown that it is wrong.
        send(storage, [item], {}, replace(archive.settings.storage, verify="read"), QUIET)
    finally:
        let_go(file)


def _right_copy(
    archive: Archive, origin: Origin, entry: BagEntry, record: BagFileRecord, mended: Mended
) -> Path:
    """Return a whole copy of a file: the one here, or one fetched for a while."""
    here = archive.bags / entry.id / record.path
    shown = f"{bags_folder(entry.audience)}/{entry.id}"
    if check_file(here, record.size, record.sha256) is None:
        return here
    copy = borrowed_path(archive, record.sha256)
    digest = hashlib.sha256()
    try:
        with copy.open("xb") as stream:
            for chunk in origin.open_range(f"{shown}/{record.path}", 0, record.size):
                digest.update(chunk)
                stream.write(chunk)
                mended.fetched += len(chunk)
        if digest.hexdigest() != record.sha256:
            raise VerificationError(f"{origin.where} has another {record.path} than was sealed.")
    except BaseException:
        copy.unlink()
        raise
    return copy


def _mend_tags(
    archive: Archive,
    places: Sequence[BagPlace],
    bag_id: str,
    entries: Sequence[BagFileRecord],
    mended: Mended,
) -> None:
    """Bring back tag files, which stay here when a payload moves, from where the whole bag is."""
    storage = open_place(next(place.place for place in places if place.moved), archive.settings.storage)
    for record in entries:
        file = archive.bags / bag_id / record.path
        if record.path.startswith(PAYLOAD):
            continue
        finding = check_file(file, record.size, record.sha256, name=record.path)
        if finding is None:
            continue
        mended.findings.append(finding)
        try:
            data = b"".join(storage.read(f"{bag_id}/{record.path}"))
        except PhonothequeError as error:
            mended.failed.append(error.message)
            continue
        if hashlib.sha256(data).hexdigest() != record.sha256:
            mended.failed.append(f"{record.path} is wrong in {storage.url}, too")
            continue
        file.parent.mkdir(exist_ok=True)
        write_durably(file, data, mode=0o444)


def _drop_extra(
    storage: Storage, bag_id: str, entries: Sequence[BagFileRecord], mended: Mended, *, delete: bool
) -> None:
    listed = {f"{bag_id}/{record.path}" for record in entries}
    for stored in list(storage.list(f"{bag_id}/")):
        if stored.key not in listed:
            mended.extra.append(stored.key.partition("/")[2])
            if delete:
                storage.delete(stored.key)
