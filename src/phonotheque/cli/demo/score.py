"""A small notation for tunes, chords and patterns, and the values it is read into.

Notes      ``C4/4 D4 E4/2 | G#4/8. R/16 C4,E4,G4/2+4``
           A pitch with its octave (C4 is middle C), a slash and the note value; a dot lengthens by half,
           ``+`` adds values, ``~`` ties a note to the next. The value stays until another is written.
           ``R`` is a rest, commas make a chord. Bars are checked against the metre (the first may be an
           upbeat, the last may be short).
Chords     ``C | F C | G7/B``
           Symbols share their bar equally; ``-`` is silence; a slash names another bass note.
Patterns   ``b * *`` or ``0 2 1 2`` or ``k h s h``
           One step per word, repeated for as long as there are chords: ``b`` the bass note, ``*`` the
           whole chord, a digit one of its tones from below, ``.`` nothing; other letters are drums.

Times and lengths are in quarter notes throughout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
}
_PITCH = re.compile(r"([A-G])([#b]?)(\d)")
_CHORD = re.compile(r"([A-G][#b]?)(maj7|m7|m|7|5|)(?:/([A-G][#b]?))?")


class NotationError(ValueError):
    """A score is not written as the notation asks; the message names the bar or the word."""


@dataclass(frozen=True, slots=True)
class Note:
    """One sound: ``pitch`` is a MIDI number (60 is C4, 69 is A4 = 440 Hz)."""

    start: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True, slots=True)
class Chord:
    """A harmony in force from ``start`` for ``length``; ``bass`` and ``tones`` are pitch classes."""

    start: Fraction
    length: Fraction
    bass: int
    tones: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """An instrument that plays written ``notes``. ``pan`` runs from -1 (left) to 1 (right)."""

    instrument: str
    notes: str
    gain: float = 1.0
    pan: float = 0.0
    enters: int = 0  # bars of silence before it begins, for rounds and canons


@dataclass(frozen=True, slots=True)
class Backing:
    """An instrument that turns the piece's chords into a repeated ``pattern`` of ``step`` note values."""

    instrument: str
    pattern: str
    step: int = 8
    gain: float = 0.5
    pan: float = 0.0
    low: int = 52  # MIDI: chord tones lie in the octave from here up; bass notes in the octave below
    ring: bool = False  # let a note sound until its chord ends


@dataclass(frozen=True, slots=True)
class Piece:
    """A tune and who plays it. ``tempo`` is in quarter notes a minute, ``metre`` for example ``3/4``."""

    title: str
    composer: str
    metre: str
    tempo: float
    players: tuple[Voice | Backing, ...]
    chords: str = ""
    room: float = 0.22  # share of reverberation, 0 to 1


def bar_length(metre: str) -> Fraction:
    """Return how many quarter notes fill a bar: 3 for ``3/4``, 3 for ``6/8``."""
    beats, unit = metre.split("/")
    return Fraction(4 * int(beats), int(unit))


def frequency(pitch: float) -> float:
    """Return the equal-tempered frequency in Hz of a MIDI number."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def read_notes(text: str, metre: str) -> list[Note]:
    """Read written notes. An upbeat starts before zero, so that bar 1 begins at zero.

    Raises NotationError when a word cannot be read or a bar does not add up.
    """
    bar, value, bars = bar_length(metre), Fraction(1), text.split("|")
    notes: list[Note] = []
    start, tied = Fraction(0), False
    for number, words in enumerate(bars):
        begun = start
        for word in words.split():
            name, _, written = word.removesuffix("~").partition("/")
            value = _value(written) if written else value
            pitches = [] if name == "R" else [read_pitch(pitch) for pitch in name.split(",")]
            if tied:
                _prolong(notes, pitches, value)
            else:
                notes.extend(Note(start, value, pitch) for pitch in pitches)
            start, tied = start + value, word.endswith("~")
        filled = start - begun
        if number == 0 and filled < bar and len(bars) > 1:
            notes = [replace(note, start=note.start - filled) for note in notes]
            start = Fraction(0)
        elif filled != bar and not (number == len(bars) - 1 and filled < bar):
            raise NotationError(f"bar {number + 1} holds {filled} quarter notes, not {bar}: {words.strip()}")
    return notes


def read_chords(text: str, metre: str) -> list[Chord]:
    """Read chord symbols, one or several to a bar."""
    bar, chords = bar_length(metre), list[Chord]()
    for number, words in enumerate(text.split("|") if text else ()):
        symbols = words.split()
        for place, symbol in enumerate(symbols):
            length = bar / len(symbols)
            if symbol == "-":
                continue
            match = _CHORD.fullmatch(symbol)
            if match is None:
                raise NotationError(f"bar {number + 1}: {symbol} is not a chord symbol")
            root = _pitch_class(match[1])
            tones = tuple((root + step) % 12 for step in _QUALITIES[match[2]])
            bass = _pitch_class(match[3]) if match[3] else root
            chords.append(Chord(bar * number + length * place, length, bass, tones))
    return chords


def read_pitch(name: str) -> int:
    """Return the MIDI number of a pitch such as ``F#4``."""
    match = _PITCH.fullmatch(name)
    if match is None:
        raise NotationError(f"{name} is not a pitch; write for example F#4")
    return 12 * (int(match[3]) + 1) + _STEPS[match[1]] + {"#": 1, "b": -1, "": 0}[match[2]]


def _prolong(notes: list[Note], pitches: list[int], value: Fraction) -> None:
    """Lengthen the notes just read by a tied ``value``."""
    last = notes[-len(pitches) :] if pitches else []
    if not last or [note.pitch for note in last] != pitches:
        raise NotationError("a tie must lead to the same note")
    notes[-len(pitches) :] = [replace(note, length=note.length + value) for note in last]


def _pitch_class(name: str) -> int:
    return read_pitch(f"{name}4") % 12


def _value(written: str) -> Fraction:
    """Read a note value in quarter notes: ``4`` is 1, ``8.`` is 3/4, ``2+4`` is 3."""
    total = Fraction(0)
    for part in written.split("+"):
        plain = part.removesuffix(".")
        if not plain.isdecimal() or int(plain) == 0:
            raise NotationError(f"/{written} is not a note value")
        total += Fraction(4, int(plain)) * (Fraction(3, 2) if plain != part else 1)
    return total
