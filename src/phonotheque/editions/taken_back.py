"""What an edition says of what was taken back: bags, with what replaces them, and recordings. For ever."""

from __future__ import annotations

from sqlalchemy import Connection

from phonotheque.editions.edition import Tombstone
from phonotheque.editions.edition import Withdrawal as WithdrawnBag
from phonotheque.ledger.former_bags import all_former_bags, removed_by_withdrawals, successors
from phonotheque.ledger.withdrawals import State, Step, Withdrawal, all_withdrawals


def withdrawn_bags(ledger: Connection) -> tuple[WithdrawnBag, ...]:
    """Return every bag that was taken back, and which current bag holds what remains of it."""
    former = all_former_bags(ledger)
    after = successors(former)
    return tuple(WithdrawnBag(one.bag.id, one.taken_back_at, one.reason, after[one.bag.id]) for one in former)


def tombstones(ledger: Connection) -> tuple[Tombstone, ...]:
    """Return what withdrawals took out of bags, by withdrawal and recording.

    What belongs to several recordings, as a cover does, is named with the first of its withdrawal.
    """
    withdrawals = {one.id: one for one in all_withdrawals(ledger)}
    found: dict[tuple[str, str], tuple[set[str], str]] = {}
    of_several: dict[str, set[str]] = {}
    for one in removed_by_withdrawals(ledger):
        if one.recording is None:
            of_several.setdefault(one.withdrawal_id, set()).add(one.sha256)
            continue
        hashes, at = found.setdefault((one.withdrawal_id, one.recording), (set(), one.at))
        hashes.add(one.sha256)
        found[one.withdrawal_id, one.recording] = hashes, min(at, one.at)
    stones = []
    for (name, recording), (hashes, at) in sorted(found.items()):
        hashes |= of_several.pop(name, set())
        stones.append(_tombstone(withdrawals[name], recording, hashes, at))
    return tuple(stones)


def _tombstone(one: Withdrawal, recording: str, hashes: set[str], at: str) -> Tombstone:
    reviewed = one.state in (State.HELD, State.REFUSED)
    return Tombstone(
        id=one.id,
        recording=recording,
        sha256=tuple(sorted(hashes)),
        territory=one.territory,
        date=at,
        reason="withheld while a request was reviewed" if reviewed else one.told,
        reinstated=one.reached(Step.REVERSED) or one.reached(Step.REFUSED),
    )
