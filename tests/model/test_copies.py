"""Which of several copies is the best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.copies import quality, why_better


@dataclass(frozen=True)
class Copy:
    id: int = 5
    size: int = 1_000_000
    duration: float | None = 200.0
    integrity: str = "decodes"
    lossless: bool | None = False
    bit_rate: int | None = 128_000
    sample_rate: int | None = 44_100
    channels: int | None = 2
    bits_per_sample: int | None = None


LOSSY = Copy()
LOSSLESS = Copy(lossless=True, bits_per_sample=16, bit_rate=900_000, size=20_000_000)


@pytest.mark.parametrize(
    ("best", "other", "why"),
    [
        # whole before damaged, whatever else is better
        (LOSSY, replace(LOSSLESS, integrity="damaged"), "whole, not damaged"),
        # lossless before lossy
        (LOSSLESS, replace(LOSSY, bit_rate=1_500_000, integrity="intact", size=90_000_000), "lossless"),
        # the earlier generation, by its bits
        (replace(LOSSY, bit_rate=192_000), replace(LOSSY, integrity="intact"), "of more bits a second"),
        (replace(LOSSLESS, bits_per_sample=24), replace(LOSSLESS, integrity="intact"), "finer"),
        (replace(LOSSLESS, sample_rate=96_000), replace(LOSSLESS, bits_per_sample=24), "finer"),
        # a WAV has no checksum, and is larger than a FLAC of the same samples
        (replace(LOSSLESS, integrity="intact"), replace(LOSSLESS, size=1), "shown to be whole by a checksum"),
        (LOSSLESS, replace(LOSSLESS, size=40_000_000, bit_rate=1_411_000), "smaller, and as fine"),
        # but not smaller for want of its end
        (replace(LOSSLESS, size=21_000_000, duration=202.0), LOSSLESS, "longer"),
        (replace(LOSSY, size=1_000_001), LOSSY, "larger"),
        (replace(LOSSY, id=4), LOSSY, "what was taken in first"),
        (LOSSY, LOSSY, ""),
    ],
)
def test_the_better_copy_is_put_first_and_it_is_said_why(best: Copy, other: Copy, why: str) -> None:
    assert quality(best) >= quality(other)
    assert (quality(best) == quality(other)) == (best == other)
    assert why_better(best, other) == why


def test_what_is_not_known_counts_for_nothing() -> None:
    unknown = Copy(duration=None, lossless=None, bit_rate=None, sample_rate=None, channels=None)
    assert quality(LOSSY) > quality(unknown)


@given(
    st.builds(
        Copy,
        id=st.integers(1, 2**62),
        size=st.integers(0, 2**40),
        duration=st.floats(0, 1e12),
        lossless=st.booleans(),
        bit_rate=st.integers(0, 2**31),
        sample_rate=st.integers(0, 2**22),
        channels=st.integers(0, 255),
        bits_per_sample=st.integers(0, 64),
    )
)
def test_every_part_fits_an_integer_of_a_database(copy: Copy) -> None:
    assert all(-(2**63) <= part < 2**63 for part in quality(copy))
