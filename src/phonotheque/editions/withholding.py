"""What of the sealed bags the public tree shows: all of a bag by one link, or all but what is withheld.

A sealed bag never changes. Until it is revised, what was taken back stays in ``vault/bags`` and is shown to
nobody: in the place of the link to the bag stands a folder of links to its other files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, func, select

from phonotheque.editions.judging import judge
from phonotheque.editions.shelves import BAGS, RESTRICTED, bags_folder
from phonotheque.ledger.bags import (
    BagFileRecord,
    BagPlace,
    BagRecord,
    all_bags,
    files_in_bag,
    places_of_bags,
)
from phonotheque.ledger.schema import bag_files, files
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.media import media_type
from phonotheque.model.progress import QUIET
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.outside import check_recorded
from phonotheque.vault.place import fsync_dir
from phonotheque.vault.places import bring_home
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.transfers import send

_PARTIAL = ".partial-"


def shown_at(archive: Archive, bag: BagRecord) -> Path:
    """Return where the public tree shows a bag."""
    return archive.public / bags_folder(bag.audience) / bag.id


def bags_with(ledger: Connection, file_ids: Iterable[int]) -> set[str]:
    """Return the bags that hold one of these files, or a copy made from one."""
    found: set[str] = set()
    subject = func.coalesce(files.c.master_id, files.c.id)
    bagged = select(bag_files.c.bag_id).join(files, files.c.id == bag_files.c.file_id)
    for some in batched(sorted(set(file_ids)), IN_A_STATEMENT):
        found |= set(ledger.execute(bagged.where(subject.in_(some))).scalars())
    return found


def hidden_in(ledger: Connection, bag: BagRecord, on: date) -> set[str]:
    """Return the paths of a bag's files that may not be shown to its audience on a day."""
    return {one.entry.path for one in judge(ledger, bag, on) if not one.allowed}


def shown_in(ledger: Connection, bag_ids: Iterable[str], on: date) -> list[str]:
    """Return "bag/path" of the files of these bags that may be shown to their audience on a day."""
    wanted = set(bag_ids)
    bags = (bag for bag in all_bags(ledger) if bag.id in wanted)
    return [f"{bag.id}/{one.entry.path}" for bag in bags for one in judge(ledger, bag, on) if one.allowed]


def withhold(archive: Archive, ledger: Connection, bag_ids: Iterable[str], on: date) -> list[str]:
    """Show of these bags what may be shown on a day; return "bag/path" of what is not.

    Only this archive's own tree is changed. Repeated, it changes nothing.
    """
    wanted = set(bag_ids)
    withheld = []
    for bag in (bag for bag in all_bags(ledger) if bag.id in wanted):
        hidden = hidden_in(ledger, bag, on)
        place = shown_at(archive, bag)
        # Nothing is shown before its edition is out; what is left half-made was shown before.
        if os.path.lexists(place) or os.path.lexists(_partial(place)):
            show_bag(archive, ledger, bag, hidden)
        withheld += [f"{bag.id}/{path}" for path in sorted(hidden)]
    return withheld


def show_bag(archive: Archive, ledger: Connection, bag: BagRecord, hidden: Iterable[str] = ()) -> None:
    """Show a bag in the public tree, but for the files whose paths in it are ``hidden``."""
    place = shown_at(archive, bag)
    place.parent.mkdir(parents=True, exist_ok=True)
    home = archive.bags / bag.id
    without = set(hidden)
    partial = _partial(place)
    if not without:
        _clear(partial)
        if not place.is_symlink():
            _clear(place)
            place.symlink_to(_from(place.parent, home), target_is_directory=True)
            fsync_dir(place.parent)
        return
    paths = [entry.path for entry in files_in_bag(ledger, bag.id) if entry.path not in without]
    _clear(partial)
    if not place.is_symlink() and place.is_dir() and _files_below(place) == set(paths):
        return
    for path in paths:
        link = partial / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(_from(link.parent, home / path, partial, place))
    partial.mkdir(exist_ok=True)
    # Between these two steps the bag is not shown at all, which is safe; the next run shows it again.
    _clear(place)
    partial.rename(place)
    fsync_dir(place.parent)


