"""Filling a budget with what is worth most per byte, over more items than memory holds.

The order of worth per byte, cut at the first item that does not fit, is the optimum of the linear relaxation
of the knapsack (Dantzig 1957, “Discrete-variable extremum problems”); what is taken falls short of the true
optimum by less than that one item. Nothing is sorted for it: sums over groups of items say in which group the
cut lies, then sums over finer groups within that one, until few enough items are left to be looked at one by
one. The items are a view of an engine that reads them from the disk each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

WINDOW: Final = 1 << 17  # items at the cut that are looked at one by one
_ROUNDS: Final = 100  # of filling the gap; later ones find gaps of less than one item
_BINS: Final = 1024  # groups for each doubling of worth per byte
_WORTHLESS: Final = -(1 << 31)  # the group of what is worth nothing, the last

# How items are told apart, coarse to fine; lower comes first. Equally dense: the preferred come first.
ORDER: Final = ("-bin", "-density", "later", "recording // 65536", "recording")

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was taken. ``condition`` is SQL over the items' columns, true for what was taken.

    ``bound`` is the worth that no choice within the same room can exceed, if ``ORDER`` was the whole order.
    """

    condition: str
    cost: int
    worth: int
    bound: float


def items(
    source: str, *, eligible: str, worth: str, cost: str, later: str = "false", urgency: str = "0"
) -> str:
    """Return SQL for the items of a view: its columns, with what the choice goes by.

    ``worth`` and ``cost`` are expressions of whole numbers, zero or more where ``eligible`` holds;
    ``later`` is true for what comes after others as dense as it; ``urgency`` is for orders that ask for it.
    """
    return f"""
        SELECT *, {eligible} AS eligible, ({worth})::BIGINT AS worth, ({cost})::BIGINT AS cost,
               {later} AS later, {urgency} AS urgency,
               worth / greatest(cost, 1e-9) AS density,
               CASE WHEN worth > 0 THEN floor(log2(density) * {_BINS})::BIGINT ELSE {_WORTHLESS} END AS bin
        FROM {source}
    """  # noqa: S608 — made of constants of this package


