"""Saving what lies in a public tree elsewhere and may be shown no more: home, or, damaged, out of the way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from phonotheque.ledger.bags import BagFileRecord
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import files
from phonotheque.ledger.withdrawals import State, all_withdrawals, taken_back_ids
from phonotheque.model.errors import NetworkError, PhonothequeError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import fsync_dir, naming, replace_durably
from phonotheque.vault.places import borrowed_path
from phonotheque.vault.storage.base import Storage

QUARANTINE: Final = "quarantine"  # in the vault: bytes that are not what was sealed, under their own hash


def save(archive: Archive, ledger: Connection, storage: Storage, name: str, entry: BagFileRecord) -> None:
    """Keep here what a storage has of a file, "bag/path", before it is deleted there.

    Right bytes wait in ``vault/incoming``; others are set aside, as they are, unless the file is to be
    erased. Raises NetworkError, PhonothequeError if it cannot be read.
    """
    goal = incoming_path(archive.incoming, entry.sha256)
    if check_file(goal, entry.size, entry.sha256) is None:
        return
    coming = borrowed_path(archive, entry.sha256)
    archive.incoming.mkdir(parents=True, exist_ok=True)
    try:
        try:
            found = _fetch(storage, name, coming)
        except NetworkError:
            raise
        except (PhonothequeError, OSError) as error:
            if _is_to_be_erased(ledger, entry):
                return
            raise PhonothequeError(
                f"{storage.url}/{name} is taken back, and cannot be read to keep it: {error}.",
                "It stays there until it is mended: phono repair. It is shown to nobody here.",
            ) from error
        if found == entry.sha256:
            goal.parent.mkdir(parents=True, exist_ok=True)
            coming.chmod(0o444)
            replace_durably(coming, goal)
        elif not _is_to_be_erased(ledger, entry):
            _set_aside(archive, coming, found, name, storage)
    finally:
        coming.unlink(missing_ok=True)


def _fetch(storage: Storage, name: str, coming: Path) -> str:
    """Fetch what is there, whatever it is; return its SHA-256."""
    digest = hashlib.sha256()
    with coming.open("xb") as stream, naming(coming):
        for chunk in storage.read(name):
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _set_aside(archive: Archive, coming: Path, found: str, name: str, storage: Storage) -> None:
    folder = archive.incoming.parent / QUARANTINE
    folder.mkdir(exist_ok=True)
    coming.chmod(0o444)
    replace_durably(coming, folder / found)
    fsync_dir(folder.parent)
    with archive.ledger.begin() as writing:
        record_event(
            writing,
            at=timestamp(now()),
            kind="quarantine",
            subject=name,
            agent=archive.settings.archive.agent,
            detail={"place": storage.url, "sha256": found},
        )


def _is_to_be_erased(ledger: Connection, entry: BagFileRecord) -> bool:
    subject = func.coalesce(files.c.master_id, files.c.id)
    one = ledger.execute(select(subject).where(files.c.id == entry.file_id)).scalar()
    erasing = (each for each in all_withdrawals(ledger) if each.erase and each.state is State.ACCEPTED)
    return any(one in taken_back_ids(ledger, each.id) for each in erasing)
