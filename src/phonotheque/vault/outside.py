"""Where bags go by the settings: a place outside of the archive, and still the one it was."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from phonotheque.ledger.bags import bags_in_place
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import TAG_MANIFEST
from phonotheque.vault.storage.base import PlaceGoneError, Storage
from phonotheque.vault.storage.opening import checked_place, open_place


@dataclass(frozen=True, slots=True)
class Target:
    """Where bags are to lie. ``moves``: instead of ``vault/bags``, not besides."""

    place: str
    moves: bool


def target_of(archive: Archive) -> Target | None:
    """Return where bags go by the settings, None where they stay. Raises UsageError.

    A public tree that lies outside holds the bags, as ``bags/``: so HTTP is a web seed for every torrent.
    Neither may lie in the archive's folder, or around it: what is moved there would be removed there.
    """
    settings = archive.settings.storage
    public = checked_place(settings.public, "public") if settings.public else ""
    bags = checked_place(settings.bags, "bags") if settings.bags else ""
    if public and bags and bags != f"{public}/bags":
        raise UsageError(
            f"[storage] bags = {bags} is not part of the public tree, {public}, which has to hold the bags.",
            f'Write bags = "{public}/bags", or leave bags out to keep a copy here, too.',
        )
    for name, place in (("public", public), ("bags", bags)):
        _refuse_own_folder(archive, name, place)
    if not bags:
        return Target(f"{public}/bags", moves=False) if public else None
    return Target(bags, moves=True)


def check_recorded(archive: Archive, place: str, *, first: str = "") -> Storage:
    """Open a place and see that it is the one that the ledger knows: where nothing is mounted is another one.

    Raises PlaceGoneError if it is not there, or has none of the bags recorded in it, of which the bag
    ``first`` is looked for first. Of a place without any, nothing is asked.
    """
    storage = open_place(place, archive.settings.storage)
    with archive.ledger.connect() as ledger, closing(bags_in_place(ledger, place)) as recorded:
        one = next(recorded, None)
        if one is None:
            return storage
        storage.check()
        some = itertools.chain([first] if first else [], [one], recorded)
        if any(storage.stat(f"{bag}/{TAG_MANIFEST}") is not None for bag in some):
            return storage
    raise PlaceGoneError(
        f"{storage.url} has none of the bags that the ledger says are there: it is empty, or another place.",
        f"Mount the disk. If it is a new one, put {archive.bags / one / TAG_MANIFEST} there, as "
        f"{one}/{TAG_MANIFEST}; then: phono repair",
    )


def _refuse_own_folder(archive: Archive, name: str, place: str) -> None:
    if not place or "://" in place:
        return
    there = Path(place).resolve()
    # Parts of an archive may be links to other disks: each is looked at by itself.
    for own in (archive.folder, archive.bags, archive.incoming, archive.public):
        here = own.resolve()
        if _holds(here, there) or _holds(there, here):
            raise UsageError(
                f"[storage] {name} = {place} and {own} lie in one another: nothing can be moved from one to "
                "the other.",
                "Name a folder outside of the archive's.",
            )


def _holds(outer: Path, inner: Path) -> bool:
    """Tell whether a folder is another or lies in it, also by another name, as a bind mount gives it."""
    return any(_same(folder, outer) for folder in (inner, *inner.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (FileNotFoundError, NotADirectoryError):
        return one == other
