from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.web import words
from phonotheque.web.palette import DARK, LIGHT, Palette


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "0 %"),
        (0, 7, "0 %"),
        (1, 3, "33.3 %"),
        (1, 2, "50 %"),
        (1, 100_000, "under 0.1 %"),
        (99_999, 100_000, "over 99.9 %"),
        (996, 1000, "99.6 %"),
        (7, 7, "100 %"),
    ],
)
def test_shares(part: int, whole: int, said: str) -> None:
    assert words.share(part, whole) == said.replace(" ", "\u00a0")


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_only_everything_is_all_and_only_nothing_is_none(part: int, whole: int) -> None:
    said = words.share(min(part, whole), whole).replace("\u00a0", " ")
    assert (said == "100 %") == (part >= whole)
    assert (said == "0 %") == (part == 0)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (123_456, "123 kB"),
        (14_400_000, "14.4 MB"),
        (300 * 10**12, "300 TB"),
        (5 * 10**18, "5,000 PB"),
    ],
)
def test_sizes(number: int, said: str) -> None:
    assert words.size(number) == said.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (4500, "1.2 hours"), (3.6e6, "1,000 hours")],
)
def test_lengths_of_sound(seconds: float, said: str) -> None:
    assert words.hours(seconds) == said.replace(" ", "\u00a0")


def test_dates() -> None:
    assert words.date("2026-11-21T10:15:00Z") == "21 November 2026".replace(" ", "\u00a0")


def test_names_cannot_steer_the_display() -> None:
    assert words.shown("a\u202eb\x1b[1m\ud800") == "a\ufffdb\ufffd[1m\ufffd"
    assert words.shown(b"caf\xe9") == "caf\ufffd"
    assert words.shown("x" * 1000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_contrast(palette: Palette) -> None:
    for ground in (palette.paper, palette.sheet):
        for text in (palette.ink, palette.quiet, palette.blue):
            assert _contrast(text, ground) >= 4.5
        for shape in (palette.blue, palette.orange, palette.grey):
            assert _contrast(shape, ground) >= 3
    for shape in (palette.blue, palette.orange, palette.grey):
        assert _contrast(palette.paper, shape) >= 4.5  # numbers stand on bars


def _contrast(a: str, b: str) -> float:
    """WCAG 2.2, contrast ratio."""
    brighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
