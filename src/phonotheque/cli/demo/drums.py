"""A few soft drums, by the letter they have in a pattern."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phonotheque.cli.demo.synthesis import RATE, Sound, damp, noise, partials, sing, times, wavetable

Drum = Callable[[float, np.random.Generator], Sound]


def bass_drum(strength: float, random: np.random.Generator) -> Sound:
    """A skin whose pitch falls as its swing grows smaller."""
    t = times(0.35)
    tone = sing(wavetable((1.0,)), 52 + 70 * np.exp(-t / 0.025))
    return strength * damp(tone * np.exp(-t / 0.09).astype(np.float32), 0.25, 0.1)


def brush(strength: float, random: np.random.Generator) -> Sound:
    """A brush on a snare drum."""
    decay = np.exp(-times(0.22) / 0.05).astype(np.float32)
    return 0.16 * strength * decay * noise(0.22, 900, 7000, random)


def shaker(strength: float, random: np.random.Generator) -> Sound:
    """Seeds in a gourd."""
    t = times(0.09)
    swing = (np.clip(t / 0.02, 0, 1) * np.exp(-t / 0.025)).astype(np.float32)
    return 0.12 * strength * swing * noise(0.09, 4500, 11000, random)


def frame_drum(strength: float, random: np.random.Generator) -> Sound:
    """A hand on a round membrane: the zeros of Bessel functions give its partials."""
    ratio = np.array([1.0, 1.594, 2.136, 2.296, 2.653, 2.918])
    level = np.array([0.6, 0.35, 0.2, 0.15, 0.1, 0.08])
    skin = partials(98 * ratio, level, 9 * ratio**0.8, 0.5)
    slap = noise(0.03, 300, 2500, random)
    slap *= np.exp(-np.arange(len(slap)) / (0.008 * RATE)).astype(np.float32)
    skin[: len(slap)] += 0.12 * slap
    return 0.8 * strength * damp(skin, 0.4, 0.1)


DRUMS: dict[str, Drum] = {"k": bass_drum, "s": brush, "h": shaker, "t": frame_drum}
