import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.catalogue.coverage import curve
from phonotheque.model.errors import UsageError

COUNTS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), max_size=50)


def test_the_most_listened_come_first() -> None:
    found = curve([1, 97, 2], [10, 30, 20])
    assert found.recordings.tolist() == [1, 2, 3]
    assert found.bytes.tolist() == [30, 50, 60]
    assert found.share.tolist() == pytest.approx([0.97, 0.99, 1.0])
    assert found.reaching(0.9) == 0
    assert found.reaching(0.99) == 1
    assert curve([1, 97], [10, 30], total=1000).reaching(0.5) is None


def test_per_byte_the_dense_come_first() -> None:
    assert curve([10, 9], [100, 1], dense=True).bytes.tolist() == [1, 101]


def test_without_counts_every_recording_counts_the_same() -> None:
    assert curve([0, 0, 0, 0], [4, 3, 2, 1]).share.tolist() == [0.25, 0.5, 0.75, 1.0]


def test_nothing_has_no_curve() -> None:
    found = curve([], [])
    assert len(found.share) == len(found.thinned(10)) == 0
    assert found.reaching(0.5) is None


@pytest.mark.parametrize(("listens", "sizes"), [([1], []), ([-1], [1]), ([1], [-1]), ([[1]], [[1]])])
def test_senseless_counts_are_refused(listens: list[int], sizes: list[int]) -> None:
    with pytest.raises(UsageError):
        curve(listens, sizes)


@given(COUNTS, st.booleans())
def test_a_curve_rises_to_everything(pairs: list[tuple[int, int]], dense: bool) -> None:
    listens, sizes = [p[0] for p in pairs], [p[1] for p in pairs]
    found = curve(listens, sizes, dense=dense)
    assert (np.diff(found.share) >= 0).all()
    assert (np.diff(found.bytes) >= 0).all()
    if pairs:
        assert found.share[-1] == pytest.approx(1)
        assert found.bytes[-1] == sum(sizes)


@given(COUNTS.filter(bool), st.integers(2, 20))
def test_a_thinned_curve_keeps_its_ends_and_marks(pairs: list[tuple[int, int]], most: int) -> None:
    found = curve([p[0] for p in pairs], [p[1] for p in pairs])
    keep = (len(pairs) // 2,)
    kept = found.thinned(most, keep)
    assert len(kept) <= max(most, 3)
    assert kept[-1] == len(pairs) - 1
    assert keep[0] in kept
