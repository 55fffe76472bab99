"""Charts of the catalogue and of listening: DuckDB aggregates the snapshot's Parquet, out of core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isqrt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from pyarrow import compute

from phonotheque.catalogue.engine import quoted
from phonotheque.catalogue.listening import Listening, Mark
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.streaming import parquet_file
from phonotheque.editions.plan import Plan
from phonotheque.web.charts import Bars, Bins, Chart, Curves, Table, Tier
from phonotheque.web.words import count, counted, hours, share, size

_TABLES = ("recordings", "listens", "redirects")
_FIRST_YEAR = 1857  # the oldest recording of sound
_LONGEST = 15  # minutes; longer ones share a bin
_TIERS = {"master": "masters", "access": "access copies"}

_YEARS = """
    SELECT try_cast(left(date, 4) AS INTEGER) AS year, count(*) FROM recordings
    WHERE regexp_matches(date, '^[0-9]{4}') AND try_cast(left(date, 4) AS INTEGER) BETWEEN ? AND ?
    GROUP BY year ORDER BY year
"""
_DURATIONS = """
    SELECT least(duration_ms // 30000, ?) AS half_minute, count(*) FROM recordings
    WHERE duration_ms >= 0 GROUP BY half_minute ORDER BY half_minute
"""
# Two bins for every power of ten: 1–3, 4–9, 10–31, 32–99 …
_LISTENS = """
    SELECT CASE WHEN listens = 0 THEN -1 ELSE floor(2 * log10(listens) + 1e-9)::INTEGER END AS bin,
           count(*), sum(listens)::HUGEINT
    FROM recordings WHERE listens IS NOT NULL GROUP BY bin ORDER BY bin
"""
_FILES = """
    SELECT least(files, 10) AS n, count(*) FROM recordings WHERE files > 0 GROUP BY n ORDER BY n
"""
_MOST_TRACKS = 10  # of an ISRC; more share a bar
_AT_ONCE = 1 << 17  # rows


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


def coverage_chart(plan: Plan) -> Chart:
    """Return how much of listening fits into how many bytes, by tier, from what may be published."""
    rows = plan.curve.to_pylist()
    if not rows:
        why = "Nothing may be published yet, so there is no selection whose size could be shown."
        return Chart("coverage", "Coverage against size", why)
    by_tier = {tier: [row for row in rows if row["tier"] == tier] for tier in _TIERS}
    tiers = tuple(_tier(name, by_tier[tier]) for tier, name in _TIERS.items())
    measure = "listens" if plan.counted else "recordings"
    what = (
        "The share of all listens to what is held that a disk can cover, the most listened per byte first."
        if plan.counted
        else "The share of all recordings held that a disk can cover, the smallest first. Nobody has counted "
        "listens yet, so every recording counts the same."
    )
    lines = [line for tier, name in _TIERS.items() for line in _reached(by_tier[tier], name)]
    return Chart(
        "coverage",
        "Coverage against size",
        f"{what} Only what may be published counts. Access copies are Ogg Opus, their sizes estimated.",
        Curves(tiers, measure),
        f"Two rising curves of the share of {measure} against size. "
        + " ".join(f"As {name}, {reached} takes {price}." for reached, name, price, _ in lines),
        Table((f"Share of {measure}", "As", "Takes", "Recordings"), tuple(dict.fromkeys(lines))),
    )


def listening_chart(found: Listening) -> Chart:
    """Return what all listening costs, held or not, and what share of it falls on what is held."""
    title = "All recorded music that the catalogue knows"
    if not found.marks:
        return Chart("listening", title, "The catalogue knows no recordings.")
    what = "listens" if found.counted else "recordings"
    caption = (
        "The most listened first, held or not."
        if found.counted
        else "Nobody has counted listens yet, so every recording counts the same."
    )
    caption += f" Masters are held for {share(found.held.share, 1)} of {what}."
    caption += (
        f" Without a file, masters are taken to weigh {count(found.rates.master_kbps)}\u00a0kbit/s, "
        f"access copies {count(found.rates.access_kbps)}\u00a0kbit/s."
    )
    if rest := found.uncounted.recordings:
        weight = size(found.uncounted.access_bytes)
        caption += f" Nobody counted {counted(rest, 'further recording')}: {weight} as access copies."
    lines = [
        (
            share(mark.share, 1),
            count(mark.weight.recordings),
            hours(mark.weight.seconds),
            size(mark.weight.master_bytes),
            size(mark.weight.access_bytes),
        )
        for mark in found.marks
    ]
    return Chart(
        "listening",
        title,
        caption,
        Curves((_price(found, "masters"), _price(found, "access copies")), what),
        f"Two rising curves of the share of {what} against size. "
        + " ".join(f"{line[0]} takes {line[3]} as masters, {line[4]} as access copies." for line in lines),
        Table((f"Share of {what}", "Recordings", "Length", "As masters", "As access copies"), tuple(lines)),
    )


def _price(found: Listening, tier: str) -> Tier:
    def place(mark: Mark) -> tuple[int, float]:
        weight = mark.weight
        return (weight.master_bytes if tier == "masters" else weight.access_bytes), mark.share

    points = {place(mark) for mark in (*found.points, *found.marks)}
    return Tier(tier, ((0, 0.0), *sorted(points)), tuple(place(mark) for mark in found.marks))


def catalogue_charts(reading: Reading, at: datetime) -> list[Chart]:
    """Return the charts of what is known: years, durations."""
    return [_years(reading, at), _durations(reading)]


def use_charts(reading: Reading) -> list[Chart]:
    """Return the charts of how things are listened to and hang together."""
    return [_listens(reading), _files(reading), _isrcs(reading)]


def _tier(name: str, rows: list[dict[str, Any]]) -> Tier:
    points = ((0, 0.0), *((int(row["bytes"]), float(row["share"])) for row in rows))
    marks = tuple((int(row["bytes"]), float(row["share"])) for row in rows if row["mark"] is not None)
    return Tier(name, points, marks)


def _reached(rows: list[dict[str, Any]], tier: str) -> list[tuple[str, str, str, str]]:
    """Return a line per mark, and one for all there is."""
    lines = [
        (share(row["mark"], 1), tier, size(row["bytes"]), count(row["recordings"]))
        for row in rows
        if row["mark"] is not None
    ]
    last = rows[-1]
    return [*lines, (share(last["share"], 1), tier, size(last["bytes"]), count(last["recordings"]))]


def _years(reading: Reading, at: datetime) -> Chart:
    rows = [(int(y), int(n)) for y, n in reading.rows(_YEARS, _FIRST_YEAR, at.year + 1)]
    if not rows:
        return Chart("years", "Years", "No recording in the catalogue has a date.")
    dated, everything = sum(n for _, n in rows), reading.snapshot.counts["recordings"]
    rest = f" Without a date that can be read: {count(everything - dated)}." if dated < everything else ""
    decades: dict[int, int] = {}
    for year, number in rows:
        decades[year // 10 * 10] = decades.get(year // 10 * 10, 0) + number
    return Chart(
        "years",
        "Years",
        f"The earliest known date of {counted(dated, 'recording')}.{rest}",
        Bins(tuple((year - 0.5, year + 0.5, n) for year, n in rows), "year", whole=True),
        f"Recordings by year, from {rows[0][0]} to {rows[-1][0]}.",
        Table(("Decade", "Recordings"), tuple((f"{first}s", count(n)) for first, n in decades.items())),
    )


def _durations(reading: Reading) -> Chart:
    rows = [(int(h), int(n)) for h, n in reading.rows(_DURATIONS, 2 * _LONGEST)]
    if not rows:
        return Chart("durations", "Durations", "No recording in the catalogue has a known length.")
    lines = [
        (
            f"{_LONGEST} minutes or more" if half == 2 * _LONGEST else f"{_clock(half)}–{_clock(half + 1)}",
            count(n),
        )
        for half, n in rows
    ]
    total, longer = sum(n for _, n in rows), sum(n for half, n in rows if half >= 10)
    return Chart(
        "durations",
        "Durations",
        f"The length of {counted(total, 'recording')}; "
        + (f"{share(longer, total)} last five minutes or longer." if longer else "none lasts five minutes."),
        Bins(
            tuple((half / 2, half / 2 + 0.5, n) for half, n in rows),
            "minutes",
            last=(float(_LONGEST), f"{_LONGEST}+"),
            least=(0.0, 6.0),
            ticks=tuple(range(0, _LONGEST + 1, 1 if rows[-1][0] < 20 else 5)),
        ),
        f"Recordings by length, in steps of half a minute, from {lines[0][0]} to {lines[-1][0]}.",
        Table(("Length", "Recordings"), tuple(lines)),
    )


def _listens(reading: Reading) -> Chart:
    found = {int(row[0]): (int(row[1]), int(row[2])) for row in reading.rows(_LISTENS)}
    # Without its empty bins a scale would be no scale.
    bins = range(min(found, default=0), max(found, default=-1) + 1)
    rows = [(number, *found.get(number, (0, 0))) for number in bins]
    if not rows:
        why = "Nobody has counted listens yet. Counts come from a CSV file, taken in with phono add."
        return Chart("listens", "Listens per recording", why)
    counts, total = sum(n for _, n, _ in rows), sum(s for _, _, s in rows)
    named = [(_listens_bin(b), n) for b, n, _ in rows]
    return Chart(
        "listens",
        "Listens per recording",
        f"Of {counted(counts, 'recording')} that somebody counted, how many were listened to how often. "
        "The scale is logarithmic: two steps make ten times as many listens.",
        Bars(tuple(named)),
        f"Recordings by number of listens: {', '.join(f'{name}: {count(n)}' for name, n in named)}.",
        Table(
            ("Listens", "Recordings", "Share of listens"),
            tuple((_listens_bin(b), count(n), share(s, total)) for b, n, s in rows),
        ),
    )


def _files(reading: Reading) -> Chart:
    named = _named(reading.rows(_FILES), "file", "files")
    if not named:
        return Chart("files", "Files per recording", "No recording in the catalogue has a file.")
    return Chart(
        "files",
        "Files per recording",
        "The same recording often comes in several files: other formats, other releases, other tags.",
        Bars(named),
        f"Recordings by number of files: {', '.join(f'{name}: {count(n)}' for name, n in named)}.",
        Table(("Files", "Recordings"), tuple((name, count(n)) for name, n in named)),
    )


def _isrcs(reading: Reading) -> Chart:
    named = _named(tracks_per_isrc(reading.snapshot.table("isrcs")), "track", "tracks")
    if not named:
        return Chart("isrcs", "Tracks per ISRC", "No track in the catalogue carries an ISRC.")
    return Chart(
        "isrcs",
        "Tracks per ISRC",
        "An ISRC should name one recording; many tracks may carry it, and some codes are used wrongly.",
        Bars(named),
        f"ISRCs by number of tracks: {', '.join(f'{name}: {count(n)}' for name, n in named)}.",
        Table(("Tracks", "ISRCs"), tuple((name, count(n)) for name, n in named)),
    )


def tracks_per_isrc(path: Path) -> list[tuple[int, int]]:
    """Return (tracks, how many codes are on so many), 10 meaning 10 or more, from the table of ISRCs.

    It lies in the order of codes, so the rows of one follow each other: memory does not grow with the table.
    """
    found = np.zeros(_MOST_TRACKS + 1, dtype=np.int64)
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
            found[min(sofar, _MOST_TRACKS)] += 1
        last, sofar = codes[-1].as_py(), int(sums[-1])  # it may go on in the next batch
        found += np.bincount(np.minimum(sums[:-1], _MOST_TRACKS), minlength=len(found))
    if last is not None:
        found[min(sofar, _MOST_TRACKS)] += 1
    return [(number, int(times)) for number, times in enumerate(found) if times]


def _named(rows: Sequence[tuple[Any, ...]], one: str, many: str) -> tuple[tuple[str, int], ...]:
    return tuple(
        (f"10 or more {many}" if n == 10 else f"{n} {one if n == 1 else many}", int(times))
        for n, times in rows
    )


def _listens_bin(number: int) -> str:
    return "none" if number < 0 else f"{count(_least(number))}–{count(_least(number + 1) - 1)}"


def _least(half: int) -> int:
    """Return the least whole number whose decimal logarithm is at least ``half / 2``."""
    root = isqrt(10**half)
    return root if root * root == 10**half else root + 1


def _clock(half: int) -> str:
    return f"{half // 2}:{half % 2 * 30:02d}"
