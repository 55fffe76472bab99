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

from phonotheque.editions.judging import contents_of, judge
from phonotheque.editions.saving import save
from phonotheque.editions.shelves import BAGS, RESTRICTED, bags_folder
from phonotheque.ledger.bags import BagFileRecord, BagRecord, all_bags, places_of_bags
from phonotheque.ledger.former_bags import uncleared_bags
from phonotheque.ledger.schema import bag_files, files
from phonotheque.ledger.withdrawal_tables import former_bag_files
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NetworkError, PhonothequeError
from phonotheque.model.media import media_type
from phonotheque.model.progress import QUIET
from phonotheque.vault.archive import Archive
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.outside import check_recorded
from phonotheque.vault.place import fsync_dir
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.opening import checked_place, open_place
from phonotheque.vault.transfers import send

_PARTIAL = ".partial-"


def shown_at(archive: Archive, bag: BagRecord) -> Path:
    """Return where the public tree shows a bag."""
    return archive.public / bags_folder(bag.audience) / bag.id


def shown_bags(ledger: Connection) -> list[BagRecord]:
    """Return the bags that may be shown: current ones, and former ones until they are removed."""
    return [*all_bags(ledger), *(one.bag for one in uncleared_bags(ledger))]


def bags_with(ledger: Connection, file_ids: Iterable[int]) -> set[str]:
    """Return the bags that may be shown and hold one of these files, or a copy made from one."""
    found: set[str] = set()
    subject = func.coalesce(files.c.master_id, files.c.id)
    held = [select(bag_files.c.bag_id).join(files, files.c.id == bag_files.c.file_id)]
    if former := [one.bag.id for one in uncleared_bags(ledger)]:
        table = former_bag_files
        before = select(table.c.bag_id).join(files, files.c.id == table.c.file_id)
        held += [before.where(table.c.bag_id.in_(some)) for some in batched(former, IN_A_STATEMENT)]
    for some in batched(sorted(set(file_ids)), IN_A_STATEMENT):
        for query in held:
            found |= set(ledger.execute(query.where(subject.in_(some))).scalars())
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
    for bag in (bag for bag in shown_bags(ledger) if bag.id in wanted):
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
    paths = [entry.path for entry in contents_of(ledger, bag.id) if entry.path not in without]
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


def hidden_in_bag(ledger: Connection, bag_id: str, on: date) -> set[str]:
    """Return the same of the bag with an id."""
    return {path for bag in shown_bags(ledger) if bag.id == bag_id for path in hidden_in(ledger, bag, on)}


def show_anew(archive: Archive, bag_id: str, on: date) -> bool:
    """Show of a bag what may be shown on a day; False if this archive's ledger does not know it."""
    with archive.ledger.connect() as ledger:
        bag = next((bag for bag in shown_bags(ledger) if bag.id == bag_id), None)
        if bag is not None:
            show_bag(archive, ledger, bag, hidden_in(ledger, bag, on))
    return bag is not None


def hide_bag(archive: Archive, bag: BagRecord) -> None:
    """Show a bag no more."""
    place = shown_at(archive, bag)
    for shown in (place, _partial(place)):
        if os.path.lexists(shown):
            _clear(shown)
            fsync_dir(place.parent)


def withhold_outside(archive: Archive, ledger: Connection, withheld: Iterable[str]) -> None:
    """Remove what is withheld, "bag/path", from a public tree outside of the archive's folder.

    Bytes that are whole nowhere here come home first. What cannot be read stays, and the first such error is
    raised after all others are done. Raises NetworkError, PhonothequeError; the next publishing, or any
    command on withdrawals, goes on.
    """
    wrong: list[PhonothequeError] = []
    for name, entry, storage in _outside(archive, ledger, withheld):
        if storage.stat(name) is None:
            continue
        try:
            if check_file(archive.bags / name, entry.size, entry.sha256) is not None:
                save(archive, ledger, storage, name, entry)
        except NetworkError:
            raise
        except PhonothequeError as error:
            wrong.append(error)
            continue
        storage.delete(name)
    if wrong:
        raise wrong[0]


def show_outside(archive: Archive, ledger: Connection, shown: Iterable[str]) -> None:
    """Put what is withheld no more, "bag/path", back into a public tree outside of the archive's folder."""
    for name, entry, storage in _outside(archive, ledger, shown):
        if storage.stat(name) is not None:
            continue
        here = archive.bags / name
        home = here if here.exists() else incoming_path(archive.incoming, entry.sha256)
        if home.exists():  # else it was damaged there: it is missing until its bag is repaired
            item = Item(name, home, entry.size, entry.sha256, media_type(f"bags/{name}"))
            send(storage, [item], {}, archive.settings.storage, QUIET)


def _outside(
    archive: Archive, ledger: Connection, names: Iterable[str]
) -> Iterator[tuple[str, BagFileRecord, Storage]]:
    """Yield where each of these files, "bag/path", lies for everybody to read, outside of the archive."""
    former = {one.bag.id: one.places for one in uncleared_bags(ledger)}
    for bag_id, some in groupby(sorted(names), key=lambda name: name.partition("/")[0]):
        entries = {f"{bag_id}/{entry.path}": entry for entry in contents_of(ledger, bag_id)}
        listed = list(some)
        recorded = [one.place for one in places_of_bags(ledger, bag_id).get(bag_id, ())]
        for place in (*recorded, *former.get(bag_id, ())):
            if is_for_everybody(archive, place):
                storage = check_recorded(archive, place, first=bag_id)
                for name in listed:
                    yield name, entries[name], storage


def is_for_everybody(archive: Archive, place: str) -> bool:
    """Tell whether bags in a place outside are part of a public tree: by the settings, or by what is there.

    Raises NetworkError, PlaceGoneError when that cannot be found out.
    """
    tree, _, last = place.rpartition("/")
    settings = archive.settings.storage
    if last != BAGS or not tree or tree.endswith("/"):
        return False
    if settings.public and tree == checked_place(settings.public, "public"):
        return True
    return open_place(tree, settings).stat("metadata/timestamp.json") is not None


def clear_half_made_links(archive: Archive) -> None:
    """Remove what interrupted repairs left beside bags: it leads to all of one, also what is withheld."""
    for folder in _folders(archive):
        left = folder / ".link"
        if left.is_symlink():
            left.unlink()
            fsync_dir(folder)


def bags_not_whole(archive: Archive) -> set[str]:
    """Return the bags that the public tree shows in part."""
    found = set()
    for folder in _folders(archive):
        if folder.is_dir():
            folders = (entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
            found |= {name.removeprefix(_PARTIAL) for name in folders}
    return found


def _folders(archive: Archive) -> list[Path]:
    return [archive.public / BAGS, *(archive.public / RESTRICTED).glob(f"*/{BAGS}")]


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
