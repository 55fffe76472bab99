"""The curve of coverage against bytes, of what may be published: what each share of listening costs.

Exact at every point, without sorting: items are summed up in groups of about equal worth per byte, and the
points lie at the ends of groups; the groups in which a share is reached are read more finely.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from phonotheque.editions.candidates import Totals
from phonotheque.editions.knapsack import items

MARKS: Final = ("0.5", "0.9", "0.99", "0.996", "0.999")  # shares of listening whose price people ask for
CURVE: Final = pa.schema(
    [
        ("tier", pa.string()),  # "access": the smaller of master and access copy; "master"
        ("recordings", pa.int64()),
        ("bytes", pa.int64()),
        ("share", pa.float64()),
        ("mark", pa.float64()),  # the share of MARKS that is first reached here, or null
    ]
)

_POINTS = 200  # of a curve, for each tier
_TIERS = {"access": "cheap", "master": "master"}
_COARSE = """
    SELECT -bin AS place, count(*) AS number, sum(cost)::BIGINT AS cost, sum(worth)::BIGINT AS worth
    FROM {view} WHERE eligible GROUP BY ALL ORDER BY place
"""
# Of some groups, the items that are alike in everything that counts, together.
_FINE = """
    SELECT -bin AS place, cost, any_value(worth) AS worth, count(*) AS number
    FROM {view} WHERE eligible AND -bin IN ({places})
    GROUP BY place, density, cost ORDER BY density DESC, cost
"""


class _Sums(NamedTuple):
    number: int = 0
    cost: int = 0
    worth: int = 0

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(a + b for a, b in zip(self, other, strict=True)))


def curves(engine: duckdb.DuckDBPyConnection, totals: Totals) -> pa.Table:
    """Return rows of CURVE for each tier, from the view ``candidate``; shares are of all candidates."""
    return pa.concat_tables([_tier(engine, totals, tier, cost) for tier, cost in _TIERS.items()])


def _tier(engine: duckdb.DuckDBPyConnection, totals: Totals, tier: str, cost: str) -> pa.Table:
    view = f"curve_{tier}"
    sql = items("candidate", eligible="publishable", worth=totals.worth, cost=cost)
    engine.execute(f"CREATE VIEW {view} AS {sql}")
    groups = engine.execute(_COARSE.format(view=view)).fetchall()
    before = list(accumulate((_Sums(*sums) for _, *sums in groups), _Sums.plus, initial=_Sums()))
    marked = _marked(engine, view, [place for place, *_ in groups], before, totals.weight)
    points = {sums: marked.get(sums) for sums in _thinned(before[1:], _POINTS - len(marked))} | marked
    ordered = sorted(points.items())
    columns = [
        [tier] * len(ordered),
        [sums.number for sums, _ in ordered],
        [sums.cost for sums, _ in ordered],
        [sums.worth / totals.weight for sums, _ in ordered],
        [mark for _, mark in ordered],
    ]
    return pa.table(columns, schema=CURVE)


def _marked(
    engine: duckdb.DuckDBPyConnection, view: str, places: Sequence[int], before: Sequence[_Sums], weight: int
) -> dict[_Sums, float]:
    """Return where each share is first reached; of several reached at one point, the highest."""
    ends = np.array([sums.worth for sums in before[1:]], dtype=np.int64)
    # exact: no float decides which recording is the last
    targets = {mark: ceil(Fraction(mark) * weight) for mark in MARKS}
    where = {mark: int(np.searchsorted(ends, target)) for mark, target in targets.items()}
    reached = {mark: index for mark, index in where.items() if index < len(ends)}
    if not reached:
        return {}
    asked = ", ".join(str(places[index]) for index in sorted(set(reached.values())))
    alike: dict[int, list[_Sums]] = {}
    for place, cost, worth, number in engine.execute(_FINE.format(view=view, places=asked)).fetchall():
        alike.setdefault(place, []).append(_Sums(number, cost, worth))
    found = {}
    for mark, index in reached.items():
        here = before[index]
        found[here.plus(_first(alike[places[index]], targets[mark] - here.worth))] = float(mark)
    return found


def _first(alike: Sequence[_Sums], target: int) -> _Sums:
    """Sum up the first items, as many as bring ``target`` together; cost and worth are those of one item."""
    sums = _Sums()
    for number, cost, worth in alike:
        needed = min(number, ceil(Fraction(target - sums.worth, worth)))
        sums = sums.plus(_Sums(needed, needed * cost, needed * worth))
        if sums.worth >= target:
            break
    return sums


def _thinned(points: Sequence[_Sums], most: int) -> list[_Sums]:
    """Return at most ``most`` of these points, spread evenly over what they are worth, with both ends."""
    if len(points) <= most:
        return list(points)
    worth = np.array([sums.worth for sums in points], dtype=np.int64)
    spread = np.searchsorted(worth, np.linspace(worth[0], worth[-1], most)).clip(max=len(points) - 1)
    return [points[index] for index in sorted({*spread.tolist(), len(points) - 1})]
