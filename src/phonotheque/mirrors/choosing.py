"""Which bags of an edition a mirror is to hold: by what is here, what may be here, and the room there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.ledger.holdings import GOING, Holding, HoldingState, all_holdings, bytes_held
from phonotheque.mirrors.choose import Candidate, Choice, Explained, Verdict, choose
from phonotheque.mirrors.copies import moment
from phonotheque.mirrors.dropping import Dropping, Held, Terms, drop
from phonotheque.mirrors.home import leaving
from phonotheque.mirrors.knowing import Knowing, Wishes
from phonotheque.mirrors.leaving import Leave
from phonotheque.mirrors.lowering import read_lowering
from phonotheque.mirrors.only import unwanted
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.reporting import told_leaving
from phonotheque.mirrors.transfer import find_torrent, home_of
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.vault.archive import Archive

_CHOOSE_AGAIN: Final = timedelta(days=1)
_MORE_TAGS = 16 * 1024**2  # bytes by which the tag files of a bag may outgrow those of what it replaces


def choose_bags(
    mirror: Archive, leave: Leave, going: Collection[str], budget: int, wishes: Wishes | None = None
) -> Choice:
    """Choose within ``budget`` bytes among the bags of an edition that may be held here.

    ``going`` are the bags that have to go and of which something is here.
    """
    wishes = wishes or Wishes()
    edition, seed = leave.edition, mirror.settings.archive.id
    with mirror.ledger.connect() as connection:
        known, sizes = all_holdings(connection), bytes_held(connection)
    room = budget - sum(table.size for table in edition.tables)
    # A bag that was begun takes room already, and is finished before another one is.
    begun = {
        bag
        for bag, holding in known.items()
        if holding.state is HoldingState.COMPLETE
        or (holding.state not in GOING and home_of(mirror, bag).exists())
    }
    # So is one that is made of what is here.
    instead = _instead(mirror, edition, going, known)
    passed = wishes.passed.keys() - instead - {edition.catalogue.bag}
    wishes = replace(wishes, passed={bag: wishes.passed[bag] for bag in passed})
    begun = (begun - passed) | instead  # of what is passed over, nothing is here
    refused = _refused(leave, known)
    bags = [candidate(edition, entry, wishes) for entry in edition.bags if entry.id not in refused]
    lasting = instead | {entry.id for entry in edition.bags if entry.wave == CATALOGUE_WAVE}
    held = [_held(mirror, bag, wishes, known, sizes, lasting) for bag in bags if bag.id in begun]
    dropping = _dropping(mirror, held, room, wishes)
    going_bags = dropping.dropped.keys() | dropping.leaving.keys()
    left = [bag for bag in bags if bag.id not in going_bags]
    taken = sum(one.bytes for one in held if one.bag.id in dropping.leaving)
    choice = choose(left, room, begun - going_bags, seed, taken=taken)
    over = [bag for bag, _ in choice.left_out if bag in instead]
    reasons = dict(choice.left_out) | {bag: dropping.kept.get(bag, why) for bag, why in choice.left_out}
    explained = [
        *(replace(one, why=reasons.get(one.bag, one.why)) for one in choice.explained),
        *(Explained(bag, Verdict.LEAVING, why) for bag, why in dropping.leaving.items()),
        *(Explained(bag, Verdict.DROPPED, why) for bag, why in dropping.dropped.items()),
        *(Explained(bag, Verdict.LEFT_OUT, why) for bag, why in refused.items()),
    ]
    return Choice(
        (*choice.chosen, *over),
        (*reasons.items(), *dropping.leaving.items(), *refused.items()),
        {bag: _proof(bag, why, budget, wishes) for bag, why in dropping.dropped.items()},
        tuple(explained),
        dropping.lowering,
    )


def better_known(
    mirror: Archive,
    leave: Leave,
    going: Collection[str],
    budget: int,
    knowing: Knowing,
    choice: Choice,
    clock: Callable[[], datetime],
) -> Callable[[], bool]:
    """Return what tells, while bags are on their way, whether others would be chosen by now.

    It asks once a day how many copies there are then: so mirrors that began together learn of each other.
    """
    due = clock() + _CHOOSE_AGAIN

    def is_known_better() -> bool:
        nonlocal due
        if clock() < due:
            return False
        due = clock() + _CHOOSE_AGAIN
        wishes = knowing.wishes(leave.edition, ask=True, offline=leave.followed.offline)
        later = choose_bags(mirror, leave, going, budget, wishes)
        if set(later.chosen) == set(choice.chosen):
            return False
        knowing.say("By the copies that are known now, other bags come next.")
        return True

    return is_known_better


def candidate(edition: Edition, entry: BagEntry, wishes: Wishes) -> Candidate:
    """Return what a bag is to a choice."""
    said = wishes.copies.of(entry.id) if wishes.copies is not None else None
    return Candidate(
        entry.id,
        entry.bytes + entry.torrent.size,
        copies=said.proven if said else None,
        catalogue=entry.id == edition.catalogue.bag,
        claimed=said.claimed if said else 0,
        listens=entry.listens,
        unwanted=unwanted(wishes.query, entry, wishes.known),
        passed=wishes.passed.get(entry.id, ""),
    )


def _dropping(mirror: Archive, held: Sequence[Held], room: int, wishes: Wishes) -> Dropping:
    lowering = read_lowering(mirror)
    if lowering is None or wishes.now is None:
        return Dropping()
    copies = wishes.copies
    counted = moment(copies.time) if copies and copies.signed and copies.is_late(wishes.now) else None
    terms = Terms(wishes.keep, mirror.settings.archive.id, wishes.now, counted, told_leaving(mirror))
    return drop(held, room, lowering, terms)


def _held(
    mirror: Archive,
    bag: Candidate,
    wishes: Wishes,
    known: Mapping[str, Holding],
    sizes: Mapping[str, int],
    lasting: Collection[str],
) -> Held:
    state = known[bag.id].state if bag.id in known else None
    proven, why = 0, "how many copies there are is not known"
    if wishes.copies is not None and wishes.now is not None:
        proven = wishes.copies.proven_lately(bag.id, wishes.now)
        why = wishes.copies.why_not(bag.id, wishes.now)
    return Held(
        bag,
        proven=proven,
        whole=state is HoldingState.COMPLETE or (mirror.bags / bag.id).exists(),
        stays=bag.catalogue or bag.id in lasting,
        here=sizes.get(bag.id) if state is HoldingState.PARTIAL else None,
        unproven=why,
    )


def _proof(bag: str, why: str, budget: int, wishes: Wishes) -> dict[str, Any]:
    proof: dict[str, Any] = {"why": why, "budget": budget, "keep_copies": wishes.keep}
    if wishes.copies is not None:
        proof |= {"copies": asdict(wishes.copies.of(bag)), "copies_at": wishes.copies.time}
    return proof


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
