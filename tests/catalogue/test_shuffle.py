"""Every order is possible, none is likelier, and nothing comes twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue.shuffle import shuffled


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=20), st.integers(0, 60), st.integers(0, 60))
def test_it_is_a_permutation_that_can_be_taken_up_anywhere(seed: str, size: int, after: int) -> None:
    order = list(shuffled(seed, size))
    assert sorted(order) == list(range(size))
    assert list(shuffled(seed, size, after=after)) == order[after:]
    assert list(shuffled(seed, size, after=after, most=3)) == order[after : after + 3]


def test_seeds_give_different_orders() -> None:
    assert len({tuple(shuffled(str(seed), 52)) for seed in range(20)}) == 20


def test_the_largest_catalogue_takes_no_memory() -> None:
    first = list(shuffled("seed", 256_000_000, most=10))
    assert len(set(first)) == 10
    assert max(first) > 1_000_000


@pytest.mark.parametrize("place", [0, 5])
def test_each_number_is_as_likely_at_each_place(place: int) -> None:
    """χ² with 11 degrees of freedom: above 31.3 once in a thousand seeds' sets, and these seeds are fixed."""
    size, trials = 12, 1200
    counts = Counter(next(shuffled(f"a{seed}", size, after=place)) for seed in range(trials))
    expected = trials / size
    assert sum((counts[n] - expected) ** 2 / expected for n in range(size)) < 31.3


def test_each_order_of_three_is_as_likely() -> None:
    """χ² with 5 degrees of freedom: above 20.5 once in a thousand."""
    counts = Counter(tuple(shuffled(f"b{seed}", 3)) for seed in range(600))
    assert len(counts) == 6
    assert sum((times - 100) ** 2 / 100 for times in counts.values()) < 20.5