def fill(
    engine: duckdb.DuckDBPyConnection,
    view: str,
    room: int,
    *,
    picked: str,
    order: tuple[str, ...] = ORDER,
) -> Filled:
    """Take from ``view`` (made by ``items``) what is worth most per byte while ``room`` bytes last.

    Makes a table named ``picked`` of the recordings that were taken one by one. Of the items after the cut,
    up to ``WINDOW`` are tried in turn, and what still fits is taken as well.
    """
    engine.execute(f"CREATE TABLE {picked} (recording BIGINT)")
    here, taken, cost, worth = "eligible", [], 0, 0
    near = ""
    for digit in order:
        groups = _Groups.of(engine, view, digit, here)
        whole = int(np.searchsorted(np.cumsum(groups.cost), room - cost, side="right"))
        if whole == len(groups.value):  # only at the first level: everything fits
            return Filled(
                here, cost + int(groups.cost.sum()), worth + (done := int(groups.worth.sum())), worth + done
            )
        cost, worth = cost + int(groups.cost[:whole].sum()), worth + int(groups.worth[:whole].sum())
        if whole:
            taken.append(f"({here} AND {digit} < {groups.literal(whole)})")
        seen = np.cumsum(groups.items[whole:])
        far = min(whole + int(np.searchsorted(seen, WINDOW)), len(groups.value) - 1)
        near = f"{here} AND {digit} >= {groups.literal(whole)} AND {digit} <= {groups.literal(far)}"
        here += f" AND {digit} = {groups.literal(whole)}"
        if groups.items[whole] <= WINDOW:
            break
    condition = " OR ".join(taken) or "false"
    rows = engine.execute(
        f"SELECT recording, cost, worth FROM {view} "  # noqa: S608 — constants
        f"WHERE {near} ORDER BY {', '.join(order)} LIMIT {WINDOW}"
    ).fetchnumpy()
    costs, worths = _ints(rows["cost"]), _ints(rows["worth"])
    chosen, critical = _first_fitting(costs, room - cost)
    before = worths[:critical].sum()
    bound = worth + float(before)
    if critical < len(costs):
        bound += (room - cost - int(costs[:critical].sum())) * (worths[critical] / max(costs[critical], 1e-9))
    if chosen.any():
        _keep(engine, picked, _ints(rows["recording"])[chosen])
    return Filled(
        f"{condition} OR recording IN (SELECT recording FROM {picked})",  # noqa: S608 — constants
        cost + int(costs[chosen].sum()),
        worth + int(worths[chosen].sum()),
        bound,
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Sums over groups of items, in their order."""

    value: NDArray[np.int64] | NDArray[np.float64] | NDArray[np.bool_]
    items: Ints
    cost: Ints
    worth: Ints

    @classmethod
    def of(cls, engine: duckdb.DuckDBPyConnection, view: str, digit: str, here: str) -> _Groups:
        found = engine.execute(
            f"SELECT {digit} AS value, count(*) AS items, sum(cost)::BIGINT AS cost, "  # noqa: S608 — constants
            f"sum(worth)::BIGINT AS worth FROM {view} WHERE {here} GROUP BY ALL ORDER BY ALL"
        ).fetchnumpy()
        return cls(
            np.asarray(found["value"]), _ints(found["items"]), _ints(found["cost"]), _ints(found["worth"])
        )

    def literal(self, index: int) -> str:
        """Return a group's value as SQL, to the last bit: a decimal literal would be rounded."""
        value = self.value[index].item()
        return f"'{value!r}'::DOUBLE" if isinstance(value, float) else str(value)


def _first_fitting(costs: Ints, room: int) -> tuple[NDArray[np.bool_], int]:
    """Go through items in order and take what fits; return what was taken, and the first that did not fit."""
    taken = np.zeros(len(costs), dtype=np.bool_)
    places = np.arange(len(costs))
    critical = int(np.searchsorted(np.cumsum(costs), room, side="right"))
    for _ in range(_ROUNDS):
        places = places[costs[places] <= room]
        if not len(places):
            break
        total = np.cumsum(costs[places])
        fitting = int(np.searchsorted(total, room, side="right"))
        taken[places[:fitting]] = True
        room -= int(total[fitting - 1])
        places = places[fitting:]
    return taken, critical


def _keep(engine: duckdb.DuckDBPyConnection, table: str, recordings: Ints) -> None:
    engine.register("batch", {"recording": recordings})
    engine.execute(f"INSERT INTO {table} FROM batch")
    engine.unregister("batch")


def _ints(values: NDArray[np.generic]) -> Ints:
    return np.asarray(values, dtype=np.int64)


class Stages:
    """Knapsacks one after the other, each choosing with a view to what those before it took.

    ``source`` is a view that has, beside its own columns, one for each stage: what that took.
    """

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, source: str, *, later: str = "false", urgency: str = "0"
    ) -> None:
        self.source = source
        self.cost = 0  # of all stages
        self._engine = engine
        self._ties = {"later": later, "urgency": urgency}

    def skip(self, name: str) -> None:
        """Take nothing."""
        self._add(name, f"SELECT *, false AS {name} FROM {self.source}")  # noqa: S608 — constants
        self.source = f"with_{name}"

    def run(
        self, name: str, eligible: str, worth: str, cost: str, room: int, order: tuple[str, ...] = ORDER
    ) -> Filled:
        """Fill ``room`` with the items that ``eligible`` allows."""
        sql = items(self.source, eligible=eligible, worth=worth, cost=cost, **self._ties)
        self._engine.execute(f"CREATE VIEW for_{name} AS {sql}")
        filled = fill(self._engine, f"for_{name}", room, picked=f"picked_{name}", order=order)
        self._add(
            name,
            "SELECT * EXCLUDE (eligible, worth, cost, later, urgency, density, bin), "  # noqa: S608 — constants
            f"coalesce({filled.condition}, false) AS {name} FROM for_{name}",
        )
        self.cost += filled.cost
        return filled

    def _add(self, name: str, sql: str) -> None:
        self._engine.execute(f"CREATE VIEW with_{name} AS {sql}")
        self.source = f"with_{name}"
