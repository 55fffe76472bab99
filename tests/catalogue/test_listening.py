"""What a share of listening costs, compared with the plainest way to count it."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue.listening import MARKS, Listening, Rates, listening
from tests.catalogue.catalogue_tables import recording, write_tables

COUNTS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 10**9),  # listens
        st.none() | st.integers(1, 10**7),  # length
        st.none() | st.integers(1, 10**9),  # size of a held master
    ),
    max_size=30,
)


def listened(folder: Path, counts: list[tuple[Any, Any, Any]], **options: Any) -> Listening:
    """What is found of recordings with these listens, lengths and held masters."""
    ordered = sorted(counts, key=lambda count: -1 if count[0] is None else count[0], reverse=True)
    rows = [recording(key, listens=n, duration_ms=ms) for key, (n, ms, _) in enumerate(ordered)]
    held = [(f"{key:064d}", size) for key, (_, _, size) in enumerate(ordered) if size is not None]
    known = [{"sha256": f"{key:064d}", "recording": key, "fact": key} for key in range(len(ordered))]
    snapshot = write_tables(folder, {"recordings": rows, "files": known})
    return listening(snapshot, [held[:2], held[2:]], **options)


def test_the_price_of_shares(tmp_path: Path) -> None:
    counts = [(900, 100_000, None), (90, 200_000, 5_000_000), (10, None, None), (None, 300_000, None)]
    found = listened(tmp_path, counts, points=2)
    half, eighty, ninety, _, rest, *_, everything = found.marks
    assert [half.weight, eighty.weight, ninety.weight] == [half.weight] * 3
    assert half.weight.recordings == 1
    assert half.weight.master_bytes == 100 * 850_000 // 8
    assert half.weight.access_bytes == 100 * 75_000 // 8
    assert (rest.share, rest.weight.recordings) == (0.99, 2)
    assert rest.weight.master_bytes == half.weight.master_bytes + 5_000_000  # the file's own size
    assert rest.weight.access_bytes == 300 * 75_000 // 8
    assert (everything.share, everything.weight.recordings) == (1, 3)
    assert everything.weight.seconds == 500  # the unknown length is the mean of the others: 200 s
    assert (found.unknown_lengths, found.mean_seconds) == (1, 200)
    assert (found.listens, found.recordings) == (1000, 3)
    assert (found.uncounted.recordings, found.uncounted.seconds) == (1, 300)
    assert (found.held.recordings, found.held.share, found.held.bytes) == (1, 0.09, 5_000_000)
    assert [(point.share, point.weight.recordings) for point in found.points] == [(0.5, 1), (1.0, 3)]


def test_where_nobody_counted_every_recording_counts_the_same(tmp_path: Path) -> None:
    found = listened(tmp_path, [(None, 1000, None)] * 10)
    assert (found.counted, found.listens, found.recordings) == (False, 10, 10)
    assert [mark.weight.recordings for mark in found.marks] == [5, 8, 9, 10, 10, 10, 10, 10]
    assert found.uncounted.recordings == 0


def test_an_empty_catalogue_has_no_marks(tmp_path: Path) -> None:
    found = listened(tmp_path, [], points=3)
    assert (found.marks, found.points, found.mean_seconds, found.held.share) == ((), (), None, 0.0)


def test_rates_are_those_asked_for(tmp_path: Path) -> None:
    found = listened(tmp_path, [(1, 1000, None)], rates=Rates(master_kbps=800, access_kbps=8), marks=("1",))
    assert (found.marks[0].weight.master_bytes, found.marks[0].weight.access_bytes) == (100_000, 1000)


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.integers(1, 7))
def test_it_is_what_counting_one_by_one_gives(counts: list[tuple[Any, Any, Any]], block: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = listened(Path(folder), counts, block=block)
    counted = any(n for n, _, _ in counts)
    weights = [n if counted else 1 for n, _, _ in counts if n is not None or not counted]
    weights.sort(reverse=True)
    for mark, share in zip(found.marks, MARKS, strict=False):
        needed, covered = 0, 0
        while covered < Fraction(share) * sum(weights):
            covered += weights[needed]
            needed += 1
        assert mark.weight.recordings == needed
    assert len(found.marks) == (len(MARKS) if weights else 0)
    assert found.recordings + found.uncounted.recordings == len(counts)
    assert found.held.bytes == sum(size for _, _, size in counts if size is not None)
    known = [ms for _, ms, _ in counts if ms is not None]
    if found.marks and known:
        mean = sum(known) / len(known)
        lengths = [ms if ms is not None else mean for _, ms, _ in counts]
        assert found.marks[-1].weight.seconds <= sum(lengths) / 1000 - found.uncounted.seconds + 1e-6
