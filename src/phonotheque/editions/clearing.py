"""Removing bags that are current no more, once the edition that says so is out. Deleting needs a proof.

Each file of such a bag is whole in a current bag, or waits whole in ``vault/incoming``, or was erased for a
withdrawal. One that is whole only in the bag, here or where it lay, comes home to wait. A file that is none
of these stays here, and is named; outside, nothing stays that may not be shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from phonotheque.editions.sending import unsend
from phonotheque.editions.shelves import torrent_path
from phonotheque.editions.upholding import remove_erased
from phonotheque.editions.withholding import hide_bag
from phonotheque.ledger.bags import bagged_copy
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import (
    CLEARED,
    FormerBag,
    FormerBagFile,
    Why,
    all_former_bags,
    files_of_former_bag,
    uncleared_bags,
)
from phonotheque.ledger.schema import files
from phonotheque.model.bags import Finding
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bag import remove_bag
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.outside import check_recorded, target_of
from phonotheque.vault.place import replace_durably
from phonotheque.vault.places import borrowed_path, bring_home, check_bagged
from phonotheque.vault.storage.base import Storage

_BARRED: Final = {Why.WITHDRAWN, Why.NOT_ALLOWED}


def clear_former_bags(archive: Archive) -> list[Finding]:
    """Remove what is left of former bags, here and where they lay; return files that have no proof.

    Run again, it goes on. Raises NetworkError where a place cannot be reached.
    """
    hide_former_bags(archive)
    unproven: list[Finding] = []
    for one in _uncleared(archive):
        unsend(archive, [_torrent(one)])
        found = list(_unproven(archive, one))
        _clear_outside(archive, one, found)
        if not found:
            _clear(archive, one)
        where = archive.bags / one.bag.id
        unproven += [
            Finding(
                "unproven",
                f"{one.bag.id}/{file.path}",
                f"it is nowhere else, so {where} stays; it is shown to nobody",
            )
            for file in found
        ]
    remove_erased(archive)
    return unproven


def hide_former_bags(archive: Archive) -> None:
    """Show former bags and their torrents no more in the public tree here: no other place is asked."""
    for one in _uncleared(archive):
        hide_bag(archive, one.bag)
        (archive.public / _torrent(one)).unlink(missing_ok=True)


def _uncleared(archive: Archive) -> list[FormerBag]:
    with archive.ledger.connect() as ledger:
        return uncleared_bags(ledger)


def _torrent(one: FormerBag) -> str:
    return f"targets/{torrent_path(one.bag.edition, one.bag.id, one.bag.audience)}"


def former_ids(ledger: Connection) -> list[str]:
    """Return the ids of all former bags."""
    return [one.bag.id for one in all_former_bags(ledger)]


def _clear(archive: Archive, one: FormerBag) -> None:
    folder = archive.bags / one.bag.id
    if folder.exists():
        remove_bag(folder)
    with archive.ledger.begin() as ledger:
        record_event(
            ledger,
            at=timestamp(now()),
            kind=CLEARED,
            subject=one.bag.id,
            agent=archive.settings.archive.agent,
            detail={"replaced_by": one.replaced_by, "places": list(one.places)},
        )


def _clear_outside(archive: Archive, one: FormerBag, unproven: Collection[FormerBagFile]) -> None:
    """Delete a former bag outside. What has no proof comes here first, as it is.

    If something else is here under its name, it stays there as well, unless it may not be shared.
    """
    lacking = {f"{one.bag.id}/{file.path}": file for file in unproven}
    for place in _places(archive, one):
        storage = check_recorded(archive, place)
        for stored in list(storage.list(f"{one.bag.id}/")):
            file = lacking.get(stored.key)
            here = archive.bags / stored.key
            if file is not None and not here.exists():
                _fetch(archive, storage, stored.key, here)
            elif file is not None and file.left_because not in _BARRED:
                continue
            storage.delete(stored.key)


def _places(archive: Archive, one: FormerBag) -> list[str]:
    """Return where a former bag lies outside; also where it was on its way to when it was taken back."""
    target = target_of(archive)
    return sorted({*one.places, *([target.place] if target else [])})


def _fetch(archive: Archive, storage: Storage, key: str, place: Path) -> None:
    """Bring an object here, whatever its bytes are. Raises NetworkError."""
    coming = borrowed_path(archive, "unproven")
    try:
        with coming.open("xb") as stream:
            for chunk in storage.read(key):
                stream.write(chunk)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(coming, place)
    finally:
        coming.unlink(missing_ok=True)


def _unproven(archive: Archive, one: FormerBag) -> Iterator[FormerBagFile]:
    folder = archive.bags / one.bag.id
    if not folder.exists() and not one.places:
        return
    with archive.ledger.connect() as ledger:
        kept = [file for file in files_of_former_bag(ledger, one.bag.id) if file.file_id is not None]
        erased = _erased(ledger, kept)
    for file in kept:
        if file.file_id in erased or _is_elsewhere(archive, folder / file.path, file):
            continue
        if bring_home(archive, one.bag.id, file, one.places) is not None:
            yield file


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
