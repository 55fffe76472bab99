"""What a scrub walks in an archive or a mirror, and what a mirror notes when a bag was read to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, update

from phonotheque.editions.edition import Edition
from phonotheque.ledger.holdings import (
    GOING,
    HELD,
    Holding,
    HoldingState,
    all_holdings,
    lost_since,
    state_of,
    verified_files,
)
from phonotheque.ledger.schema import holding_files, holdings
from phonotheque.ledger.scrubs import Scrub, save_scrub
from phonotheque.mirrors.holdings import current_edition
from phonotheque.mirrors.home import leaving
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import Checked
from phonotheque.vault.fixity import check_file
from phonotheque.vault.scrub_units import (
    Member,
    Unit,
    bag_unit,
    broken_unit,
    ledger_unit,
    stray_unit,
    units_of_archive,
)

_NOT_CHECKED: Final = {"facts", "strays"}  # by a check of everything, though their subject is
_LEAVING: Final = "leaving/"  # begins the units of bags that have to go, of which something waits


def units_of(folder: Archive, at: datetime) -> list[Unit]:
    """Return everything that an archive or mirror holds, in units."""
    units = _units_of_mirror(folder, at) if folder.is_mirror else units_of_archive(folder, at)
    return [*units, *_public(folder)]


def note_whole(folder: Archive, unit: Unit, scrub: Scrub) -> None:
    """Note when a mirror's bag, all of it right, was verified: a mirror tells others by that."""
    if folder.is_mirror:
        with folder.ledger.begin() as ledger:
            _note_whole(ledger, unit, scrub)


def _note_whole(ledger: Connection, unit: Unit, scrub: Scrub) -> None:
    states = [state.value for state in HELD]
    held = (holdings.c.bag_id == unit.name) & holdings.c.state.in_(states)
    if ledger.execute(update(holdings).where(held).values(verified_at=scrub.verified_at)).rowcount:
        of_bag = holding_files.c.bag_id == unit.name
        ledger.execute(update(holding_files).where(of_bag).values(verified_at=scrub.verified_at))


def note_checked(folder: Archive, checked: Iterable[Checked], at: datetime) -> None:
    """Note for the scrub what a check of everything has read, and found."""
    by_subject = {part.subject: part for part in checked}
    units = units_of(folder, at)
    places = {unit.place for unit in units if unit.place}
    noted: list[tuple[Unit, Scrub]] = []
    for unit in units:
        part = by_subject.get(unit.subject)
        if part is None or unit.name in _NOT_CHECKED or unit.name.startswith(_LEAVING):
            continue
        wrong = len([one for one in part.findings if _is_about(unit, one, places)])
        noted.append((unit, Scrub(unit.place, unit.name, part.started_at, 0, unit.bytes, wrong)))
    with folder.ledger.begin() as ledger:
        for unit, scrub in noted:
            save_scrub(ledger, scrub)
            if folder.is_mirror and not scrub.wrong:
                _note_whole(ledger, unit, scrub)


def _is_about(unit: Unit, finding: Finding, places: set[str]) -> bool:
    if unit.subject == "incoming":
        return finding.path.startswith(f"vault/{unit.name}/")
    where = next((place for place in places if f"in {place}" in finding.detail), "")
    return where == unit.place


def _units_of_mirror(mirror: Archive, at: datetime) -> Iterator[Unit]:
    yield ledger_unit(mirror)
    with mirror.ledger.connect() as ledger:
        held = all_holdings(ledger)
    for bag, holding in held.items():
        if holding.state in GOING:
            yield from _waiting(mirror, bag)
        elif holding.state in HELD or (mirror.bags / bag).exists():
            yield _held(mirror, holding)
    yield stray_unit(mirror, {bag: None for bag, holding in held.items() if holding.state not in GOING}, at)


def _held(mirror: Archive, holding: Holding) -> Unit:
    bag = holding.bag_id
    members = partial(_verified, mirror, bag)
    size = holding.bytes if holding.state is HoldingState.COMPLETE else sum(one.size for one in members())
    return bag_unit(mirror, bag, size, holding.verified_at or "", members)


def _verified(mirror: Archive, bag: str) -> list[Member]:
    """Return the files of a bag that were verified once, and are to be here as long as it is held."""
    with mirror.ledger.connect() as ledger:
        if state_of(ledger, bag) in (None, *GOING):
            return []
        files = verified_files(ledger, bag) | lost_since(ledger, bag)
    return sorted(Member(f.path, f.size, f.sha256) for f in files.values())


def _waiting(mirror: Archive, bag: str) -> Iterator[Unit]:
    """What is left of a bag that has to go: it waits for its new place, and may be the last copy."""
    folder = leaving(mirror) / bag

    def members() -> list[Member]:
        with mirror.ledger.connect() as ledger:
            files = verified_files(ledger, bag).values()
        return sorted(Member(f.path, f.size, f.sha256) for f in files if (folder / f.path).exists())

    def check(member: Member) -> Finding | None:
        return check_file(folder / member.path, member.size, member.sha256, name=member.path, from_disk=True)

    if known := members():
        size = sum(member.size for member in known)
        yield Unit(f"{_LEAVING}{bag}", bag, size, "", members, check, list)


def _public(folder: Archive) -> list[Unit]:
    """What the public tree holds besides bags: the edition's index, and the torrents that are kept here."""
    try:
        edition = current_edition(folder)
    except NotFoundError:
        return []
    except VerificationError as error:
        return [broken_unit("public", error)]
    targets = folder.public / "targets"

    def members() -> list[Member]:
        return _targets(targets, current_edition(folder), everything=not folder.is_mirror)

    def check(member: Member) -> Finding | None:
        path = targets / member.path
        return check_file(path, member.size, member.sha256, name=f"targets/{member.path}", from_disk=True)

    size = sum(member.size for member in members())
    return [Unit("public", "public", size, edition.date, members, check, list)]


def _targets(targets: Path, edition: Edition, *, everything: bool) -> list[Member]:
    """Return the targets that an edition names by hash; a mirror has those of the bags that it holds."""
    listed = [Member(table.path, table.size, table.sha256) for table in edition.tables]
    listed += [Member(bag.torrent.path, bag.torrent.size, bag.torrent.sha256) for bag in edition.bags]
    return sorted(one for one in listed if everything or (targets / one.path).exists())
