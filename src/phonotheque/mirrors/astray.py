"""Bags that a mirror says it has and should not: taken back, or not for people where it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.mirrors import MirrorRecord, holds_of
from phonotheque.ledger.schema import bags
from phonotheque.ledger.withdrawal_tables import former_bags
from phonotheque.mirrors.whereabouts import may_hold


@dataclass(frozen=True, slots=True)
class Astray:
    """By their ids: bags that the edition which it follows takes back, and bags for other countries."""

    taken_back: tuple[str, ...]
    not_for_there: tuple[str, ...]


def astray(ledger: Connection, mirror: MirrorRecord) -> Astray:
    """Return what a mirror, as it says itself, has at least in part and should not have."""
    numbers = set(holds_of(ledger, mirror.number)["bag"].tolist())
    if not numbers:
        return Astray((), ())
    gone = (
        select(copies.c.number, copies.c.bag_id)
        .join(former_bags, former_bags.c.id == copies.c.bag_id)
        .where(former_bags.c.taken_back_in <= (mirror.edition or 0))
        .order_by(copies.c.bag_id)
    )
    current = select(copies.c.number, bags.c.id, bags.c.audience).join(bags, bags.c.id == copies.c.bag_id)
    return Astray(
        tuple(row.bag_id for row in ledger.execute(gone) if row.number in numbers),
        tuple(
            row.id
            for row in ledger.execute(current.order_by(bags.c.id))
            if row.number in numbers and not may_hold(mirror.country or "", row.audience)
        ),
    )
