"""What plots of the catalogue and of listening count: DuckDB aggregates the Parquet, out of core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import isqrt
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from pyarrow import compute

from phonotheque.catalogue.engine import quoted
from phonotheque.catalogue.listening import Listening, Mark
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.streaming import parquet_file
from phonotheque.editions.plan import Plan
from phonotheque.web.looking.counts import Counted, Row
from phonotheque.web.words import shown

CATALOGUE: Final = ("years", "durations", "listens", "files", "isrcs", "countries", "conflicts")
LONGEST: Final = 15  # minutes; longer ones share a bin
MOST: Final = 10  # tracks of an ISRC, or files of a recording; more share a bar
_TABLES: Final = ("recordings", "releases", "conflicts", "listens", "redirects")
_FIRST_YEAR: Final = 1857  # the oldest recording of sound
_COUNTRIES: Final = 500  # ISO 3166-1 has some 250; more would be none
_AT_ONCE = 1 << 17  # rows

_YEARS = """
    SELECT try_cast(left(date, 4) AS INTEGER) AS year, count(*) FROM recordings
    WHERE regexp_matches(date, '^[0-9]{4}') AND try_cast(left(date, 4) AS INTEGER) BETWEEN ? AND ?
    GROUP BY year ORDER BY year
"""
_DURATIONS = """
    SELECT least(duration_ms // 30000, ?) * 30 AS seconds, count(*) FROM recordings
    WHERE duration_ms >= 0 GROUP BY seconds ORDER BY seconds
"""
# Two bins for every power of ten: 1–3, 4–9, 10–31, 32–99 …
_LISTENS = """
    SELECT CASE WHEN listens = 0 THEN -1 ELSE floor(2 * log10(listens) + 1e-9)::INTEGER END AS bin,
           count(*), sum(listens)::HUGEINT
    FROM recordings WHERE listens IS NOT NULL GROUP BY bin ORDER BY bin
"""
_FILES = """
    SELECT least(files, ?) AS n, count(*) FROM recordings WHERE files > 0 GROUP BY n ORDER BY n
"""
_RELEASED = """
    SELECT country, count(*) AS releases FROM releases
    WHERE country IS NOT NULL GROUP BY country ORDER BY releases DESC, country LIMIT ?
"""
_CONFLICTS = "SELECT kind, count(*) AS n FROM conflicts GROUP BY kind ORDER BY n DESC, kind LIMIT 50"


@dataclass(frozen=True, slots=True)
class Reading:
    """An engine in which the tables of a snapshot are views; the report's own tables are added to it."""

    engine: duckdb.DuckDBPyConnection
    snapshot: Snapshot

    @classmethod
    def of(cls, engine: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> Reading:
        """Make the views."""
        for table in _TABLES:
            path = quoted(snapshot.table(table))
            engine.execute(f"CREATE VIEW {table} AS FROM read_parquet({path})")
        return cls(engine, snapshot)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of an aggregate: few, whatever the catalogue's size."""
        return self.engine.execute(sql, list(parameters)).fetchall()

    def number(self, sql: str, *parameters: Any) -> int:
        """Return the one number that a query comes to; 0 where it comes to NULL."""
        return int(self.rows(sql, *parameters)[0][0] or 0)


def count_catalogue(reading: Reading, at: datetime) -> tuple[Counted, ...]:
    """Return what depends on the snapshot alone: it stays until there is another one."""
    counts: tuple[Callable[[Reading], Counted], ...] = (
        _durations, _listens, _files, _isrcs, _countries, _conflicts,
    )  # fmt: skip
    return _years(reading, at), *(count(reading) for count in counts)


def count_coverage(plan: Plan) -> Counted:
    """Return how much of listening fits into how many bytes, by tier, from what may be published."""
    rows = [
        (str(row["tier"]), int(row["bytes"]), float(row["share"]), int(row["recordings"]), row["mark"])
        for row in plan.curve.to_pylist()
    ]
    columns = ("tier", "bytes", "share", "recordings", "mark")
    return Counted("coverage", columns, tuple(rows), {"counted": int(plan.counted)})


def count_listening(found: Listening) -> Counted:
    """Return what all listening costs, held or not, and what share of it falls on what is held."""
    rows: dict[Row, None] = {}
    for is_mark, points in ((1, found.marks), (0, found.points)):
        rows.update((_price(point, is_mark), None) for point in points)
    return Counted(
        "listening",
        ("mark", "share", "recordings", "seconds", "master_bytes", "access_bytes"),
        tuple(rows),
        {
            "counted": int(found.counted),
            "held_share": found.held.share,
            "master_kbps": found.rates.master_kbps,
            "access_kbps": found.rates.access_kbps,
            "uncounted": found.uncounted.recordings,
            "uncounted_bytes": found.uncounted.access_bytes,
        },
    )


def _price(point: Mark, is_mark: int) -> Row:
    weight = point.weight
    return (
        is_mark, point.share, weight.recordings, float(weight.seconds), weight.master_bytes,
        weight.access_bytes,
    )  # fmt: skip


def _years(reading: Reading, at: datetime) -> Counted:
    rows = tuple((int(y), int(n)) for y, n in reading.rows(_YEARS, _FIRST_YEAR, at.year + 1))
    return Counted("years", ("year", "recordings"), rows, {"known": reading.snapshot.counts["recordings"]})


def _durations(reading: Reading) -> Counted:
    rows = tuple((int(s), int(n)) for s, n in reading.rows(_DURATIONS, 2 * LONGEST))
    return Counted("durations", ("from_seconds", "recordings"), rows)


def _listens(reading: Reading) -> Counted:
    found = {int(row[0]): (int(row[1]), int(row[2])) for row in reading.rows(_LISTENS)}
    # Without its empty bins a scale would be no scale.
    bins = range(min(found, default=0), max(found, default=-1) + 1)
    rows = tuple((*_bounds(number), *found.get(number, (0, 0))) for number in bins)
    return Counted("listens", ("from_listens", "to_listens", "recordings", "listens"), rows)


def _files(reading: Reading) -> Counted:
    rows = tuple((int(n), int(times)) for n, times in reading.rows(_FILES, MOST))
    return Counted("files", ("files", "recordings"), rows)


def _isrcs(reading: Reading) -> Counted:
    return Counted("isrcs", ("tracks", "isrcs"), tuple(tracks_per_isrc(reading.snapshot.table("isrcs"))))


def _countries(reading: Reading) -> Counted:
    found = [(shown(str(code), 8), int(n)) for code, n in reading.rows(_RELEASED, _COUNTRIES)]
    known = reading.snapshot.counts["releases"]
    return Counted("countries", ("country", "releases"), tuple(found), {"known": known})


def _conflicts(reading: Reading) -> Counted:
    rows = tuple((shown(str(kind), 40), int(n)) for kind, n in reading.rows(_CONFLICTS))
    return Counted("conflicts", ("kind", "conflicts"), rows)


def tracks_per_isrc(path: Path) -> list[tuple[int, int]]:
    """Return (tracks, how many codes are on so many), 10 meaning 10 or more, from the table of ISRCs.

    It lies in the order of codes, so the rows of one follow each other: memory does not grow with the table.
    """
    found = np.zeros(MOST + 1, dtype=np.int64)
    last, sofar = None, 0
    for batch in parquet_file(path).iter_batches(_AT_ONCE, columns=["isrc", "tracks"]):
        codes, tracks = batch.column("isrc"), batch.column("tracks").to_numpy(zero_copy_only=False)
        if not len(codes):
            continue
        changes = compute.not_equal(codes.slice(1), codes.slice(0, len(codes) - 1))
        starts = np.concatenate([[0], 1 + np.flatnonzero(changes.to_numpy(zero_copy_only=False))])
        sums = np.add.reduceat(tracks.astype(np.int64), starts)
        if codes[0].as_py() == last:
            sums[0] += sofar
        elif last is not None:
            found[min(sofar, MOST)] += 1
        last, sofar = codes[-1].as_py(), int(sums[-1])  # it may go on in the next batch
        found += np.bincount(np.minimum(sums[:-1], MOST), minlength=len(found))
    if last is not None:
        found[min(sofar, MOST)] += 1
    return [(number, int(times)) for number, times in enumerate(found) if times]


def _bounds(number: int) -> tuple[int, int]:
    """Return the fewest and the most listens of a bin."""
    return (0, 0) if number < 0 else (_least(number), _least(number + 1) - 1)


def _least(half: int) -> int:
    """Return the least whole number whose decimal logarithm is at least ``half / 2``."""
    root = isqrt(10**half)
    return root if root * root == 10**half else root + 1
