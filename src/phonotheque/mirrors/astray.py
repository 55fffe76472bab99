"""Bags that a mirror says it has and should not: taken back, or not for people where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.mirrors import MirrorRecord
from phonotheque.ledger.packed import Packed
from phonotheque.ledger.schema import bags
from phonotheque.ledger.withdrawal_tables import former_bags
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.territory import WORLDWIDE


@dataclass(frozen=True, slots=True)
class Astray:
    """By their ids: bags that the edition which it follows takes back, and bags for other countries."""

    taken_back: tuple[str, ...]
    not_for_there: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bags:
    """The bags of an archive that somebody might hold and should not, by the numbers that holdings have."""

    gone: Mapping[int, tuple[str, int]]  # id, and the edition that takes it back
    restricted: Mapping[int, tuple[str, str]]  # id and audience


def bags_by_number(ledger: Connection) -> Bags:
    """Read what :func:`astray` looks up for each mirror."""
    gone = (
        select(copies.c.number, copies.c.bag_id, former_bags.c.taken_back_in)
        .join(former_bags, former_bags.c.id == copies.c.bag_id)
        .order_by(copies.c.bag_id)
    )
    current = (
        select(copies.c.number, bags.c.id, bags.c.audience)
        .join(bags, bags.c.id == copies.c.bag_id)
        .where(bags.c.audience != WORLDWIDE)
        .order_by(bags.c.id)
    )
    return Bags(
        {int(row.number): (row.bag_id, int(row.taken_back_in)) for row in ledger.execute(gone)},
        {int(row.number): (row.id, row.audience) for row in ledger.execute(current)},
    )


def astray(held: Packed, mirror: MirrorRecord, among: Bags) -> Astray:
    """Return what a mirror, as it says itself, has at least in part and should not have."""
    if not among.gone and not among.restricted:
        return Astray((), ())
    numbers = set(held["bag"].tolist())
    edition, country = mirror.edition or 0, mirror.country or ""
    return Astray(
        tuple(bag for number, (bag, since) in among.gone.items() if number in numbers and since <= edition),
        tuple(
            bag
            for number, (bag, audience) in among.restricted.items()
            if number in numbers and not may_hold(country, audience)
        ),
    )
