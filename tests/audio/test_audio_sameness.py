"""When two sounds are one recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from phonotheque.audio.fingerprint import BestAlignment, bit_error_rate
from phonotheque.audio.sameness import (
    ALIKE,
    EVERY,
    FARTHEST,
    HITS,
    SAME,
    TOLERANCE,
    Likeness,
    align,
    judge,
    question,
    sample,
)
from tests.fingerprints import data, fingerprint, with_errors


def test_a_re_encoded_copy_that_begins_later_is_found_where_it_lies() -> None:
    original = fingerprint(1)
    for cut in (0, 1, 10, 239, 500):
        copy = with_errors(original, 0.02, 2)[cut:]
        found = align(data(original), data(copy))
        assert (found.offset, found.overlap) == (cut, len(copy))
        assert 0.01 < found.ber < 0.03
        assert align(data(copy), data(original)).offset == -cut


def test_strangers_agree_nowhere() -> None:
    assert align(data(fingerprint(1)), data(fingerprint(2))).ber == 1.0
    assert align(b"", b"") == align(b"", data(fingerprint(1))) == BestAlignment(1.0, 0, 0)


def test_too_little_in_common_proves_nothing() -> None:
    original = fingerprint(1)
    assert align(data(original), data(original[-79:])).ber == 1.0
    assert align(data(original), data(original[-80:])) == BestAlignment(0.0, len(original) - 80, 80)


@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(0, 0.08),
    cut=st.integers(0, 200),
    length=st.integers(300, 948),
)
def test_the_quick_alignment_is_the_best_of_all(seed: int, rate: float, cut: int, length: int) -> None:
    original = fingerprint(seed, length)
    copy = with_errors(original, rate, seed + 1)[cut:]
    slow, quick = bit_error_rate(data(original), data(copy)), align(data(original), data(copy))
    assert quick == slow


def test_what_is_indexed_is_asked_for_wherever_a_copy_begins() -> None:
    original = fingerprint(1)
    kept = sample(data(original))
    assert kept is not None
    assert len(kept.values) == -(-len(original) // EVERY)
    assert kept.needed == HITS
    for cut in range(EVERY):
        assert len(np.intersect1d(kept.values, question(data(original[cut:])))) >= len(kept.values) - 1


def test_of_a_short_sound_fewer_values_are_enough() -> None:
    kept = sample(data(fingerprint(1, 80)))
    assert kept is not None
    assert (len(kept.values), kept.needed) == (4, 2)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(0, np.uint32),
        fingerprint(1, 79),  # under ten seconds
        np.zeros(948, np.uint32),  # silence
        np.repeat(fingerprint(1, 15), 60),  # a hum, hardly moving
    ],
    ids=["empty", "short", "silence", "hum"],
)
def test_what_tells_nothing_is_neither_indexed_nor_asked(values: NDArray[np.uint32]) -> None:
    assert sample(data(values)) is None
    assert len(question(data(values))) == 0


@pytest.mark.parametrize(
    ("ber", "offset", "lengths", "likeness"),
    [
        (0.0, 0, (200.0, 200.0), Likeness.SAME),
        (SAME - 0.001, 10, (200.0, 200.0 + TOLERANCE), Likeness.SAME),
        (SAME, 0, (200.0, 200.0), Likeness.PERHAPS),
        (ALIKE - 0.001, 0, (200.0, 200.0), Likeness.PERHAPS),
        (ALIKE, 0, (200.0, 200.0), Likeness.DIFFERENT),
        (1.0, 0, (200.0, 200.0), Likeness.DIFFERENT),
        # Only the first two minutes are in a fingerprint: ten minutes and twelve are not the same.
        (0.0, 0, (600.0, 720.0), Likeness.LENGTH),
        (0.0, FARTHEST + 1, (200.0, 200.0), Likeness.LENGTH),
        (0.0, -FARTHEST - 1, (200.0, 200.0), Likeness.LENGTH),
    ],
)
def test_what_an_alignment_means(
    ber: float, offset: int, lengths: tuple[float, float], likeness: Likeness
) -> None:
    assert judge(BestAlignment(ber, offset, 948), *lengths) is likeness
    assert judge(BestAlignment(ber, -offset, 948), *reversed(lengths)) is likeness
