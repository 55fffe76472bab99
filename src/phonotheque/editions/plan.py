"""Planning: what to publish as a master, what as an access copy, and what to leave out, under a budget.

What is maximised, one after the other: the listens covered; then how many recordings that nobody counted,
first those of which the fewest copies are elsewhere; then quality, as listens whose access copy becomes a
master. A part of the budget may be set aside for what is at risk, and is spent before anything else. Each is
a knapsack (``knapsack.py``): what is covered falls short of the true optimum by no more than one item, and
``bound`` says what no choice could exceed. Memory does not grow with the number of recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from phonotheque.catalogue.engine import quoted
from phonotheque.catalogue.scratch import MEMORY, Row, rows, scratch
from phonotheque.editions.candidates import AT_RISK, Totals, read_candidates
from phonotheque.editions.knapsack import ORDER, Stages
from phonotheque.editions.plan_curve import curves
from phonotheque.editions.plan_groups import Forecast, Group, forecast
from phonotheque.model.errors import UsageError

ITEMS: Final = pa.schema(
    [
        ("recording", pa.int64()),
        ("file", pa.int64()),
        ("choice", pa.string()),  # of Choice
        ("bytes", pa.int64()),  # 0 when left out
        ("listens", pa.int64()),
        ("reason", pa.string()),  # of Reason
        ("mirrored", pa.int64()),  # copies that the groups of mirrors have room for
    ]
)


class Choice(StrEnum):
    """What is published of a recording."""

    MASTER = "master"
    ACCESS = "access"
    OUT = "out"


class Reason(StrEnum):
    """Why."""

    FITS = "the master fits the budget"
    ONLY_MASTER = "an access copy would hardly be smaller"
    MASTER_OVER_BUDGET = "the master does not fit the budget"
    OVER_BUDGET = "does not fit the budget"
    NO_RIGHT = "no recorded right to publish"


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen. ``share`` is of all candidates' listens, or of their number where nobody counted."""

    budget: int | None  # bytes
    protect: int  # bytes of the budget that go to what is at risk first
    masters: int
    access_copies: int
    left_out: Mapping[str, int]  # reason → recordings
    bytes: int
    listens: int
    share: float
    bound: float  # the share that nothing within the budget could exceed
    counted: bool  # whether any candidate has a count above zero
    at_risk: int  # recordings that may be published, of which fewer than AT_RISK copies are known elsewhere
    protected: int  # of these, how many are in the plan
    groups: Forecast
    curve: pa.Table  # rows of plan_curve.CURVE, of what may be published


