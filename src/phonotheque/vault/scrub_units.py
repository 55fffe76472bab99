"""What a scrub walks: units that are read by themselves, each a list of files with their hashes, in order.

Everything that cannot be made again is in some unit: masters and access copies in no bag, shelf by shelf;
every bag in every place; documents; the catalogue and what sources said; the ledger. Mirrors add theirs in
mirrors/scrubbing.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, func, select

from phonotheque.catalogue import datasets, manifest
from phonotheque.ledger.agreement_tables import deposits
from phonotheque.ledger.bags import BagFileRecord, BagPlace, all_bags, files_in_bag, places_of_bags
from phonotheque.ledger.schema import accessions, files, rights_statements
from phonotheque.ledger.schema import bags as bags_table
from phonotheque.ledger.withdrawal_tables import withdrawals
from phonotheque.ledger.withdrawals import withdrawn_from_bag
from phonotheque.model.bags import Finding
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import LEDGER_FILE, Archive, timestamp
from phonotheque.vault.bagfolder import PAYLOAD, files_in
from phonotheque.vault.check import (
    UNBAGGED,
    check_ledger,
    entries,
    name_in_vault,
    recorded_sizes,
    strangers,
    unexpected,
)
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import SHELVES, incoming_path
from phonotheque.vault.outside import check_recorded
from phonotheque.vault.storage.base import Storage
from phonotheque.vault.transfers import read_back

RESTORED = "restored"  # the source of accessions of which only what was published is known
_SETTLED = timedelta(days=1)  # what nobody lists may be on its way to its place; after that it is not
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A file of a unit. ``path`` is its name there, and gives the order in which files are read."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that is read by itself. ``bytes`` is how much that is, ``came_at`` since when it is here.

    ``members`` are asked for anew whenever something seems wrong: nothing is locked while a scrub reads.
    ``rest`` tells what no single file shows. ``subject`` is what the record of checks calls it.
    """

    name: str
    subject: str
    bytes: int
    came_at: str
    members: Callable[[], list[Member]]
    check: Callable[[Member], Finding | None]
    rest: Callable[[], list[Finding]]
    place: str = ""

    def came_by(self, at: str) -> str:
        """Return since when it is here; empty, as where nobody knows, if a wrong clock said it."""
        return self.came_at if self.came_at <= at else ""


def units_of_archive(archive: Archive, at: datetime) -> list[Unit]:
    """Return all units of an archive that publishes; of a mirror, those that it has like one."""
    with archive.ledger.connect() as ledger:
        bags, places = all_bags(ledger), places_of_bags(ledger)
        shelves = _shelves(ledger)
    units = [ledger_unit(archive)]
    units += catalogue_units(archive)
    units += [_shelf(archive, shelf, *shelves.get(shelf, (0, "")), at) for shelf in SHELVES]
    units += [u for u in (_evidence(archive), _quarantine(archive)) if u is not None]
    for bag in bags:
        of_bag = places.get(bag.id, [])
        moved = any(place.moved for place in of_bag)
        size = bag.bytes - bag.payload_bytes if moved else bag.bytes
        listed, current = partial(_bag_files, archive, bag.id), partial(_is_current, archive, bag.id)
        units.append(bag_unit(archive, bag.id, size, bag.sealed_at, listed, current))
        units += [_place_unit(archive, place, bag.bytes) for place in of_bag]
    units.append(stray_unit(archive, {bag.id: None for bag in bags}, at))
    return units


def ledger_unit(archive: Archive) -> Unit:
    """The ledger: the database is asked whether it is sound."""
    file = archive.folder / LEDGER_FILE
    size = file.stat().st_size if not archive.settings.ledger.url and file.exists() else 0
    return Unit("ledger", "ledger", size, "", list, _nothing, lambda: list(check_ledger(archive).findings))


def catalogue_units(archive: Archive) -> Iterator[Unit]:
    """The current snapshot, and what sources said as far as it is not part of that."""
    try:
        snapshot = manifest.current(archive.catalogue)
        said_all = datasets.datasets(archive.catalogue)
    except VerificationError as error:
        yield broken_unit("catalogue", error)
        return
    if snapshot is None:
        return
    made = timestamp(snapshot.made_at)
    tables = [Member(part.file, part.bytes, part.sha256) for part in snapshot.files]
    yield Unit(
        "catalogue",
        "catalogue",
        sum(table.size for table in tables),
        made,
        lambda: sorted(tables),
        partial(_check_below, snapshot.path),
        lambda: manifest.verify(snapshot, tables=False),
    )
    home = archive.catalogue / datasets.FOLDER
    shared = {_same(snapshot.path / table.path) for table in tables}
    said = [
        Member(f"{one.name}/{part.file}", part.bytes, part.sha256)
        for one in said_all
        for parts in one.parts.values()
        for part in parts
        if _same(one.path / part.file) not in shared
    ]
    if said:
        size = sum(part.size for part in said)
        still = partial(_still_there, sorted(said), home)
        yield Unit("facts", "catalogue", size, made, still, partial(_check_below, home), list)


