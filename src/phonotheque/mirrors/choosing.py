"""Which bags of an edition a mirror is to hold: by what is here, what may be here, and the room there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.ledger.holdings import GOING, Holding, HoldingState, all_holdings
from phonotheque.mirrors.choose import Candidate, Choice, choose
from phonotheque.mirrors.home import leaving
from phonotheque.mirrors.leaving import Leave
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.transfer import find_torrent, home_of
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.vault.archive import Archive

_MORE_TAGS = 16 * 1024**2  # bytes by which the tag files of a bag may outgrow those of what it replaces


def choose_bags(mirror: Archive, leave: Leave, going: Collection[str], budget: int) -> Choice:
    """Choose within ``budget`` bytes among the bags of an edition that may be held here.

    ``going`` are the bags that have to go and of which something is here.
    """
    edition = leave.edition
    budget -= edition.index.size
    with mirror.ledger.connect() as connection:
        known = all_holdings(connection)
    # A bag that was begun takes room already, and is finished before another one is.
    begun = {
        bag
        for bag, holding in known.items()
        if holding.state is HoldingState.COMPLETE
        or (holding.state not in GOING and home_of(mirror, bag).exists())
    }
    # So is one that is made of what is here.
    instead = _instead(mirror, edition, going, known)
    begun |= instead
    refused = _refused(leave, known)
    candidates = [
        Candidate(entry.id, entry.bytes + entry.torrent.size, catalogue=entry.id == edition.catalogue.bag)
        for entry in edition.bags
        if entry.id not in refused
    ]
    choice = choose(candidates, budget, begun, mirror.settings.archive.id)
    over = [bag for bag, _ in choice.left_out if bag in instead]
    return Choice((*choice.chosen, *over), (*choice.left_out, *refused.items()))


def _instead(
    mirror: Archive, edition: Edition, going: Collection[str], known: Mapping[str, Holding]
) -> set[str]:
    """Return the bags that replace what is here, or are begun of it, and are no larger: they need no room."""
    room = Counter[str]()
    for gone in edition.withdrawals:
        fresh = gone.replaced_by
        if fresh and gone.bag in known and (gone.bag in going or home_of(mirror, fresh).exists()):
            room[fresh] += known[gone.bag].bytes
    return {
        entry.id for entry in edition.bags if entry.id in room and entry.bytes <= room[entry.id] + _MORE_TAGS
    }


def _refused(leave: Leave, known: Mapping[str, Holding]) -> dict[str, str]:
    """Return the edition's bags that may not be held here, and why."""
    refused = {bag: leave.reason(bag) for bag in (*leave.barred, *leave.tainted)}
    for bag, holding in known.items():
        if holding.state is HoldingState.WITHDRAWN and bag not in leave.withdrawals:
            refused[bag] = "was withdrawn, and what was withdrawn does not come back under its name"
    return {entry.id: refused[entry.id] for entry in leave.edition.bags if entry.id in refused}


def places_in_wanted(
    mirror: Archive, origin: Origin, leave: Leave, wanted: Collection[BagEntry]
) -> dict[str, frozenset[tuple[str, int]]]:
    """Return path and size of what wanted bags have, by the bag that each replaces and that is leaving."""
    by_id, found = {entry.id: entry for entry in wanted}, {}
    for gone in leave.edition.withdrawals:
        entry = by_id.get(gone.replaced_by or "")
        if entry is None or not (leaving(mirror) / gone.bag).exists():
            continue
        if leave.followed.offline and not (mirror.public / "targets" / entry.torrent.path).exists():
            continue
        # Whoever fetches the bag afterwards says what is wrong with its torrent.
        with suppress(NetworkError, NotFoundError, VerificationError):
            _, meta = find_torrent(origin, mirror.public, entry)
            found[gone.bag] = frozenset((file.path, file.size) for file in meta.files)
    return found