# What is heard goes before what nobody counted, and of that what has the fewest copies elsewhere.
_URGENCY: Final = "CASE WHEN listens > 0 THEN -1 ELSE copies END"
_WORTH: Final = "greatest(listens, 1)"
_ORDER: Final = ("urgency", *ORDER)
# Stages of choosing are columns, true for what they took.
_TAKEN: Final = "(protected OR covered)"
_MASTER: Final = f"({_TAKEN} AND (NOT two_forms OR better))"
_WORDS: Final = f"""
    CREATE TYPE choice AS ENUM ({", ".join(f"'{word}'" for word in Choice)});
    CREATE TYPE reason AS ENUM ({", ".join(f"'{word}'" for word in Reason)});
"""
_CHOSEN: Final = f"""
    SELECT recording, file, listens, counted_listens, publishable, copies,
           CASE WHEN {_MASTER} THEN '{Choice.MASTER}'::choice WHEN {_TAKEN} THEN '{Choice.ACCESS}'::choice
                ELSE '{Choice.OUT}'::choice END AS choice,
           CASE WHEN {_MASTER} THEN master WHEN {_TAKEN} THEN cheap ELSE 0 END AS bytes,
           CASE WHEN NOT publishable THEN '{Reason.NO_RIGHT}'::reason
                WHEN NOT {_TAKEN} THEN '{Reason.OVER_BUDGET}'::reason
                WHEN NOT two_forms THEN '{Reason.ONLY_MASTER}'::reason
                WHEN {_MASTER} THEN '{Reason.FITS}'::reason
                ELSE '{Reason.MASTER_OVER_BUDGET}'::reason END AS reason
    FROM {{source}}
"""  # noqa: S608 — constants
_SUMMED: Final = f"""
    SELECT choice::VARCHAR AS choice, reason::VARCHAR AS reason, count(*) AS recordings,
           sum(bytes)::BIGINT AS bytes, sum(listens)::BIGINT AS listens,
           count(*) FILTER (publishable AND copies < {AT_RISK}) AS at_risk
    FROM chosen GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 — constants


def make_plan(
    candidates: pa.Table | Path,
    budget: int | None,
    *,
    protect: int = 0,
    groups: Sequence[Group] = (),
    to: Path | None = None,
    memory_limit: str = MEMORY,
) -> Plan:
    """Choose master, access copy or nothing for every recording, within ``budget`` bytes (None: no limit).

    ``candidates`` are rows of CANDIDATES, one per recording, as a table or in a Parquet file. An access copy
    counts only if it is at least 10 % smaller than its master. ``protect`` bytes of the budget are spent
    first on what has the fewest copies elsewhere. The items, rows of ITEMS by recording, are written ``to``
    that file. The same candidates in any order give the same plan. Raises UsageError for a table that makes
    no sense.
    """
    if budget is not None and not 0 <= protect <= budget:
        raise UsageError(
            f"A budget of {budget} bytes, {protect} of them for what is at risk, makes no sense.",
            "Give sizes such as 200MB, the second no larger than the first.",
        )
    where = candidates if isinstance(candidates, Path) else Path("candidates")
    with scratch("planning", where, memory_limit, beside=to.parent if to else None) as engine:
        totals = read_candidates(engine, candidates)
        if budget is None:
            source, bound = _everything(engine), None
        else:
            source, bound = _choose(engine, budget, protect, totals)
        engine.execute(_WORDS)
        # What several groups of mirrors choose from is worth being kept.
        kind = "TABLE" if groups else "VIEW"
        engine.execute(f"CREATE {kind} chosen AS {_CHOSEN.format(source=source)}")
        predicted = forecast(engine, groups, totals)
        if to is not None:
            _write(engine, to, ordered=totals.ordered)
        limits = (budget, protect, bound)
        return _plan(limits, totals, rows(engine, _SUMMED), predicted, curves(engine, totals))


def _everything(engine: duckdb.DuckDBPyConnection) -> str:
    engine.execute(
        "CREATE VIEW everything AS SELECT *, publishable AS covered, publishable AS better, "
        "false AS protected FROM candidate"
    )
    return "everything"


def _choose(
    engine: duckdb.DuckDBPyConnection, budget: int, protect: int, totals: Totals
) -> tuple[str, float]:
    """Return the name of a view with a column for each stage, and the worth that no plan could exceed."""
    stages = Stages(engine, "candidate", later="NOT lossless", urgency=_URGENCY)
    if protect:
        at_risk = f"publishable AND copies < {AT_RISK}"
        stages.run("protected", at_risk, "1", "cheap", protect, order=("copies", *ORDER))
    else:
        stages.skip("protected")
    others = "publishable AND NOT protected"
    covered = stages.run("covered", others, _WORTH, "cheap", budget - stages.cost, order=_ORDER)
    dearer = f"{_TAKEN} AND two_forms"
    stages.run("better", dearer, _WORTH, "master - cheap", budget - stages.cost, order=_ORDER)
    # The bound is that of the order that was filled in, unless copies elsewhere changed it.
    if not protect and (totals.counted or not totals.copies_known):
        return stages.source, min(covered.bound, totals.publishable)
    allowed = f"publishable AND {totals.worth} > 0"
    ideal = Stages(engine, "candidate").run("ideal", allowed, totals.worth, "cheap", budget)
    return stages.source, ideal.bound


def _write(engine: duckdb.DuckDBPyConnection, to: Path, *, ordered: bool) -> None:
    order = "" if ordered else "ORDER BY recording"
    engine.execute(f"""
        COPY (SELECT recording, file, choice, bytes, counted_listens AS listens, reason, mirrored
              FROM forecast {order})
        TO {quoted(to)} (FORMAT parquet, COMPRESSION zstd)
    """)  # noqa: S608 — the path is quoted


def _plan(
    limits: tuple[int | None, int, float | None],
    totals: Totals,
    summed: Sequence[Row],
    predicted: Forecast,
    curve: pa.Table,
) -> Plan:
    budget, protect, bound = limits
    count = {choice: sum(row["recordings"] for row in summed if row["choice"] == choice) for choice in Choice}
    taken = [row for row in summed if row["choice"] != Choice.OUT]
    listens = sum(row["listens"] for row in taken)
    covered = listens if totals.counted else count[Choice.MASTER] + count[Choice.ACCESS]
    whole = totals.weight or 1
    return Plan(
        budget=budget,
        protect=protect,
        masters=count[Choice.MASTER],
        access_copies=count[Choice.ACCESS],
        left_out={row["reason"]: row["recordings"] for row in summed if row["choice"] == Choice.OUT},
        bytes=sum(row["bytes"] for row in taken),
        listens=listens,
        share=covered / whole,
        bound=max(covered, bound or 0.0) / whole,
        counted=totals.counted,
        at_risk=sum(row["at_risk"] for row in summed),
        protected=sum(row["at_risk"] for row in taken),
        groups=predicted,
        curve=curve,
    )
