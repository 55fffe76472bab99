"""From a piece to a stereo recording: who plays what and when, the room, the level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from phonotheque.cli.demo.drums import DRUMS
from phonotheque.cli.demo.instruments import INSTRUMENTS
from phonotheque.cli.demo.score import (
    Backing,
    Chord,
    NotationError,
    Note,
    Piece,
    Voice,
    bar_length,
    frequency,
    read_chords,
    read_notes,
)
from phonotheque.cli.demo.synthesis import RATE, Sound

Stereo = NDArray[np.float32]  # (samples, 2)

_LEVEL = 0.09  # RMS of the loud parts, about -21 dB of full scale
_CEILING = 0.89
_ANSWER = 1 << 16  # samples of reverberation, 1.5 s
_LEAD_IN, _TAIL = 0.1, 1.6  # seconds


@dataclass(frozen=True, slots=True)
class _Event:
    """A note, or a drum's letter, as a player plays it."""

    note: Note
    drum: str = ""


def perform(piece: Piece) -> Stereo:
    """Play a piece. The same piece gives the same samples each time (on the same numpy and processor)."""
    random = np.random.default_rng(crc32(piece.title.encode()))
    chords = read_chords(piece.chords, piece.metre)
    played = [(player, _events(player, chords, piece.metre)) for player in piece.players]
    first = min(event.note.start for _, events in played for event in events)
    last = max(event.note.start + event.note.length for _, events in played for event in events)
    second = 60 / piece.tempo  # how long a quarter note lasts
    bar = bar_length(piece.metre)
    mix = np.zeros((round((_LEAD_IN + float(last - first) * second + _TAIL) * RATE), 2), dtype=np.float32)
    for player, events in played:
        angle = (player.pan + 1) * np.pi / 4
        sides = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(player.gain)
        for event in events:
            late = random.uniform(0, 0.008)
            at = round((_LEAD_IN + float(event.note.start - first) * second + late) * RATE)
            sound = _sound(player.instrument, event, second, _stress(event.note.start, bar, random), random)
            room = mix[at : at + len(sound)]
            room += sound[: len(room), None] * sides
    return _level(_reverberate(mix, piece.room))


def _events(player: Voice | Backing, chords: list[Chord], metre: str) -> list[_Event]:
    if isinstance(player, Backing):
        return list(_accompany(player, chords))
    wait = bar_length(metre) * player.enters
    notes = read_notes(player.notes, metre)
    return [_Event(Note(note.start + wait, note.length, note.pitch)) for note in notes]


def _accompany(backing: Backing, chords: list[Chord]) -> Iterator[_Event]:
    """Walk the pattern over the chords; a pattern starts again where it ends, not at each chord."""
    pattern, step = backing.pattern.split(), Fraction(4, backing.step)
    for chord in chords:
        place, end = chord.start, chord.start + chord.length
        tones = sorted(backing.low + (tone - backing.low) % 12 for tone in chord.tones)
        low_bass = backing.low - 12
        bass = low_bass + (chord.bass - low_bass) % 12
        while place < end:
            word = pattern[int(place / step) % len(pattern)]
            length = end - place if backing.ring else min(step, end - place)
            if word in DRUMS:
                yield _Event(Note(place, step, 0), word)
            elif word != ".":
                for number, pitch in enumerate(_chosen(word, bass, tones)):
                    spread = Fraction(number, 32) if backing.ring else Fraction(0)
                    yield _Event(Note(place + spread, length - spread, pitch))
            place += step


def _chosen(word: str, bass: int, tones: list[int]) -> list[int]:
    if word == "b":
        return [bass]
    if word == "*":
        return tones
    if word.isdecimal():
        octave, tone = divmod(int(word), len(tones))
        return [tones[tone] + 12 * octave]
    raise NotationError(f"{word} is no step of a pattern")


def _stress(start: Fraction, bar: Fraction, random: np.random.Generator) -> float:
    """Return how strongly a note is played: the first of a bar a little more, no two quite alike."""
    metric = 0.88 if start % bar == 0 else 0.78 if start.denominator == 1 else 0.72
    return float(metric + random.uniform(-0.05, 0.05))


def _sound(
    instrument: str, event: _Event, second: float, strength: float, random: np.random.Generator
) -> Sound:
    if event.drum:
        return DRUMS[event.drum](strength, random)
    seconds = max(0.06, float(event.note.length) * second * 0.96)
    return INSTRUMENTS[instrument](frequency(event.note.pitch), seconds, strength, random)


def _reverberate(dry: Stereo, share: float) -> Stereo:
    """Convolve both sides together with the room's answer at either ear, block by block (overlap-add)."""
    count = -(-len(dry) // _ANSWER)
    blocks = np.zeros(count * _ANSWER, dtype=np.float32)
    blocks[: len(dry)] = dry.sum(axis=1)
    source = np.fft.rfft(blocks.reshape(count, _ANSWER), 2 * _ANSWER)
    wet = np.zeros(((count + 1) * _ANSWER, 2), dtype=np.float32)
    for ear, room in enumerate(_room()):
        heard = np.fft.irfft(source * room, 2 * _ANSWER)
        wet[:-_ANSWER, ear] += heard[:, :_ANSWER].ravel()
        wet[_ANSWER:, ear] += heard[:, _ANSWER:].ravel()
    return (1 - share) * dry + np.float32(0.7 * share) * wet[: len(dry)]


@cache
def _room() -> NDArray[np.complex64]:
    """Return the spectra of a room's answer at both ears: noise that dies away, its treble first."""
    random, t = np.random.default_rng(1877), np.arange(_ANSWER) / RATE
    spectra = []
    for _ in range(2):
        bright = random.standard_normal(_ANSWER)
        dark = np.convolve(bright, np.full(24, 1 / 5), mode="same")
        answer = bright * np.exp(-t / 0.09) + dark * np.exp(-t / 0.3)
        answer *= np.clip((t - 0.011) / 0.004, 0, 1)  # nothing before the nearest wall
        answer /= np.sqrt(np.sum(answer**2))
        spectra.append(np.fft.rfft(answer.astype(np.float32), 2 * _ANSWER))
    return np.array(spectra)


def _level(sound: Stereo) -> Stereo:
    """Bring the loud parts to the common level, round off rare peaks, fade the end."""
    block = RATE // 5
    power = (sound[: len(sound) // block * block] ** 2).reshape(-1, block * 2).mean(axis=1)
    loud = np.sqrt(np.mean(power[power > 0.1 * power.max()]))
    sound = sound * np.float32(_LEVEL / loud)
    knee = 0.6
    over = np.maximum(np.abs(sound) - knee, 0)
    span = _CEILING - knee
    sound = np.where(over > 0, np.sign(sound) * (knee + span * np.tanh(over / span)), sound)
    fade = np.clip(np.arange(len(sound), 0, -1) / (0.4 * RATE), 0, 1)
    return (sound * fade[:, None]).astype(np.float32)
