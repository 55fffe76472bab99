"""Bags that may not be held any more: withdrawn by their publisher, or not for where this mirror is.

Such a bag is served no more from the moment an edition says so: its link, its torrent and its place among the
bags go first. Of its files those stay, in ``vault/leaving``, that a bag of the edition still waits for; all
others are erased at once. Each erasure is recorded with its proof: the signed edition and what it says of the
bag, and each file's path, size and SHA-256. A kill between the bytes and the record repeats the erasure.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.edition import BagEntry, Edition, Tombstone, Withdrawal
from phonotheque.editions.room_files import forget_bag
from phonotheque.ledger.events import last_detail, record_event
from phonotheque.ledger.holdings import (
    DELETION,
    GOING,
    HeldFile,
    HoldingState,
    all_holdings,
    bags_holding,
    bags_with_files,
    erased,
    held_bags_with,
    let_go,
    record_verified,
    verified_files,
    want,
)
from phonotheque.mirrors.follow import Followed
from phonotheque.mirrors.home import arriving, leaving
from phonotheque.mirrors.public import shown_in, unpublish_bag, unpublish_torrent
from phonotheque.mirrors.whereabouts import may_hold, taken_back, why_not
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD, files_in
from phonotheque.vault.place import feed, fsync_dir

_DEACCESSION: Final = "deaccession"  # the PREMIS type of the event with which a bag is held no more


@dataclass(frozen=True, slots=True)
class Leave:
    """What an accepted edition means for what is held here. ``stones`` goes by the SHA-256 of files."""

    followed: Followed
    country: str
    withdrawals: Mapping[str, Withdrawal]
    barred: Mapping[str, BagEntry]  # not for where this mirror is
    tainted: Mapping[str, str]  # current bags held here with a withdrawn file, and its SHA-256
    stones: Mapping[str, Tombstone]
    newly: tuple[str, ...] = ()  # bags that have to go since this edition, or since the mirror moved
    dropped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # for want of room: what allows it

    @property
    def edition(self) -> Edition:
        """The edition."""
        return self.followed.edition

    def state(self, bag: str) -> HoldingState | None:
        """Return as what a bag has to go; None if it may stay."""
        if bag in self.withdrawals:
            return HoldingState.WITHDRAWN
        if bag in self.barred or bag in self.tainted:
            return HoldingState.BARRED
        return HoldingState.DROPPED if bag in self.dropped else None

    def proof(self, bag: str) -> dict[str, Any]:
        """Return why a bag may not be held, as the ledger keeps it."""
        found: dict[str, Any] = {"edition": self.edition.number, "edition_sha256": self.followed.sha256}
        if bag in self.withdrawals:
            found["withdrawal"] = asdict(self.withdrawals[bag])
        elif bag in self.barred:
            found |= {"audience": self.barred[bag].audience, "country": self.country or None}
        elif bag in self.tainted:
            found["holds"] = self.tainted[bag]
        elif bag in self.dropped:
            found["dropped"] = dict(self.dropped[bag])
        return found

    def added_by(self, bag: str) -> int:
        """Return the edition that added a bag; this one where it does not say so any more."""
        return next((entry.edition for entry in self.edition.bags if entry.id == bag), self.edition.number)

    def reason(self, bag: str) -> str:
        """Return why a bag may not be held, in words."""
        if bag in self.withdrawals:
            return f"was withdrawn ({self.withdrawals[bag].reason})"
        if bag in self.barred:
            return why_not(self.country, self.barred[bag])
        if self.state(bag) is HoldingState.DROPPED:
            return f"is dropped: {self.dropped[bag]['why']}"
        return f"holds a file that edition {self.edition.number} withdraws"

    def with_index(self, destinations: Mapping[str, Set[str]] | None) -> Leave:
        """Return the same, with the bags in which the edition's own index has withdrawn files."""
        listed = {bag: sha for sha in self.stones for bag in (destinations or {}).get(sha, ())}
        current = {bag.id for bag in self.edition.bags} - self.barred.keys()
        return replace(self, tainted={**self.tainted, **{b: s for b, s in listed.items() if b in current}})

    def with_dropped(self, dropped: Mapping[str, Mapping[str, Any]]) -> Leave:
        """Return the same, with bags to be dropped for want of room, each with what allows it."""
        return replace(self, dropped={**self.dropped, **dropped})


@dataclass(slots=True)
class Erasure:
    """What was erased; sizes in bytes."""

    files: int = 0
    bytes: int = 0
    bags: list[str] = field(default_factory=list)  # of which nothing is left here


def take_leave(mirror: Archive, followed: Followed, *, at: str) -> Leave:
    """Find out which bags that are here have to go, and stop showing them. Their files stay for now."""
    return part(mirror, _find_out(mirror, followed), at=at)


