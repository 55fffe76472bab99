"""What groups of mirrors have room for, of what a plan publishes: how many copies of what.

A forecast, not an order: mirrors choose for themselves (docs/mirrors.md). A group is taken to hold whole
copies of everything as often as its disks have room for it, and with what is left of them once more what is
listened to most per byte; a mirror never holds a thing twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from phonotheque.catalogue.scratch import rows
from phonotheque.editions.candidates import AT_RISK, Totals
from phonotheque.editions.knapsack import Stages
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import parse_size

_GROUP: Final = re.compile(r"([^:=]{1,64})=([0-9]{1,7})[x×](.+)")
_PARTS: Final = {"heard": ("listens > 0", "listens"), "unheard": ("listens = 0", "1")}
_SUMMED: Final = """
    SELECT least(mirrored, {many}) AS copies, count(*) AS recordings, sum(bytes)::BIGINT AS bytes,
           sum({worth})::HUGEINT AS worth
    FROM forecast WHERE choice != 'out' GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Mirrors that lend disks of one size: ``budget`` is that of each, in bytes."""

    name: str
    mirrors: int
    budget: int

    @classmethod
    def parse(cls, text: str) -> Group:
        """Return the group of "homes=40x2TB". Raises UsageError for anything else."""
        match = _GROUP.fullmatch(text.strip())
        if match is None or not int(match[2]):
            raise UsageError(f"“{text}” is not a group of mirrors.", "Write it like homes=40x2TB.")
        return cls(match[1].strip(), int(match[2]), parse_size(match[3]))


@dataclass(frozen=True, slots=True)
class Room:
    """What a group has room for: copies of all that fits one of its disks, and ``bytes`` more of some."""

    group: Group
    copies: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """What would be held in so many copies (the last: or more), and its share of what is published."""

    copies: int
    recordings: int
    bytes: int
    share: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What all groups together have room for. Both empty where no group was named."""

    groups: tuple[Room, ...] = ()
    held: tuple[Held, ...] = ()


def forecast(engine: duckdb.DuckDBPyConnection, groups: Sequence[Group], totals: Totals) -> Forecast:
    """Make a view ``forecast``: ``chosen``, and of how many copies of each the groups have room for."""
    stages = Stages(engine, "chosen")
    rooms = [_room(engine, stages, number, group) for number, group in enumerate(groups)]
    whole = [f"CASE WHEN bytes <= {room.group.budget} THEN {room.copies} ELSE 0 END" for room in rooms]
    once_more = [f"{part}_{number}::BIGINT" for number in range(len(groups)) for part in _PARTS]
    mirrored = " + ".join(["0", *whole, *once_more])
    engine.execute(
        f"CREATE VIEW forecast AS SELECT *, CASE WHEN choice = 'out' THEN 0 "  # noqa: S608 — constants
        f"ELSE {mirrored} END::BIGINT AS mirrored FROM {stages.source}"
    )
    if not groups:
        return Forecast()
    ((worth,),) = engine.execute(
        f"SELECT coalesce(sum({totals.worth}), 0)::BIGINT FROM chosen WHERE choice != 'out'"  # noqa: S608 — constants
    ).fetchall()
    held = [
        Held(row["copies"], row["recordings"], row["bytes"], int(row["worth"]) / (worth or 1))
        for row in rows(engine, _SUMMED.format(many=AT_RISK, worth=totals.worth))
    ]
    return Forecast(tuple(rooms), tuple(held))


def _room(engine: duckdb.DuckDBPyConnection, stages: Stages, number: int, group: Group) -> Room:
    """Fill what a group has left after whole copies, in columns of ``stages``."""
    # What is larger than one mirror's disk is on nobody's.
    fits = f"choice != 'out' AND bytes <= {group.budget}"
    query = f"SELECT coalesce(sum(bytes), 0)::BIGINT FROM chosen WHERE {fits}"  # noqa: S608 — constants
    ((size,),) = engine.execute(query).fetchall()
    capacity = group.mirrors * group.budget
    copies = min(group.mirrors, capacity // size) if size else group.mirrors
    left = capacity - copies * size if copies < group.mirrors else 0
    spent = 0
    for part, (which, worth) in _PARTS.items():
        spent += stages.run(f"{part}_{number}", f"{fits} AND {which}", worth, "bytes", left - spent).cost
    return Room(group, copies, spent)
