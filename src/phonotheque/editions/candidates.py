"""What a plan chooses from: a row per recording, looked over before anything is computed from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from phonotheque.catalogue.engine import quoted
from phonotheque.catalogue.scratch import Row, rows
from phonotheque.model.errors import UsageError

AT_RISK: Final = 3  # copies elsewhere; of what has fewer, losing one or two loses it

CANDIDATES: Final = pa.schema(
    [
        pa.field("recording", pa.int64(), nullable=False),  # its key in the snapshot
        pa.field("file", pa.int64(), nullable=False),  # the ledger's id of the best master
        pa.field("listens", pa.int64()),  # null when nobody counted
        pa.field("master_bytes", pa.int64(), nullable=False),
        pa.field("access_bytes", pa.int64()),  # an estimate; null when none can be made
        pa.field("lossless", pa.bool_(), nullable=False),
        pa.field("publishable", pa.bool_(), nullable=False),
        pa.field("copies", pa.int64()),  # known to be elsewhere; null when nothing is known
    ]
)

_MOST = 1 << 62  # of bytes or listens in all
# Columns of CANDIDATES, and what becomes of them: the smaller form is negative if an access copy is.
_NUMBERS = {
    "recording": "recording",
    "listens": "listens",
    "master_bytes": "master",
    "access_bytes": "cheap",
    "copies": "copies",
}
_REQUIRED = {
    "recording": "recording",
    "file": "file",
    "master_bytes": "master",
    "lossless": "lossless",
    "publishable": "publishable",
}
_AT_ONCE = 1 << 20

# An access copy that is hardly smaller than its master is no use.
_CANDIDATE = """
    CREATE TABLE candidate AS
    SELECT recording, file, listens AS counted_listens, coalesce(listens, 0) AS listens,
           lossless, publishable, coalesce(copies, 0) AS copies, master_bytes AS master,
           coalesce(access_bytes <= master - master // 10 - (master % 10 > 0)::BIGINT, false) AS two_forms,
           CASE WHEN two_forms THEN access_bytes ELSE master_bytes END AS cheap
    FROM given
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """What all candidates come to. ``weight`` is their listens, or their number where nobody counted."""

    recordings: int
    counted: bool
    weight: int
    publishable: int  # of the weight
    copies_known: bool
    ordered: bool  # they came in the order of their keys

    @property
    def worth(self) -> str:
        """What a recording is worth, as SQL over the columns of ``candidate``."""
        return "listens" if self.counted else "1"


def read_candidates(engine: duckdb.DuckDBPyConnection, candidates: pa.Table | Path) -> Totals:
    """Make a table ``candidate`` of rows of CANDIDATES, with the price of the smaller form of each.

    Raises UsageError, which names the column, for a table that makes no sense.
    """
    if isinstance(candidates, Path):
        engine.execute(f"CREATE VIEW given AS FROM read_parquet({quoted(candidates)})")
    else:
        engine.register("given", candidates)
    _check_columns(engine)
    try:
        engine.execute(_CANDIDATE)
    except duckdb.OutOfRangeException as error:
        raise _impossible("master_bytes") from error
    totals = _check_numbers(engine)
    ordered = _check_keys(engine)
    return Totals(
        recordings=totals["recordings"],
        counted=totals["listens"] > 0,
        weight=int(totals["listens"]) or totals["recordings"],
        publishable=int(totals["publishable_listens" if totals["listens"] else "publishable"]),
        copies_known=totals["copies_known"] > 0,
        ordered=ordered,
    )


def _check_columns(engine: duckdb.DuckDBPyConnection) -> None:
    kinds = {row["column_name"]: row["column_type"] for row in rows(engine, "DESCRIBE given")}
    for field in CANDIDATES:
        if field.name not in kinds:
            raise UsageError(
                f"candidates: the column {field.name} is missing.", f"Give {', '.join(CANDIDATES.names)}."
            )
        wanted = "BOOLEAN" if pa.types.is_boolean(field.type) else "BIGINT"
        if kinds[field.name] != wanted:
            raise UsageError(
                f"candidates: {field.name} is {kinds[field.name]}, not {wanted}.",
                "Give columns of the types in CANDIDATES.",
            )


def _check_numbers(engine: duckdb.DuckDBPyConnection) -> Row:
    empty = ", ".join(f"count(*) - count({column}) AS no_{name}" for name, column in _REQUIRED.items())
    least = ", ".join(f"coalesce(min({column}), 0) AS least_{name}" for name, column in _NUMBERS.items())
    sums = ", ".join(f"coalesce(sum({column}), 0)::DOUBLE AS all_{name}" for name, column in _NUMBERS.items())
    whole = (
        "count(*) AS recordings, coalesce(max(copies), 0) AS copies_known, "
        "coalesce(sum(listens), 0)::HUGEINT AS listens, count(*) FILTER (publishable) AS publishable, "
        "coalesce(sum(listens) FILTER (publishable), 0)::HUGEINT AS publishable_listens"
    )
    query = f"SELECT {whole}, {empty}, {least}, {sums} FROM candidate"  # noqa: S608 — constants
    (found,) = rows(engine, query)
    for name in _REQUIRED:
        if found[f"no_{name}"]:
            raise UsageError(f"candidates: {name} is empty in some row.", "Every row must have it.")
    for name in _NUMBERS:
        if found[f"least_{name}"] < 0 or (name != "recording" and found[f"all_{name}"] > _MOST):
            raise _impossible(name)
    return found


def _impossible(name: str) -> UsageError:
    return UsageError(
        f"candidates: a number of {name} is impossible.",
        "Give keys of a snapshot, sizes in bytes, and counts.",
    )


def _check_keys(engine: duckdb.DuckDBPyConnection) -> bool:
    """See that no recording occurs twice; return whether they came in order."""
    before = -1
    for batch in engine.sql("SELECT recording FROM candidate").to_arrow_reader(_AT_ONCE):
        keys = batch["recording"].to_numpy()
        if len(keys) and not (before < keys[0] and (keys[1:] > keys[:-1]).all()):
            break
        before = int(keys[-1]) if len(keys) else before
    else:
        return True
    (found,) = rows(engine, "SELECT count(*) - count(DISTINCT recording) AS twice FROM candidate")
    if found["twice"]:
        raise UsageError("candidates: a recording occurs twice.", "Give one row, with its best master.")
    return False
