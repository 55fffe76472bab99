"""Planning: what to publish as a master, what as an access copy, and what to leave out, under a budget.

What is maximised, one after the other: the listens covered; then how many recordings that nobody counted;
then quality, as listens whose access copy becomes a master. Each is a knapsack filled in the order of worth
per byte, which is the optimum of its linear relaxation, cut at the first item that does not fit. What is
covered falls short of the true optimum by no more than that one item; smaller items that still fit only add.
Where nobody counted, every recording counts the same, and their number is exactly optimal.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from phonotheque.catalogue.coverage import curve
from phonotheque.catalogue.manifest import CURRENT, STAMP, hash_file, stamp
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.vault.place import fsync_dir, fsync_file, write_durably

MARKS = (0.5, 0.9, 0.99, 0.996)  # shares of listening whose price people ask for
_POINTS = 200  # of a curve, for each tier
_ROUNDS = 100  # of filling; later ones find gaps of less than one item

_PLAN, _ITEMS, _CURVE = "plan.json", "items.parquet", "curve.parquet"
_SUMMARY = ("budget", "masters", "access_copies", "left_out", "bytes", "listens", "share", "counted")

_Ints = NDArray[np.int64]
_Flags = NDArray[np.bool_]

_coded_text = pa.dictionary(pa.int8(), pa.string())

CANDIDATES = pa.schema(
    [
        pa.field("recording", pa.string(), nullable=False),  # UUID
        pa.field("file_sha256", pa.string(), nullable=False),  # the best master
        pa.field("listens", pa.int64()),  # null when nobody counted
        pa.field("master_bytes", pa.int64(), nullable=False),
        pa.field("access_bytes", pa.int64()),  # an estimate; null when none can be made
        pa.field("lossless", pa.bool_(), nullable=False),
        pa.field("publishable", pa.bool_(), nullable=False),
    ]
)
ITEMS = pa.schema(
    [
        ("recording", pa.string()),
        ("file_sha256", pa.string()),
        ("choice", _coded_text),  # of Choice
        ("bytes", pa.int64()),  # 0 when left out
        ("listens", pa.int64()),
        ("reason", _coded_text),  # of Reason
    ]
)
CURVE = pa.schema(
    [
        ("tier", pa.string()),  # "access": the smaller of master and access copy; "master"
        ("recordings", pa.int64()),
        ("bytes", pa.int64()),
        ("share", pa.float64()),
        ("mark", pa.float64()),  # the share of MARKS that is first reached here, or null
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
    """What was chosen. ``share`` is that of all candidates' listens, or of recordings where nobody counted.

    ``items`` has one row of ITEMS per candidate, the most listened first; ``curve`` is CURVE, of what may be
    published.
    """

    budget: int | None  # bytes
    masters: int
    access_copies: int
    left_out: Mapping[str, int]  # reason → recordings
    bytes: int
    listens: int
    share: float
    counted: bool  # whether any candidate has a count above zero
    items: pa.Table
    curve: pa.Table


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Columns of CANDIDATES in their final order; ``cheap`` is the price of the smaller form."""

    listens: _Ints
    master: _Ints
    cheap: _Ints
    two_forms: _Flags
    lossless: _Flags
    publishable: _Flags


