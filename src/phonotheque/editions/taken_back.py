"""What an edition says of what was taken back: bags, with what replaces them, and recordings. For ever."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from phonotheque.editions.edition import Tombstone
from phonotheque.editions.edition import Withdrawal as WithdrawnBag
from phonotheque.ledger.former_bags import all_former_bags, removed_by_withdrawals, successors
from phonotheque.ledger.withdrawals import (
    State,
    Step,
    Withdrawal,
    all_withdrawals,
    items_of,
)
from phonotheque.model.rights import Act
from phonotheque.model.territory import parse_territory


def withdrawn_bags(ledger: Connection) -> tuple[WithdrawnBag, ...]:
    """Return every bag that was taken back, and which current bag holds what remains of it."""
    former = all_former_bags(ledger)
    after = successors(former)
    return tuple(WithdrawnBag(one.bag.id, one.taken_back_at, one.reason, after[one.bag.id]) for one in former)


def tombstones(ledger: Connection) -> tuple[Tombstone, ...]:
    """Return what withdrawals took out of bags, by withdrawal and recording; what is of none together."""
    withdrawals = {one.id: one for one in all_withdrawals(ledger)}
    found: dict[tuple[str, str | None], tuple[set[str], str]] = {}
    for one in removed_by_withdrawals(ledger):
        hashes, at = found.setdefault((one.withdrawal_id, one.recording), (set(), one.at))
        hashes.add(one.sha256)
        found[one.withdrawal_id, one.recording] = hashes, min(at, one.at)
    stones = []
    taken_from = _taken_from(ledger, withdrawals.values(), {withdrawals[name].territory for name, _ in found})
    for (name, recording), (hashes, at) in sorted(
        found.items(), key=lambda one: (one[0][0], one[0][1] or "")
    ):
        asked = withdrawals[name]
        back = asked.reached(Step.REVERSED) or asked.reached(Step.REFUSED)
        # What is still taken back there, if not by this then by another withdrawal, is not back.
        taken = taken_from[asked.territory]
        still = (hashes if recording in taken else set()) if recording else hashes & taken
        for some, reinstated in ((still, None), (hashes - still, back)):
            if some:
                stones.append(_tombstone(asked, recording, some, at, reinstated))
    return tuple(stones)


def _taken_from(
    ledger: Connection, withdrawals: Iterable[Withdrawal], territories: Iterable[str]
) -> dict[str, set[str]]:
    """Return, for each of these territories, what is taken back from all of it now: recordings and hashes."""
    found: dict[str, set[str]] = {text: set() for text in territories}
    for one in withdrawals:
        if one.in_effect and Act.DISTRIBUTE in one.acts:
            items = {item.value for item in items_of(ledger, one.id)}
            for text, taken in found.items():
                if parse_territory(text) <= parse_territory(one.territory):
                    taken |= items
    return found


def _tombstone(
    one: Withdrawal, recording: str | None, hashes: set[str], at: str, reinstated: str | None
) -> Tombstone:
    reviewed = one.state in (State.HELD, State.REFUSED)
    return Tombstone(
        id=one.id,
        recording=recording,
        sha256=tuple(sorted(hashes)),
        territory=one.territory,
        date=at,
        reason="withheld while a request was reviewed" if reviewed else one.told,
        reinstated=reinstated,
    )
