"""What was taken back of a recording, as far as everybody may know: never who asked, nor their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from phonotheque.editions.edition import Tombstone
from phonotheque.ledger.withdrawals import Item, ItemKind, State, Step, covering, withdrawal
from phonotheque.model.rights import Act
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.web.room.sounds import Sound


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
    items = [Item(ItemKind.RECORDING, recording)]
    items += [Item(ItemKind.SHA256, sound.sha256) for sound in sounds]
    items += [Item(ItemKind.PCM, sound.pcm_sha256) for sound in sounds if sound.pcm_sha256]
    named = covering(ledger, items[:1])
    found = []
    for name in covering(ledger, items):
        one = withdrawal(ledger, name)
        if not one.in_effect:
            continue
        reviewed = one.state is State.HELD
        at = one.reached(Step.HELD if reviewed else Step.ACCEPTED) or one.requested_at
        where = parse_territory(one.territory)
        found.append(Taken(at, None if reviewed else one.told, where, one.acts, name in named))
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