def make_plan(candidates: pa.Table, budget: int | None) -> Plan:
    """Choose master, access copy or nothing for every recording, within ``budget`` bytes (None: no limit).

    ``candidates`` are rows of CANDIDATES, one per recording. An access copy counts only if it is at least
    10 % smaller than its master. The same candidates in any order give the same plan. Raises UsageError for
    a table that makes no sense.
    """
    if budget is not None and budget < 0:
        raise UsageError(f"A budget of {budget} bytes is below zero.", "Give a size such as 200MB.")
    table = _ordered(candidates)
    known = _columns(table)
    master, access = _choose(known, budget)
    out = ~(master | access)
    size = np.where(master, known.master, np.where(access, known.cheap, 0))
    weight = known.listens if known.listens.any() else np.ones_like(known.listens)
    choice = _coded([(master, Choice.MASTER), (access, Choice.ACCESS)], Choice.OUT)
    reason = _coded(
        [
            (~known.publishable, Reason.NO_RIGHT),
            (master & ~known.two_forms, Reason.ONLY_MASTER),
            (master, Reason.FITS),
            (access, Reason.MASTER_OVER_BUDGET),
        ],
        Reason.OVER_BUDGET,
    )
    left_out = reason.filter(pa.array(out)).value_counts().to_pylist()
    everything = int(weight.sum())
    return Plan(
        budget=budget,
        masters=int(master.sum()),
        access_copies=int(access.sum()),
        left_out={row["values"]: row["counts"] for row in left_out},
        bytes=int(size.sum()),
        listens=int(known.listens[~out].sum()),
        share=int(weight[~out].sum()) / everything if everything else 0.0,
        counted=bool(known.listens.any()),
        items=pa.table(
            [table["recording"], table["file_sha256"], choice, size, table["listens"], reason], schema=ITEMS
        ),
        curve=_curves(known, weight, everything),
    )


def _coded(cases: Sequence[tuple[_Flags, StrEnum]], default: StrEnum) -> pa.DictionaryArray:
    """Return the word of the first case that holds in each row: one byte a row."""
    words = [str(word) for _, word in cases] + [str(default)]
    codes = np.select([flags for flags, _ in cases], list(range(len(cases))), default=len(cases))
    return pa.DictionaryArray.from_arrays(codes.astype(np.int8), words)


def _ordered(candidates: pa.Table) -> pa.Table:
    """Check the table; the most listened first, equal ones by id."""
    missing = [name for name in CANDIDATES.names if name not in candidates.schema.names]
    if missing:
        raise UsageError(
            f"candidates: the column {missing[0]} is missing.", f"Give {', '.join(CANDIDATES.names)}."
        )
    table = candidates.select(CANDIDATES.names)
    for field in CANDIDATES:
        if not field.nullable and table[field.name].null_count:
            raise UsageError(f"candidates: {field.name} is empty in some row.", "Every row must have it.")
    try:
        table = table.cast(CANDIDATES)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"candidates: {error}", "Give columns of the types in CANDIDATES.") from error
    table = table.sort_by(
        [("listens", "descending"), ("recording", "ascending"), ("file_sha256", "ascending")]
    )
    if len(table["recording"].unique()) < len(table):
        raise UsageError("candidates: a recording occurs twice.", "Give one row, with its best master.")
    return table