def part(mirror: Archive, leave: Leave, *, at: str) -> Leave:
    """Stop showing what has to go; the answer says which bags had to go only now.

    A bag is here if the ledger says so, or a folder or a link of its name is: a ledger may be older than they
    are. Order: link → ledger → torrent → place, so that after a kill no bag counts as held that is not there.
    """
    newly = []
    with mirror.ledger.connect() as ledger:
        known = all_holdings(ledger)
    has_to_go = leave.withdrawals.keys() | leave.barred.keys() | leave.tainted.keys() | leave.dropped.keys()
    for bag in sorted(has_to_go & (known.keys() | _here(mirror))):
        holding = known.get(bag)
        unpublish_bag(mirror.public, bag)
        forget_bag(mirror.public, bag)
        state = leave.state(bag)
        assert state is not None
        if holding is None or holding.state is not state:
            newly += [bag] if holding is None or holding.state not in GOING else []
            with mirror.ledger.begin() as ledger:
                if holding is None:
                    want(ledger, bag, edition=leave.added_by(bag), size=_bytes_here(mirror, bag))
                let_go(ledger, bag, state)
                record_event(
                    ledger,
                    at=at,
                    kind=_DEACCESSION,
                    subject=bag,
                    agent=mirror.settings.archive.agent,
                    detail=leave.proof(bag),
                )
        unpublish_torrent(mirror.public, bag, holding.edition if holding else None)
        _put_aside(mirror, bag)
    return replace(leave, newly=tuple(newly))


def _here(mirror: Archive) -> set[str]:
    """Return the names of what lies or is shown where bags do."""
    places = (mirror.bags, arriving(mirror), *shown_in(mirror.public))
    return {entry.name for place in places if place.exists() for entry in place.iterdir()}


def _bytes_here(mirror: Archive, bag: str) -> int:
    """Return the bytes of a bag's files, for a ledger that does not know it."""
    homes = [home for home in (mirror.bags / bag, arriving(mirror) / bag) if home.is_dir()]
    return sum((home / path).lstat().st_size for home in homes for path, _ in _listed(home))


def _find_out(mirror: Archive, followed: Followed) -> Leave:
    edition, country = followed.edition, mirror.settings.mirror.country
    barred = {bag.id: bag for bag in edition.bags if not may_hold(country, bag.audience)}
    stones = taken_back(country, edition.tombstones)
    with mirror.ledger.connect() as ledger:
        tainted = bags_holding(ledger, stones)
        dropped = {
            bag: (last_detail(ledger, _DEACCESSION, bag) or {}).get("dropped", {"why": "the budget shrank"})
            for bag, holding in all_holdings(ledger).items()
            if holding.state is HoldingState.DROPPED  # and a kill came before all of it was erased
        }
    current = {bag.id for bag in edition.bags} - barred.keys()
    return Leave(
        followed,
        country,
        withdrawals={withdrawal.bag: withdrawal for withdrawal in edition.withdrawals},
        barred=barred,
        tainted={bag: sha for bag, sha in tainted.items() if bag in current},
        stones=stones,
        dropped=dropped,
    )


def going_bags(mirror: Archive, *, at: str) -> dict[str, list[HeldFile]]:
    """Return the files of bags that have to go, by bag: those that are here, and those on record.

    What was never recorded (a bag that had not arrived yet, or a stranger's file) is hashed and recorded
    first: the record of what is erased must outlast a kill.
    """
    with mirror.ledger.connect() as ledger:
        recorded = bags_with_files(ledger, GOING)
    place = leaving(mirror)
    # A stray file there is no bag, and stops nothing.
    there = [path.name for path in place.iterdir() if path.is_dir()] if place.exists() else []
    return {bag: _inventory(mirror, bag, at) for bag in sorted({*recorded, *there})}


def erase(
    mirror: Archive,
    leave: Leave,
    going: Mapping[str, Collection[HeldFile]],
    waited_for: Callable[[str, HeldFile], bool],
    *,
    at: str,
) -> Erasure:
    """Erase what no bag waits for and nobody seeks, with its proof in the ledger; what was withdrawn anyway.

    ``going`` is what :func:`going_bags` returned; ``waited_for`` is asked for a bag's id and a file of it.
    """
    done = Erasure()
    # What the publisher has lost, and nobody took back, stays: this may be the last good copy.
    sought = {sha for sha, audience in leave.edition.sought if may_hold(leave.country, audience)}
    for bag, inventory in going.items():
        go = [
            file
            for file in inventory
            if file.sha256 in leave.stones
            or not file.path.startswith(PAYLOAD)
            or not (file.sha256 in sought or waited_for(bag, file))
        ]
        gone = _erase_files(mirror, leave, bag, go, at=at)
        if len(go) == len(inventory):
            _remove_folder(mirror, bag)
            done.bags.append(bag)
        done.files += len(gone)
        done.bytes += sum(file.size for file in gone)
    return done


