"""What was taken back of a recording, as far as everybody may know: never who asked, nor their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select

from phonotheque.editions.edition import Tombstone
from phonotheque.ledger.withdrawal_tables import withdrawal_items
from phonotheque.ledger.withdrawals import ItemKind, State, Step, withdrawal
from phonotheque.model.rights import Act
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.web.room.sounds import Sound

_COVERING: Final = select(withdrawal_items).where(
    withdrawal_items.c.value.in_(bindparam("values", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A withdrawal in effect. ``reason`` is the public one; None while a request is only being looked at."""

    at: str
    reason: str | None
    where: Territory
    acts: tuple[Act, ...]
    whole: bool  # it names the recording, not only some of its files


def taken_back(ledger: Connection, recording: str, sounds: Sequence[Sound]) -> list[Taken]:
    """Return the withdrawals in effect that cover a recording or a file of it, the newest first."""
    wanted = {(ItemKind.RECORDING.value, recording)}
    wanted |= {(ItemKind.SHA256.value, sound.sha256) for sound in sounds}
    wanted |= {(ItemKind.PCM.value, sound.pcm_sha256) for sound in sounds if sound.pcm_sha256}
    covered = ledger.execute(_COVERING, {"values": [value for _, value in wanted]})
    named: dict[str, bool] = {}
    for row in covered:
        if (row.kind, row.value) in wanted:
            whole = row.kind == ItemKind.RECORDING.value
            named[row.withdrawal_id] = named.get(row.withdrawal_id, False) or whole
    found = []
    for name, whole in named.items():
        one = withdrawal(ledger, name)
        if not one.in_effect:
            continue
        reviewed = one.state is State.HELD
        at = one.reached(Step.HELD if reviewed else Step.ACCEPTED) or one.requested_at
        where = parse_territory(one.territory)
        found.append(Taken(at, None if reviewed else one.told, where, one.acts, whole))
    return sorted(found, key=lambda one: one.at, reverse=True)


def of_tombstones(stones: Iterable[Tombstone]) -> list[Taken]:
    """Return what an edition says of a recording that was taken back, but for what came back since."""
    acts = (Act.STREAM, Act.DISTRIBUTE, Act.MINE)
    found = [
        Taken(stone.date, stone.reason, parse_territory(stone.territory), acts, True)
        for stone in stones
        if stone.reinstated is None
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)