def _columns(table: pa.Table) -> _Candidates:
    def numbers(name: str, absent: int) -> _Ints:
        values: _Ints = table[name].fill_null(absent).to_numpy().astype(np.int64)
        if (values < min(absent, 0)).any() or values.sum(dtype=np.float64) > 2**62:
            raise UsageError(
                f"candidates: a number of {name} is impossible.", "Give sizes in bytes, and counts."
            )
        return values

    master, access = numbers("master_bytes", 0), numbers("access_bytes", -1)
    two_forms = (access >= 0) & (access <= master - master // 10 - (master % 10 > 0))
    return _Candidates(
        listens=numbers("listens", 0),
        master=master,
        cheap=np.where(two_forms, access, master),
        two_forms=two_forms,
        lossless=table["lossless"].to_numpy(),
        publishable=table["publishable"].to_numpy(),
    )


def _choose(known: _Candidates, budget: int | None) -> tuple[_Flags, _Flags]:
    """Return which candidates are published as masters, and which as access copies."""
    if budget is None:
        return known.publishable, np.zeros_like(known.publishable)
    chosen, room = _fill(known.publishable, known.listens, known.cheap, known.lossless, budget)
    extra = known.master - known.cheap
    better, _ = _fill(chosen & known.two_forms, known.listens, extra, known.lossless, room)
    return chosen & (better | ~known.two_forms), chosen & known.two_forms & ~better


def _fill(eligible: _Flags, listens: _Ints, cost: _Ints, preferred: _Flags, room: int) -> tuple[_Flags, int]:
    """Take what is worth most per byte while it fits: first by listens, then of what nobody listened to.

    Equally dense: the preferred first, then the smaller. Returns what was taken and the room that is left.
    """
    taken = np.zeros(len(cost), dtype=np.bool_)
    for group, worth in (
        (eligible & (listens > 0), listens),
        (eligible & (listens == 0), np.ones_like(listens)),
    ):
        items = np.flatnonzero(group)
        density = worth[items] / np.maximum(cost[items], 1e-9)
        items = items[np.lexsort((items, cost[items], ~preferred[items], -density))]
        for _ in range(_ROUNDS):
            items = items[cost[items] <= room]
            if not len(items):
                break
            total = np.cumsum(cost[items])
            fitting = int(np.searchsorted(total, room, side="right"))
            taken[items[:fitting]] = True
            room -= int(total[fitting - 1])
            items = items[fitting:]
    return taken, room


def _curves(known: _Candidates, weight: _Ints, everything: int) -> pa.Table:
    shown = known.publishable
    tables = []
    for tier, sizes in (("access", known.cheap), ("master", known.master)):
        found = curve(weight[shown], sizes[shown], total=everything or None, dense=True)
        reached = {mark: index for mark in MARKS if (index := found.reaching(mark)) is not None}
        points = found.thinned(_POINTS, tuple(reached.values()))
        # of several marks reached at one point, the highest
        marks = {index: mark for mark, index in reached.items()}
        columns = [
            [tier] * len(points),
            found.recordings[points],
            found.bytes[points],
            found.share[points],
            [marks.get(int(point)) for point in points],
        ]
        tables.append(pa.table(columns, schema=CURVE))
    return pa.concat_tables(tables)


def save_plan(folder: Path, plan: Plan, made_at: datetime) -> Path:
    """Keep a plan as ``<folder>/<stamp>/{items,curve}.parquet, plan.json`` and make it the current one.

    Returns the plan's folder. Earlier plans stay. The same plan and time give the same bytes.
    """
    name = stamp(made_at)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as work:
        new = Path(work) / "plan"
        new.mkdir()
        digests = {}
        for file, table in ((_ITEMS, plan.items), (_CURVE, plan.curve)):
            parquet.write_table(table, new / file, compression="zstd")
            fsync_file(new / file)
            digests[file] = hash_file(new / file)
        summary = {field: getattr(plan, field) for field in _SUMMARY}
        content = {"format": 1, "made_at": made_at.astimezone(UTC).isoformat(), "sha256": digests} | summary
        write_durably(new / _PLAN, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
        final, again = folder / name, 1
        while final.exists():
            again += 1
            final = folder / f"{name}-{again}"
        new.rename(final)
        fsync_dir(folder)
    write_durably(folder / CURRENT, f"{final.name}\n".encode())
    return final


def load_plan(folder: Path) -> Plan:
    """Return the current plan; NotFoundError when there is none, VerificationError when it is damaged."""
    try:
        name = (folder / CURRENT).read_bytes()[:100].decode("ascii", "replace").strip()
    except FileNotFoundError as error:
        raise NotFoundError(f"{folder} holds no plan yet.", "Make one first: phono plan.") from error
    advice = "Make a new one: phono plan."
    if not STAMP.fullmatch(name):
        raise VerificationError(f"{folder / CURRENT}: {name!r} is not the name of a plan.", advice)
    try:
        content = json.loads((folder / name / _PLAN).read_bytes())
        for file, digest in content["sha256"].items():
            if file not in (_ITEMS, _CURVE) or hash_file(folder / name / file) != digest:
                raise VerificationError(f"{folder / name / file} is damaged: its SHA-256 is another.", advice)
        return Plan(
            **{field: content[field] for field in _SUMMARY},
            items=parquet.read_table(folder / name / _ITEMS).cast(ITEMS),
            curve=parquet.read_table(folder / name / _CURVE).cast(CURVE),
        )
    except FileNotFoundError as error:
        raise VerificationError(f"{error.filename} is missing.", advice) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(f"{folder / name} is damaged: {error!r}.", advice) from error
