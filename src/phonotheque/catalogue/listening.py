"""How much of all listening the most listened recordings account for, and what they would weigh.

Of the whole catalogue, held or not (``coverage.py`` is about what can be published). Recordings lie in the
order of listens, so running sums over blocks of them say in which block a share is reached; only those blocks
are read row by row. Memory does not grow with the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, open_tables, scratch

MARKS = ("0.5", "0.8", "0.9", "0.95", "0.99", "0.996", "0.999", "1")  # shares whose price people ask for
MASTER_KBPS = 850  # kbit/s: FLAC of two channels at 44.1 kHz and 16 bits, about
ACCESS_KBPS = 75  # kbit/s: the Opus of access copies
BLOCK = 1 << 16

_HELD = """
    CREATE TABLE held AS
    SELECT recording, max(bytes) AS bytes FROM files JOIN master USING (sha256) GROUP BY recording
"""
_COUNTED = "SELECT coalesce(sum(listens), 0) > 0 FROM recordings"
_BY_LISTENS = """
    CREATE VIEW weighed AS
    SELECT recording, listens AS weight, duration_ms, bytes FROM recordings LEFT JOIN held USING (recording)
"""
_BY_NUMBER = """
    CREATE VIEW weighed AS
    SELECT recording, 1::BIGINT AS weight, duration_ms, bytes FROM recordings LEFT JOIN held USING (recording)
"""
_BLOCKS = """
    SELECT weight IS NULL AS uncounted, recording // $block AS block, count(*) AS recordings,
           coalesce(sum(weight), 0)::HUGEINT AS weight,
           coalesce(sum(duration_ms), 0)::HUGEINT AS ms,
           count(*) - count(duration_ms) AS unknown,
           coalesce(sum(duration_ms) FILTER (bytes IS NULL), 0)::HUGEINT AS elsewhere_ms,
           count(*) FILTER (bytes IS NULL AND duration_ms IS NULL) AS elsewhere_unknown,
           coalesce(sum(bytes), 0)::HUGEINT AS held_bytes,
           count(bytes) AS held,
           coalesce(sum(weight) FILTER (bytes IS NOT NULL), 0)::HUGEINT AS held_weight
    FROM weighed GROUP BY ALL ORDER BY ALL
"""
_ROWS = """
    SELECT weight, coalesce(duration_ms, -1) AS ms, coalesce(bytes, -1) AS bytes FROM weighed
    WHERE recording >= $first AND recording < $first + $block AND weight IS NOT NULL ORDER BY recording
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a second of sound is taken to weigh, in kbit/s, where no file says so."""

    master_kbps: int = MASTER_KBPS
    access_kbps: int = ACCESS_KBPS


@dataclass(frozen=True, slots=True)
class Weight:
    """Some recordings: how many, how long, and how large as masters and as access copies."""

    recordings: int
    seconds: float
    master_bytes: int
    access_bytes: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The fewest recordings that account for at least this share (0 to 1) of listening."""

    share: float
    weight: Weight


@dataclass(frozen=True, slots=True)
class Held:
    """The recordings of which a master is held; ``bytes`` counts the largest master of each."""

    recordings: int
    listens: int
    share: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Listening:
    """What listening costs. Without any count (``counted`` is false) every recording counts the same."""

    counted: bool
    listens: int  # where nobody counted, the number of recordings
    recordings: int  # of which somebody counted listens
    marks: tuple[Mark, ...]
    points: tuple[Mark, ...]  # of the curve, evenly spaced over the share
    uncounted: Weight  # what nobody counted
    unknown_lengths: int  # recordings taken to be as long as the mean of the others
    mean_seconds: float | None  # None where no length is known, and all sizes are those of files
    held: Held
    rates: Rates


class _Sums(NamedTuple):
    """A block of recordings, or all up to some place. ``elsewhere``: of which no master is held."""

    recordings: int = 0
    weight: int = 0
    ms: int = 0
    unknown: int = 0
    elsewhere_ms: int = 0
    elsewhere_unknown: int = 0
    held_bytes: int = 0
    held: int = 0
    held_weight: int = 0

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(a + b for a, b in zip(self, other, strict=True)))

    def weighed(self, mean_ms: float, rates: Rates) -> Weight:
        ms = self.ms + self.unknown * mean_ms
        elsewhere = self.elsewhere_ms + self.elsewhere_unknown * mean_ms
        return Weight(  # a kilobit a second is a bit a millisecond
            recordings=self.recordings,
            seconds=ms / 1000,
            master_bytes=self.held_bytes + round(elsewhere * rates.master_kbps / 8),
            access_bytes=round(ms * rates.access_kbps / 8),
        )