def hide_bag(archive: Archive, bag: BagRecord) -> None:
    """Show a bag no more."""
    place = shown_at(archive, bag)
    for shown in (place, _partial(place)):
        if os.path.lexists(shown):
            _clear(shown)
            fsync_dir(place.parent)


def withhold_outside(archive: Archive, ledger: Connection, withheld: Iterable[str]) -> None:
    """Remove what is withheld, "bag/path", from a public tree outside of the archive's folder.

    Bytes that are only there come home first. Raises NetworkError, PhonothequeError; the next publishing, or
    any command on withdrawals, goes on.
    """
    for name, entry, place, storage in _outside(archive, ledger, withheld):
        if storage.stat(name) is None:
            continue
        if place.moved:
            _bring_home(archive, place.bag_id, entry)
        storage.delete(name)


def show_outside(archive: Archive, ledger: Connection, shown: Iterable[str]) -> None:
    """Put what is withheld no more, "bag/path", back into a public tree outside of the archive's folder."""
    for name, entry, place, storage in _outside(archive, ledger, shown):
        if storage.stat(name) is not None:
            continue
        here = archive.bags / place.bag_id / entry.path
        home = here if here.exists() else incoming_path(archive.incoming, entry.sha256)
        item = Item(name, home, entry.size, entry.sha256, media_type(f"bags/{name}"))
        send(storage, [item], {}, archive.settings.storage, QUIET)


def _outside(
    archive: Archive, ledger: Connection, names: Iterable[str]
) -> Iterator[tuple[str, BagFileRecord, BagPlace, Storage]]:
    """Yield where each of these files, "bag/path", lies for everybody to read, outside of the archive."""
    if not archive.settings.storage.public:
        return
    wanted = sorted(names)
    for bag_id, some in groupby(wanted, key=lambda name: name.partition("/")[0]):
        entries = {f"{bag_id}/{entry.path}": entry for entry in files_in_bag(ledger, bag_id)}
        listed = list(some)
        for place in places_of_bags(ledger, bag_id).get(bag_id, ()):
            storage = check_recorded(archive, place.place, first=bag_id)
            for name in listed:
                yield name, entries[name], place, storage


def bags_not_whole(archive: Archive) -> set[str]:
    """Return the bags that the public tree shows in part."""
    found = set()
    for folder in (archive.public / BAGS, *(archive.public / RESTRICTED).glob(f"*/{BAGS}")):
        if folder.is_dir():
            folders = (entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
            found |= {name.removeprefix(_PARTIAL) for name in folders}
    return found


def _bring_home(archive: Archive, bag_id: str, entry: BagFileRecord) -> None:
    wrong = bring_home(archive, bag_id, entry)
    if wrong is not None:
        raise PhonothequeError(
            f"{bag_id}/{entry.path} is {wrong.what} where the bag lies: {wrong.detail}.",
            "It stays there until it is mended: phono repair. It is shown to nobody here.",
        )


def _partial(place: Path) -> Path:
    return place.with_name(f"{_PARTIAL}{place.name}")


def _from(folder: Path, target: Path, partial: Path | None = None, place: Path | None = None) -> str:
    """Return the relative path that leads from a folder (as it will be called) to a target."""
    here = folder if partial is None or place is None else place / folder.relative_to(partial)
    return os.path.relpath(target, here)


def _files_below(folder: Path) -> set[str]:
    found = set()
    for here, folders, names in os.walk(folder):
        links = [name for name in folders if Path(here, name).is_symlink()]
        found |= {Path(here, name).relative_to(folder).as_posix() for name in (*names, *links)}
    return found


def _clear(place: Path) -> None:
    """Remove a link, or a folder of links; what they lead to stays."""
    if place.is_symlink():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
