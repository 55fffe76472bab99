"""The notation reads what it says it reads, and every tune adds up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.cli.demo.score import (
    NotationError,
    Note,
    bar_length,
    frequency,
    read_chords,
    read_notes,
    read_pitch,
)

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def test_value_stays_until_another_is_written() -> None:
    notes = read_notes("C4/4 D4 E4/2 | G4/8. R/16 A4/4 C4/2", "4/4")
    assert [(n.pitch, float(n.start), float(n.length)) for n in notes] == [
        (60, 0, 1),
        (62, 1, 1),
        (64, 2, 2),
        (67, 4, 0.75),
        (69, 5, 1),
        (60, 6, 2),
    ]


def test_upbeat_lies_before_the_first_bar() -> None:
    upbeat, first = read_notes("G4/8 | C5/2.", "3/4")
    assert [float(note.start) for note in (upbeat, first)] == [-0.5, 0]


def test_chords_and_added_values() -> None:
    assert read_notes("C4,E4/2+4", "3/4") == [Note(Fraction(0), Fraction(3), p) for p in (60, 64)]


def test_tie_over_the_bar_is_one_note() -> None:
    assert read_notes("R/2 C5/4~ | C5/2.", "3/4") == [Note(Fraction(2), Fraction(4), 72)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("C4/4 | C4/4 C4 C4 C4 C4 | C4", "bar 2 holds 5"),
        ("C4/4 C4 | C4/4 | C4/4", "bar 2 holds 1"),
        ("H4/4", "H4 is not a pitch"),
        ("C4/0", "/0 is not a note value"),
        ("C4/x", "/x is not a note value"),
        ("C4/2~ D4/2", "a tie must lead to the same note"),
        ("C4/2~ R/2", "a tie must lead to the same note"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(NotationError, match=says):
        read_notes(text, "4/4")


def test_chord_symbols_share_their_bar() -> None:
    tonic, dominant, silent_bar_later = read_chords("C G7/B | - | F#m7", "4/4")
    assert (float(tonic.length), tonic.bass, tonic.tones) == (2, 0, (0, 4, 7))
    assert (float(dominant.start), dominant.bass, dominant.tones) == (2, 11, (7, 11, 2, 5))
    assert (float(silent_bar_later.start), silent_bar_later.tones) == (8, (6, 9, 1, 4))
    with pytest.raises(NotationError, match="X is not a chord symbol"):
        read_chords("C | X", "4/4")


def test_metre_and_tuning() -> None:
    assert [bar_length(m) for m in ("4/4", "3/4", "6/8", "3/8")] == [4, 3, 3, Fraction(3, 2)]
    assert frequency(69) == 440
    assert frequency(60) == pytest.approx(261.6256, abs=1e-4)


@given(st.integers(12, 131))
def test_every_pitch_has_its_name(pitch: int) -> None:
    assert read_pitch(f"{_NAMES[pitch % 12]}{pitch // 12 - 1}") == pitch