def listening(
    snapshot: Snapshot,
    held: Iterable[Sequence[tuple[str, int]]] = (),
    *,
    points: int = 0,
    rates: Rates = Rates(),
    marks: Sequence[str] = MARKS,
    block: int = BLOCK,
    memory_limit: str = MEMORY,
) -> Listening:
    """Return what shares of listening cost, for ``marks`` (decimal fractions) and ``points`` of the curve.

    ``held`` are batches of the SHA-256 and size in bytes of the masters that are held. Two levels are read:
    sums over blocks of recordings, then the rows of those blocks in which a share is reached.
    """
    with scratch("computing coverage", snapshot.path, memory_limit) as engine:
        hold(engine, snapshot, held)
        return _listening(engine, snapshot, points, rates, marks, block)


def hold(
    engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, held: Iterable[Sequence[tuple[str, int]]]
) -> None:
    """Make a table ``held``: the recordings of which a master is held, with the bytes of the largest."""
    engine.execute("CREATE TABLE master (sha256 VARCHAR, bytes BIGINT)")
    for part in held:
        batch = pa.table({"sha256": [sha256 for sha256, _ in part], "bytes": [size for _, size in part]})
        engine.register("batch", batch)
        engine.execute("INSERT INTO master FROM batch")
        engine.unregister("batch")
    open_tables(engine, snapshot, "files")
    engine.execute(_HELD)
    engine.execute("DROP TABLE master")


def _listening(
    engine: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    points: int,
    rates: Rates,
    marks: Sequence[str],
    block: int,
) -> Listening:
    open_tables(engine, snapshot, "recordings")
    ((counted,),) = engine.execute(_COUNTED).fetchall()
    engine.execute(_BY_LISTENS if counted else _BY_NUMBER)
    blocks: list[tuple[int, _Sums]] = []
    uncounted = _Sums()
    for unknown, number, *sums in engine.execute(_BLOCKS, {"block": block}).fetchall():
        if unknown:
            uncounted = uncounted.plus(_Sums(*sums))
        else:
            blocks.append((number, _Sums(*sums)))
    before = list(accumulate((sums for _, sums in blocks), _Sums.plus, initial=_Sums()))
    whole = before[-1]
    everything = whole.plus(uncounted)
    known = everything.recordings - everything.unknown
    mean_ms = everything.ms / known if known else 0.0
    reached = _Reached(engine, [number for number, _ in blocks], before, block, mean_ms, rates)
    return Listening(
        counted=bool(counted),
        listens=whole.weight,
        recordings=whole.recordings,
        marks=reached.at([Fraction(mark) for mark in marks]),
        points=reached.at([Fraction(number, points) for number in range(1, points + 1)]),
        uncounted=uncounted.weighed(mean_ms, rates),
        unknown_lengths=everything.unknown,
        mean_seconds=mean_ms / 1000 if known else None,
        held=Held(
            everything.held,
            whole.held_weight,
            whole.held_weight / whole.weight if whole.weight else 0.0,
            everything.held_bytes,
        ),
        rates=rates,
    )


@dataclass(frozen=True, slots=True)
class _Reached:
    """Where shares are reached: ``before[i]`` sums up all blocks before the i-th."""

    engine: duckdb.DuckDBPyConnection
    numbers: Sequence[int]
    before: Sequence[_Sums]
    block: int
    mean_ms: float
    rates: Rates

    def at(self, shares: Iterable[Fraction]) -> tuple[Mark, ...]:
        """Return the mark of every share, rising; each block is read at most once."""
        total = self.before[-1].weight
        if not total:
            return ()
        ends = [sums.weight for sums in self.before[1:]]
        found: list[Mark] = []
        last, rows = -1, np.empty((3, 0), dtype=np.int64)
        for share in sorted(shares):
            target = ceil(share * total)  # exact: no float decides which recording is the last
            place = int(np.searchsorted(ends, target))
            if place != last:
                last, rows = place, self._rows(self.numbers[place])
            sums = self.before[place].plus(_first(rows, target - self.before[place].weight))
            found.append(Mark(float(share), sums.weighed(self.mean_ms, self.rates)))
        return tuple(found)

    def _rows(self, number: int) -> NDArray[np.int64]:
        columns = self.engine.execute(_ROWS, {"first": number * self.block, "block": self.block}).fetchnumpy()
        return np.stack([np.asarray(columns[name], dtype=np.int64) for name in ("weight", "ms", "bytes")])


def _first(rows: NDArray[np.int64], target: int) -> _Sums:
    """Sum up the first rows of a block, as many as bring ``target`` together."""
    end = int(np.searchsorted(np.cumsum(rows[0]), target)) + 1
    weight, ms, size = rows[:, :end]
    known, elsewhere = ms >= 0, size < 0
    return _Sums(
        recordings=end,
        weight=int(weight.sum()),
        ms=int(ms[known].sum()),
        unknown=int((~known).sum()),
        elsewhere_ms=int(ms[known & elsewhere].sum()),
        elsewhere_unknown=int((~known & elsewhere).sum()),
        held_bytes=int(size[~elsewhere].sum()),
    )
