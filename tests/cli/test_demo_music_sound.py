"""Instruments are in tune, and a performance is the same each time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phonotheque.cli.demo.drums import DRUMS
from phonotheque.cli.demo.encoding import ALAC, FLAC, LOCKED, MP3, OPUS, Format, encode
from phonotheque.cli.demo.instruments import INSTRUMENTS
from phonotheque.cli.demo.performance import perform
from phonotheque.cli.demo.score import Backing, NotationError, Piece, Voice, frequency
from phonotheque.cli.demo.synthesis import RATE, Sound

_SCALE = Piece(
    title="Scale",
    composer="",
    metre="4/4",
    tempo=240,
    players=(
        Voice("piano", "C4/4 D4 E4 F4 | G4 A4 B4 C5", pan=-0.5),
        Voice("violin", "G#5/2 B4 | A4 G4", pan=0.5),
        Backing("drums", "k h s t"),
    ),
    chords="C | G7",
)


def _pitch(sound: Sound) -> float:
    """Return the strongest frequency in Hz, interpolated between bins."""
    size = 1 << 18
    spectrum = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)) + 1e-12)
    peak = int(spectrum.argmax())
    below, top, above = spectrum[peak - 1 : peak + 2]
    return float((peak + 0.5 * (below - above) / (below - 2 * top + above)) * RATE / size)


@pytest.mark.parametrize("pitch", [57, 64, 72, 76])
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instrument_plays_the_written_pitch(name: str, pitch: int) -> None:
    sound = INSTRUMENTS[name](frequency(pitch), 1.0, 0.8, np.random.default_rng(1))
    cents = 1200 * np.log2(_pitch(sound) / frequency(pitch))
    assert abs(cents) < 8


@pytest.mark.parametrize("seconds", [0.06, 0.5])
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instrument_begins_and_ends_in_silence(name: str, seconds: float) -> None:
    sound = INSTRUMENTS[name](440.0, seconds, 0.8, np.random.default_rng(1))
    loudest = np.abs(sound).max()
    assert np.isfinite(sound).all()
    assert 0.1 < loudest < 1.5
    assert abs(sound[0]) < 0.05 * loudest
    assert abs(sound[-1]) < 0.02 * loudest


@pytest.mark.parametrize("name", [n for n in INSTRUMENTS if n not in ("organ", "accordion")])
def test_louder_is_louder(name: str) -> None:
    soft, loud = (INSTRUMENTS[name](330.0, 0.5, s, np.random.default_rng(1)) for s in (0.3, 0.9))
    assert np.mean(loud**2) > 4 * np.mean(soft**2)


@pytest.mark.parametrize("letter", DRUMS)
def test_drums_die_away(letter: str) -> None:
    sound = DRUMS[letter](0.8, np.random.default_rng(1))
    assert np.abs(sound[-100:]).max() < 0.1 * np.abs(sound).max()


def test_performance_keeps_time_and_place() -> None:
    sound = perform(_SCALE)
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx((0.1 + 2.0 + 1.6) * RATE, abs=2)
    assert np.abs(sound[: RATE // 20]).max() < 1e-6  # before the first note
    # the piano's C4 at the left, the violin’s G#5 at the right
    opening = sound[RATE // 10 : RATE // 10 + RATE // 4]
    left, right = (np.abs(np.fft.rfft(opening[:, side], 1 << 17)) for side in (0, 1))
    at = [round(frequency(p) * (1 << 17) / RATE) for p in (60, 80)]
    assert left[at[0]] > right[at[0]]
    assert right[at[1]] > left[at[1]]


def test_unknown_step_of_a_pattern_is_named() -> None:
    with pytest.raises(NotationError, match=r"\? is no step"):
        perform(Piece("x", "", "4/4", 120, (Backing("piano", "b ?"),), "C"))


@pytest.mark.parametrize("form", [FLAC, OPUS, MP3, ALAC, LOCKED])
def test_encoding_repeats_byte_for_byte(form: Format, tmp_path: Path) -> None:
    sound = perform(_SCALE)
    for name in ("a", "b"):
        encode(sound, tmp_path / name, form)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_performance_does_not_depend_on_the_number_of_processors() -> None:
    from phonotheque.cli.demo.melodies.keyboard import GYMNOPEDIE

    program = (
        "import hashlib\n"
        "from phonotheque.cli.demo.melodies.keyboard import GYMNOPEDIE\n"
        "from phonotheque.cli.demo.performance import perform\n"
        "print(hashlib.sha256(perform(GYMNOPEDIE).tobytes()).hexdigest())\n"
    )
    one = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert one.stdout.strip() == hashlib.sha256(perform(GYMNOPEDIE).tobytes()).hexdigest()