def broken_unit(name: str, error: VerificationError) -> Unit:
    """Something of which not even the list of its files can be read."""
    wrong = Finding("damaged", name, error.message)
    return Unit(name, name, 0, "", list, _nothing, lambda: [wrong])


def bag_unit(
    archive: Archive,
    bag: str,
    size: int,
    came_at: str,
    members: Callable[[], list[Member]],
    is_current: Callable[[], bool] = lambda: False,
) -> Unit:
    """One sealed bag in the archive's own folder. ``is_current``: it has to be there, whatever is listed."""
    folder = archive.bags / bag

    def listed() -> list[Member]:
        return members() if os.path.lexists(folder) else []

    def rest() -> list[Finding]:
        wanted = {member.path for member in members()}
        if not os.path.lexists(folder) and (wanted or is_current()):
            return [Finding("missing", bag, "the folder of the bag is not there")]
        return extra_in(folder, wanted)

    return Unit(bag, bag, size, came_at, listed, partial(_check_below, folder), rest)


def extra_in(folder: Path, wanted: Iterable[str]) -> list[Finding]:
    """Return what lies in a bag's folder and is not listed, or cannot be listed."""
    listed, found = set(wanted), []

    def failed(where: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.append(Finding("unreadable", where or folder.name, f"cannot be listed: {error.strerror}"))

    for path, _ in files_in(folder, failed):
        if path not in listed:
            shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            found.append(Finding("extra", shown, "no manifest lists it"))
    return found


def stray_unit(archive: Archive, expected: Mapping[str, str | None], at: datetime) -> Unit:
    """What lies among bags and masters, and nobody lists. Nothing is read for it."""

    def rest() -> list[Finding]:
        top = [path for path in entries(archive.incoming) if path.name not in SHELVES]
        found = [unexpected(path) for path in top if _is_stray(path, at)]
        old = {path.name for path in entries(archive.bags) if _is_stray(path, at)}
        return found + [one for one in strangers(archive.bags, expected) if Path(one.path).name in old]

    return Unit("strays", "bags", 0, "", list, _nothing, rest)


def _nothing(member: Member) -> Finding | None:
    return None


def _check_below(folder: Path, member: Member) -> Finding | None:
    return check_file(folder / member.path, member.size, member.sha256, name=member.path, from_disk=True)


def _is_current(archive: Archive, bag: str) -> bool:
    with archive.ledger.connect() as ledger:
        return ledger.execute(select(bags_table.c.id).where(bags_table.c.id == bag)).first() is not None


def _bag_files(archive: Archive, bag: str) -> list[Member]:
    """Return the files of a bag that lie here: of one whose payload has moved, its tag files."""
    with archive.ledger.connect() as ledger:
        moved = any(place.moved for place in places_of_bags(ledger, bag).get(bag, ()))
        return sorted(
            Member(entry.path, entry.size, entry.sha256)
            for entry in files_in_bag(ledger, bag)
            if not (moved and entry.path.startswith(PAYLOAD))
        )


def _place_unit(archive: Archive, place: BagPlace, size: int) -> Unit:
    bag = place.bag_id

    def recorded() -> list[BagFileRecord]:
        with archive.ledger.connect() as ledger:
            there = places_of_bags(ledger, bag).get(bag, ())
            if not any(one.place == place.place for one in there):
                return []
            gone = withdrawn_from_bag(ledger, bag)  # it may be gone from there already
            return [entry for entry in files_in_bag(ledger, bag) if entry.path not in gone]

    opened: list[Storage] = []

    def members() -> list[Member]:
        listed = sorted(Member(entry.path, entry.size, entry.sha256) for entry in recorded())
        if listed:  # else what is being read there is read to its end, and asked for again
            opened[:] = [check_recorded(archive, place.place, first=bag)]
        return listed

    def check(member: Member) -> Finding | None:
        found = read_back(opened[0], f"{bag}/{member.path}", member.size, member.sha256)
        return None if found is None else replace(found, path=member.path)

    def rest() -> list[Finding]:
        if not members():
            return []
        with archive.ledger.connect() as ledger:
            known = {entry.path for entry in files_in_bag(ledger, bag)}
        keys = (stored.key.partition("/")[2] for stored in opened[0].list(f"{bag}/"))
        detail = f"no manifest lists it, in {opened[0].url}"
        return [Finding("extra", key, detail) for key in keys if key not in known]

    return Unit(bag, bag, size, place.verified_at, members, check, rest, place.place)


def _shelves(ledger: Connection) -> dict[str, tuple[int, str]]:
    """Return by shelf the bytes of what lies in no bag, and when the first of it came."""
    shelf = func.substr(files.c.sha256, 1, 2)
    query = select(shelf, func.sum(files.c.size), func.min(files.c.added_at)).where(UNBAGGED).group_by(shelf)
    return {row[0]: (int(row[1]), row[2]) for row in ledger.execute(query)}


def _shelf(archive: Archive, shelf: str, size: int, came_at: str, at: datetime) -> Unit:
    folder = archive.incoming / shelf

    def listed() -> dict[str, int]:
        with archive.ledger.connect() as ledger:
            wanted = recorded_sizes(ledger, UNBAGGED, files.c.sha256.between(shelf, shelf + "~"))
            others = [path.name for path in entries(folder) if path.name not in wanted]
            return wanted | recorded_sizes(ledger, files.c.held, files.c.sha256.in_(others))

    def members() -> list[Member]:
        return [Member(sha256, size, sha256) for sha256, size in sorted(listed().items())]

    def check(member: Member) -> Finding | None:
        path = incoming_path(archive.incoming, member.sha256)
        return check_file(path, member.size, member.sha256, name=name_in_vault(path), from_disk=True)

    def rest() -> list[Finding]:
        known = listed()
        return [unexpected(p) for p in entries(folder) if p.name not in known and _is_stray(p, at)]

    return Unit(f"incoming/{shelf}", "incoming", size, came_at, members, check, rest)


def _evidence(archive: Archive) -> Unit | None:
    """Documents that rights rest on: those that are here, and those that ought to be."""

    def members() -> list[Member]:
        with archive.ledger.connect() as ledger:
            wanted = _documents(ledger)
        sizes = {
            path.name: path.stat().st_size for shelf in entries(archive.evidence) for path in _hashed(shelf)
        }
        return [Member(name, sizes.get(name, 0), name) for name in sorted(wanted | sizes.keys())]

    return _by_hash(archive, "evidence", members, partial(incoming_path, archive.evidence))


def _quarantine(archive: Archive) -> Unit | None:
    folder = archive.incoming.parent / "quarantine"

    def members() -> list[Member]:
        return [Member(path.name, path.stat().st_size, path.name) for path in _hashed(folder)]

    return _by_hash(archive, "quarantine", members, lambda name: folder / name)


def _by_hash(
    archive: Archive, name: str, members: Callable[[], list[Member]], where: Callable[[str], Path]
) -> Unit | None:
    known = members()
    if not known:
        return None

    def check(member: Member) -> Finding | None:
        path = where(member.sha256)
        return check_file(path, member.size, member.sha256, name=name_in_vault(path), from_disk=True)

    return Unit(name, name, sum(member.size for member in known), "", members, check, list)


def _documents(ledger: Connection) -> set[str]:
    """Return the SHA-256 of the documents that ought to be here; those of restored statements are lost."""
    table = rights_statements
    stated = (
        select(table.c.evidence_sha256)
        .join(files, files.c.id == table.c.file_id)
        .join(accessions, accessions.c.id == files.c.accession_id)
        .where(table.c.evidence_sha256.is_not(None), accessions.c.source != RESTORED)
    )
    queries = (stated, select(deposits.c.agreement_sha256), select(withdrawals.c.document_sha256))
    return {name for query in queries for name in ledger.execute(query).scalars() if name}


def _hashed(folder: Path) -> list[Path]:
    """Return the files in a folder that are named by a SHA-256."""
    return [path for path in _entries_of(folder) if _SHA256.fullmatch(path.name) and path.is_file()]


def _entries_of(folder: Path) -> Sequence[Path]:
    return entries(folder) if folder.is_dir() else ()


def _still_there(members: list[Member], home: Path) -> list[Member]:
    """Leave out what belongs to a dataset that was replaced meanwhile."""
    return [one for one in members if (home / one.path).parent.is_dir()]


def _same(path: Path) -> tuple[int, int] | str:
    """Return what is equal for two names of one file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return str(path)
    return found.st_dev, found.st_ino


def _is_stray(path: Path, at: datetime) -> bool:
    """Tell whether something lies where it is for so long that it is not on its way. ``.names`` are."""
    if path.name.startswith("."):
        return False
    try:
        changed = path.lstat().st_ctime
    except FileNotFoundError:
        return False
    return at.timestamp() - changed > _SETTLED.total_seconds()
