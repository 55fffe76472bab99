"""Removing bags that are current no more, once the edition that says so is out. Deleting needs a proof.

Each file of such a bag is whole in a current bag, or waits whole in ``vault/incoming``, or was erased for a
withdrawal. A file that is none of these stays where it is, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from phonotheque.editions.sending import unsend
from phonotheque.editions.shelves import torrent_path
from phonotheque.editions.upholding import remove_erased
from phonotheque.editions.withholding import hide_bag
from phonotheque.ledger.bags import bagged_copy
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import FormerBag, FormerBagFile, all_former_bags, files_of_former_bag
from phonotheque.ledger.schema import events, files
from phonotheque.model.bags import Finding
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bag import remove_bag
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.outside import check_recorded
from phonotheque.vault.places import check_bagged

_CLEARED = "deaccession"  # the PREMIS event type


def clear_former_bags(archive: Archive) -> list[Finding]:
    """Remove what is left of former bags, here and where they lay; return files that have no proof.

    Run again, it goes on. Raises NetworkError where a place cannot be reached.
    """
    with archive.ledger.connect() as ledger:
        waiting = [one for one in all_former_bags(ledger) if not _is_cleared(ledger, one)]
    unproven: list[Finding] = []
    for one in waiting:
        hide_bag(archive, one.bag)
        torrent = f"targets/{torrent_path(one.bag.edition, one.bag.id, one.bag.audience)}"
        (archive.public / torrent).unlink(missing_ok=True)
        unsend(archive, [torrent])
        found = list(_unproven(archive, one))
        unproven += found
        if not found:
            _clear(archive, one)
    remove_erased(archive)
    return unproven


def former_ids(ledger: Connection) -> list[str]:
    """Return the ids of all former bags."""
    return [one.bag.id for one in all_former_bags(ledger)]


def _clear(archive: Archive, one: FormerBag) -> None:
    folder = archive.bags / one.bag.id
    if folder.exists():
        remove_bag(folder)
    for place in one.places:
        storage = check_recorded(archive, place)
        for stored in list(storage.list(f"{one.bag.id}/")):
            storage.delete(stored.key)
    with archive.ledger.begin() as ledger:
        record_event(
            ledger,
            at=timestamp(now()),
            kind=_CLEARED,
            subject=one.bag.id,
            agent=archive.settings.archive.agent,
            detail={"replaced_by": one.replaced_by, "places": list(one.places)},
        )


def _is_cleared(ledger: Connection, one: FormerBag) -> bool:
    query = select(events.c.id).where(events.c.subject == one.bag.id, events.c.type == _CLEARED)
    return ledger.execute(query.limit(1)).first() is not None


def _unproven(archive: Archive, one: FormerBag) -> Iterator[Finding]:
    folder = archive.bags / one.bag.id
    if not folder.exists() and not one.places:
        return
    with archive.ledger.connect() as ledger:
        kept = [file for file in files_of_former_bag(ledger, one.bag.id) if file.file_id is not None]
        erased = _erased(ledger, kept)
    for file in kept:
        if file.file_id not in erased and not _is_elsewhere(archive, folder / file.path, file):
            detail = f"it is nowhere else, so {folder} stays; it is shown to nobody"
            yield Finding("unproven", f"{one.bag.id}/{file.path}", detail)


def _erased(ledger: Connection, kept: list[FormerBagFile]) -> set[int]:
    """Return the files whose bytes a withdrawal has erased."""
    found: set[int] = set()
    for file in kept:
        query = select(files.c.id).where(files.c.id == file.file_id, ~files.c.held)
        found |= set(ledger.execute(query).scalars())
    return found


def _is_elsewhere(archive: Archive, here: Path, file: FormerBagFile) -> bool:
    """Tell whether a file's bytes are whole in a current bag, or wait: read now, or one file with this."""
    waiting = incoming_path(archive.incoming, file.sha256)
    if _is_same(here, waiting) or check_file(waiting, file.size, file.sha256) is None:
        return True
    with archive.ledger.connect() as ledger:
        bagged = bagged_copy(ledger, file.sha256)
    if bagged is None:
        return False
    bag_id, path, size = bagged
    if _is_same(here, archive.bags / bag_id / path):
        return True
    return check_bagged(archive, bag_id, path, size, file.sha256) is None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False