def waiting(
    leave: Leave,
    pending: Collection[str],
    destinations: Mapping[str, Set[str]] | None,
    places: Mapping[str, Set[tuple[str, int]]],
) -> Callable[[str, HeldFile], bool]:
    """Return what tells whether a file of a bag that has to go is still to get its place in another bag.

    ``pending`` are bags that are to be held and are not complete; ``destinations`` the edition's bags by the
    SHA-256 of their files. Without an index these are None: then all waits while any bag is pending, unless
    nothing is to replace its bag. ``places`` are, by a bag that goes, path and size of what the pending bag
    in its place has: a file that is there only in part has no hash that anybody lists.
    """

    def waits(bag: str, file: HeldFile) -> bool:
        if (file.path, file.size) in places.get(bag, frozenset()):
            return True
        if destinations is not None:
            return not destinations.get(file.sha256, frozenset()).isdisjoint(pending)
        if leave.state(bag) is HoldingState.DROPPED:
            return bag in pending  # it is wanted again
        withdrawal = leave.withdrawals.get(bag)
        return bool(pending) and not (withdrawal and withdrawal.replaced_by is None)

    return waits


def _erase_files(
    mirror: Archive, leave: Leave, bag: str, files: Collection[HeldFile], *, at: str
) -> list[HeldFile]:
    """Erase files of a bag; return those whose bytes are in no bag held here any more."""
    if not files:
        return []
    folder, changed = leaving(mirror) / bag, set()
    for file in files:
        path = folder / file.path
        with suppress(FileNotFoundError, NotADirectoryError):  # erased before a kill, or in its new place
            path.unlink()
            changed.add(path.parent)
    for parent in sorted(changed):
        fsync_dir(parent)
    with mirror.ledger.begin() as ledger:
        held = held_bags_with(ledger, {file.sha256 for file in files if file.sha256})
        gone = [file for file in files if file.sha256 not in held]
        stones = {stone.id: asdict(stone) for file in gone if (stone := leave.stones.get(file.sha256))}
        erased(ledger, bag, [file.path for file in files])
        record_event(
            ledger,
            at=at,
            kind=DELETION,
            subject=bag,
            agent=mirror.settings.archive.agent,
            detail={
                **leave.proof(bag),
                "tombstones": list(stones.values()),
                "erased": [asdict(file) | {"path": _shown(file.path)} for file in gone],
                "kept": {file.path: held[file.sha256] for file in files if file.sha256 in held},
            },
        )
    return gone


def _inventory(mirror: Archive, bag: str, at: str) -> list[HeldFile]:
    folder = leaving(mirror) / bag
    with mirror.ledger.connect() as ledger:
        known = verified_files(ledger, bag)
        recorded = bag in all_holdings(ledger)
    there = _listed(folder) if folder.exists() else []
    more = [
        HeldFile(path, (folder / path).lstat().st_size, "" if instead else _hash(folder / path))
        for path, instead in there
        if path not in known
    ]
    writable = [file for file in more if _shown(file.path) == file.path]
    if writable and recorded:
        with mirror.ledger.begin() as ledger:
            record_verified(ledger, bag, writable, at=at)
    return [*known.values(), *more]


def _listed(folder: Path) -> list[tuple[str, str]]:
    """Return all that lies in a bag's folder, as files_in does. Raises OSError where that cannot be known."""
    unlistable: list[OSError] = []
    there = list(files_in(folder, lambda _, error: unlistable.append(error)))
    if unlistable:
        raise unlistable[0]
    return there


def _hash(path: Path) -> str:
    return feed(path, hashlib.sha256(), follow_links=False).hexdigest()


def _shown(path: str) -> str:
    """Return a path that can be written down, whatever bytes its names are made of."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _remove_folder(mirror: Archive, bag: str) -> None:
    folder = leaving(mirror) / bag
    if folder.exists():
        shutil.rmtree(folder)  # of folders only: its files are erased and recorded
        fsync_dir(folder.parent)


def _put_aside(mirror: Archive, bag: str) -> None:
    """Move what there is of a bag out of the places from which bags are served and completed."""
    place = leaving(mirror) / bag
    for home in (mirror.bags / bag, arriving(mirror) / bag):
        if not home.exists():
            continue
        if place.exists():
            raise PhonothequeError(
                f"{home} has to go to {place}, where something is already.",
                "Move one of them out of the way.",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        home.rename(place)
        fsync_dir(home.parent)
        fsync_dir(place.parent)
