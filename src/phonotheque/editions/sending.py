"""Sending the public tree to where the settings want it: what is new first, the timestamp last.

The tree in the archive's folder is the one that is signed; this makes the other one equal to it. Clients
there see the edition before, until TUF's timestamp is replaced, which is one small object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from phonotheque.editions.audiences import audiences_of
from phonotheque.editions.site import ROOM
from phonotheque.ledger.bags import all_bags, places_of_bags
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.model.media import media_type
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import WORLDWIDE
from phonotheque.model.settings import StorageSettings
from phonotheque.vault.archive import Archive
from phonotheque.vault.outside import check_recorded, target_of
from phonotheque.vault.place import feed
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.opening import checked_place, open_place
from phonotheque.vault.transfers import send

_ROOT = "metadata/1.root.json"
_TIMESTAMP = "metadata/timestamp.json"
_FOLDERS = ("targets", ".well-known", "mining", *ROOM, "metadata")
_BAGS = "bags"


def check_public(archive: Archive) -> None:
    """See whether the public tree may be sent to where the settings want it, before anything is signed.

    Raises VerificationError if a newer tree of this archive is there, as after restoring a backup; UsageError
    if another archive's is, or the place is in this archive's folder; NotFoundError or NetworkError if it is
    out of reach.
    """
    target = target_of(archive)
    storage = _storage(archive.settings.storage)
    if storage is not None:
        _refuse_restricted(archive)
        storage.check()
        if target is not None:
            check_recorded(archive, target.place)
        _refuse_other_tree(archive, storage)


def _refuse_restricted(archive: Archive) -> None:
    """Refuse to put what is not for everybody where everybody can read it. Raises UsageError."""
    with archive.ledger.connect() as ledger:
        restricted = [bag.id for bag in all_bags(ledger) if bag.audience != WORLDWIDE]
    if restricted or len(audiences_of(archive.settings)) > 1:
        what = f"the bag {restricted[0]} is" if restricted else "[publish] audiences names some who are"
        raise UsageError(
            f"[storage] public is for everybody, and {what} not: nobody would ask there where visitors are.",
            "Leave out [storage] public, and serve the public tree yourself: phono serve.",
        )


def send_public(archive: Archive, progress: Progress) -> None:
    """Make the public tree outside equal to the one in the archive's folder; only pages are deleted there.

    Run again, it sends what is missing. Raises PhonothequeError if another tree is there, or a bag is not.
    """
    settings = archive.settings.storage
    storage = _storage(settings)
    if storage is None:
        return
    _refuse_other_tree(archive, storage)
    _refuse_missing_bags(archive)
    items = [_item(archive.public, path) for path in _files(archive.public)]
    there = {stored.key: stored for folder in _FOLDERS for stored in storage.list(f"{folder}/")}
    for item in items:
        if "/" not in item.key and (stored := storage.stat(item.key)):
            there[item.key] = stored
    new = [item for item in items if item.key not in there or not storage.matches(there[item.key], item)]
    if new:
        size = sum(item.size for item in new)
        progress.start("Sending the public tree", total_files=len(new), total_bytes=size)
    for stage in _stages(new):
        # Only what differs is sent, to replace what is there. It is small: it is always read back.
        send(storage, stage, {}, replace(settings, verify="read"), progress)
    for folder in _FOLDERS:
        storage.tidy(f"{folder}/")
    here = {item.key for item in items}
    for key in there:  # pages of what there was once may tell of what was taken back
        if key.partition("/")[0] in ROOM and key not in here:
            storage.delete(key)


def unsend(archive: Archive, paths: Iterable[str]) -> None:
    """Remove files of the public tree outside that are in the one here no more, by their paths in it."""
    storage = _storage(archive.settings.storage)
    if storage is not None:
        for path in paths:
            storage.delete(path)


def send_files(archive: Archive, paths: Sequence[str]) -> None:
    """Make files of the public tree outside as they are here, or remove them, by their paths in it.

    Nothing is done where that tree is not there yet, or is another one.
    """
    storage = _storage(archive.settings.storage)
    roots = _both(archive, storage, _ROOT) if storage and paths else None
    if storage and roots and roots[0] == roots[1]:
        here = [path for path in paths if (archive.public / path).exists()]
        unsend(archive, [path for path in paths if path not in here])
        items = [_item(archive.public, path) for path in here]
        send(storage, items, {}, replace(archive.settings.storage, verify="read"), QUIET)


def _stages(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Part what is sent: what is pointed at, then what points at it, and by itself what makes it count."""
    yield [item for item in items if item.key.startswith("targets/")]
    yield [item for item in items if not item.key.startswith(("targets/", "metadata/"))]
    yield [item for item in items if item.key.startswith("metadata/") and item.key != _TIMESTAMP]
    yield [item for item in items if item.key == _TIMESTAMP]


