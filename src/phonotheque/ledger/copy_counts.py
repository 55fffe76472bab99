"""Copies of each bag as counted last, how they were over time, and the alerts that came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from phonotheque.ledger.mirror_tables import copies, copies_over_time, copy_alerts
from phonotheque.ledger.schema import bags


class Level(StrEnum):
    """How many copies there are, against how many are wanted."""

    NONE = "none"
    ONE = "one"
    FEW = "few"  # more than one, fewer than wanted
    ENOUGH = "enough"


class Measure(StrEnum):
    """Which copies: those that mirrors proved, or those that they say they hold."""

    PROVEN = "proven"
    CLAIMED = "claimed"


LEVELS: Final = tuple(Level)
_CLAIMS_KEPT: Final = 100  # alerts


@dataclass(frozen=True, slots=True)
class Count:
    """Copies of one bag; ``proven_since`` is of those that count, ``seeders`` None where none was asked."""

    claimed: int = 0
    proven: int = 0
    proven_since: str | None = None
    seeders: int | None = None

    @property
    def numbers(self) -> tuple[int, int, int | None]:
        """Return all that a bag's history tells."""
        return self.claimed, self.proven, self.seeders

    def of(self, measure: Measure) -> int:
        """Return one of the two numbers."""
        return self.proven if measure is Measure.PROVEN else self.claimed


@dataclass(frozen=True, slots=True)
class OnADay:
    """What a bag's figures became on a day; they stayed so until the next one that is told."""

    day: str
    claimed: int
    proven: int
    seeders: int | None


@dataclass(frozen=True, slots=True)
class Alert:
    """Bags whose copies fell to a level, or rose to it, when they were counted at ``at``."""

    at: str
    measure: Measure
    fell: bool
    level: Level
    wanted: int
    bags: tuple[str, ...]


def level_of(number: int, wanted: int) -> Level:
    """Return the level of a number of copies."""
    if number >= wanted:
        return Level.ENOUGH
    return Level.NONE if number == 0 else Level.ONE if number == 1 else Level.FEW


def counts(connection: Connection) -> dict[str, Count]:
    """Return the copies of each bag as they were counted last."""
    return {
        row.bag_id: Count(row.claimed, row.proven, row.proven_since, row.seeders)
        for row in connection.execute(select(copies))
    }


def totals(connection: Connection, wanted: int) -> dict[str, int]:
    """Return how many bags there are, and of these with how many copies, as they were counted last."""
    proven, claimed = func.coalesce(copies.c.proven, 0), func.coalesce(copies.c.claimed, 0)
    row = connection.execute(
        select(
            func.count().label("bags"),
            func.coalesce(func.sum(case((proven >= wanted, 1), else_=0)), 0).label("safe"),
            func.coalesce(func.sum(case((proven == 0, 1), else_=0)), 0).label("none_proven"),
            func.coalesce(func.sum(case((claimed >= wanted, 1), else_=0)), 0).label("enough_claimed"),
        ).select_from(bags.outerjoin(copies, copies.c.bag_id == bags.c.id))
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def save_counts(
    connection: Connection,
    changed: Mapping[str, Count],
    before: Mapping[str, Count],
    numbers: Mapping[str, int],
    day: str,
) -> None:
    """Record what changed in bags' figures on a day; ``numbers`` are theirs (ledger.mirrors.number_bags).

    Where one of the numbers is another one than ``before``, that day's row of the bag's history is replaced,
    if there is one: it has what they were last.
    """
    rows = [
        {"bag": numbers[bag], "claimed": one.claimed, "proven": one.proven, "seeders": one.seeders,
         "since": one.proven_since, "day": day}
        for bag, one in changed.items()
    ]  # fmt: skip
    if not rows:
        return
    figures: dict[str, Any] = {name: bindparam(name) for name in ("claimed", "proven", "seeders")}
    which = copies.c.number == bindparam("bag")
    connection.execute(update(copies).where(which).values(proven_since=bindparam("since"), **figures), rows)
    others = {numbers[bag] for bag, one in changed.items() if one.numbers != before[bag].numbers}
    if not (rows := [row for row in rows if row["bag"] in others]):
        return
    today = (copies_over_time.c.bag == bindparam("bag")) & (copies_over_time.c.day == bindparam("day"))
    connection.execute(delete(copies_over_time).where(today), rows)
    connection.execute(
        insert(copies_over_time).values(bag=bindparam("bag"), day=bindparam("day"), **figures), rows
    )


def over_time(connection: Connection, bag: str) -> list[OnADay]:
    """Return the history of a bag's figures, the oldest first."""
    query = (
        select(copies_over_time)
        .join(copies, copies.c.number == copies_over_time.c.bag)
        .where(copies.c.bag_id == bag)
        .order_by(copies_over_time.c.day)
    )
    return [OnADay(row.day, row.claimed, row.proven, row.seeders) for row in connection.execute(query)]


def claims_on(connection: Connection, day: str) -> dict[str, tuple[int, int]]:
    """Return for each bag of which the figures changed on a day its claims at its beginning, and now."""
    earlier = copies_over_time.alias()
    last = (
        select(copies_over_time.c.bag, func.max(earlier.c.day).label("day"))
        .outerjoin(earlier, (earlier.c.bag == copies_over_time.c.bag) & (earlier.c.day < day))
        .where(copies_over_time.c.day == day)
        .group_by(copies_over_time.c.bag)
        .subquery()
    )
    query = (
        select(copies.c.bag_id, func.coalesce(copies_over_time.c.claimed, 0), copies.c.claimed)
        .join(last, last.c.bag == copies.c.number)
        .outerjoin(
            copies_over_time,
            (copies_over_time.c.bag == last.c.bag) & (copies_over_time.c.day == last.c.day),
        )
    )
    return {bag: (int(before), int(now)) for bag, before, now in connection.execute(query)}


def record_alerts(connection: Connection, alerts: Iterable[Alert]) -> None:
    """Append alerts."""
    rows = [asdict(alert) | {"bags": list(alert.bags)} for alert in alerts]
    if rows:
        connection.execute(insert(copy_alerts), rows)


def record_alerts_on_claims(connection: Connection, day: str, alerts: Iterable[Alert]) -> None:
    """Put alerts in the place of those that there are on claims of a day; of earlier days the last stay.

    Anybody can claim all and nothing in turn: that must not fill the ledger.
    """
    on_claims = copy_alerts.c.measure == Measure.CLAIMED
    connection.execute(delete(copy_alerts).where(on_claims, copy_alerts.c.at >= day))
    record_alerts(connection, alerts)
    kept = select(copy_alerts.c.id).where(on_claims).order_by(copy_alerts.c.id.desc()).limit(_CLAIMS_KEPT)
    connection.execute(delete(copy_alerts).where(on_claims, copy_alerts.c.id.not_in(kept)))


def last_alerts(connection: Connection, most: int) -> dict[int, Alert]:
    """Return the newest alerts of each measure by their numbers, the newest first."""
    newest = (
        select(copy_alerts.c.id).where(copy_alerts.c.measure == measure).order_by(copy_alerts.c.id.desc())
        for measure in Measure
    )
    found = [number for query in newest for number in connection.execute(query.limit(most)).scalars()]
    query = select(copy_alerts).where(copy_alerts.c.id.in_(found)).order_by(copy_alerts.c.id.desc())
    return {
        row.id: Alert(row.at, Measure(row.measure), row.fell, Level(row.level), row.wanted, tuple(row.bags))
        for row in connection.execute(query)
    }