def _files(public: Path) -> Iterator[str]:
    """Yield the paths of the tree's own files. Bags are sent as bags."""
    for entry in sorted(public.iterdir()):
        if entry.is_dir() and entry.name != _BAGS:
            found = [path for path in entry.rglob("*") if path.is_file() and not path.name.startswith(".")]
            yield from (path.relative_to(public).as_posix() for path in sorted(found))
        elif entry.is_file() and not entry.name.startswith("."):
            yield entry.name


def _item(public: Path, path: str) -> Item:
    file = public / path
    digest = feed(file, hashlib.sha256()).hexdigest()
    return Item(path, file, file.stat().st_size, digest, media_type(path))


def _storage(settings: StorageSettings) -> Storage | None:
    return open_place(checked_place(settings.public, "public"), settings) if settings.public else None


def _refuse_other_tree(archive: Archive, storage: Storage) -> None:
    root, timestamp = archive.public / _ROOT, _both(archive, storage, _TIMESTAMP)
    if storage.stat(_ROOT) is not None and not (
        root.exists() and root.read_bytes() == b"".join(storage.read(_ROOT))
    ):
        raise UsageError(
            f"{storage.url} holds the public tree of another archive: its {_ROOT} is not {root}.",
            "Give each archive its own prefix in [storage] public.",
        )
    if not timestamp or timestamp[0] == timestamp[1]:
        return
    there = _version(timestamp[0], f"{storage.url}/{_TIMESTAMP}")
    here = _version(timestamp[1], str(archive.public / _TIMESTAMP))
    if there >= here:
        raise VerificationError(
            f"{storage.url} is newer than {archive.public}: its timestamp has version {there}, here {here}.",
            "Is this a backup, or a copy? Bring its ledger, catalogue, bags and public tree up to date.",
        )


def _both(archive: Archive, storage: Storage, path: str) -> tuple[bytes, bytes] | None:
    """Return a small file as it is there and here, None where one of them is not made yet."""
    here = archive.public / path
    if not here.exists() or storage.stat(path) is None:
        return None
    return b"".join(storage.read(path)), here.read_bytes()


def _version(timestamp: bytes, where: str) -> int:
    try:
        return int(json.loads(timestamp)["signed"]["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise VerificationError(
            f"{where} is no TUF timestamp: {error!r}.", "Remove it there; it is sent anew."
        ) from error


def _refuse_missing_bags(archive: Archive) -> None:
    target = target_of(archive)
    assert target is not None
    with archive.ledger.connect() as ledger:
        bags, places = all_bags(ledger), places_of_bags(ledger)
    for bag in bags:
        if target.place not in [place.place for place in places.get(bag.id, ())]:
            where = ", ".join(place.place for place in places.get(bag.id, ())) or archive.bags
            raise PhonothequeError(
                f"The bag {bag.id} lies in {where}, and the public tree needs it in {target.place}.",
                "Set [storage] bags and public as they were when it was moved.",
            )
