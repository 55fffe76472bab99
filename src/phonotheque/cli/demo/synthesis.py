"""What instruments are made of: decaying partials, wavetables, noise and envelopes.

Everything is mono float32 at ``RATE``. Randomness is passed in: a piece sounds the same each time.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

RATE = 44_100  # Hz
_BLOCK, _BATCH = 512, 4
_TABLE = 2048
_HISS = 1 << 17

Sound = NDArray[np.float32]
Curve = NDArray[np.float64]


def times(seconds: float) -> Curve:
    """Return the moments of all samples in ``seconds``, beginning at zero."""
    return np.arange(round(seconds * RATE)) / RATE


def partials(frequencies: Curve, amplitudes: Curve, decays: Curve, seconds: float) -> Sound:
    """Sum damped sinusoids ``a·exp(-d·t)·sin(2π·f·t)``: what a struck or plucked body does. Hz and 1/s.

    With t = block start + offset, every term splits into a factor per block and a factor per offset,
    so the whole bank is a matrix product instead of a sine per sample and partial.
    """
    audible = frequencies < 0.45 * RATE
    pole = 2j * np.pi * frequencies[audible] - decays[audible]
    count = round(seconds * RATE)
    starts = np.arange(-(-count // (_BLOCK * _BATCH)) * _BATCH) * (_BLOCK / RATE)
    offsets = np.arange(_BLOCK) / RATE
    left = np.exp(np.outer(starts, pole)) * amplitudes[audible]
    right = np.exp(np.outer(pole, offsets))
    # Im(left · right), as one real product; in small batches, which BLAS does not split among threads,
    # so that the number of processors cannot change the sum's last digits
    rows = np.hstack([left.real, left.imag]).astype(np.float32).reshape(-1, _BATCH, 2 * len(pole))
    columns = np.vstack([right.imag, right.real]).astype(np.float32)
    return (rows @ columns).ravel()[:count]


@cache
def wavetable(harmonics: tuple[float, ...]) -> Sound:
    """Return one period with the given harmonic amplitudes, peak 1, and its first sample again at the end."""
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(harmonics) + 1] = -1j * np.asarray(harmonics)
    period = np.fft.irfft(spectrum)
    period /= np.abs(period).max()
    return np.append(period, period[0]).astype(np.float32)


def sing(table: Sound, hertz: Curve, phase: float = 0.0) -> Sound:
    """Play a wavetable along a curve of frequencies; ``phase`` is in periods."""
    position = (phase + np.cumsum(hertz) / RATE) % 1.0 * _TABLE
    index = position.astype(np.int32)
    fraction = (position - index).astype(np.float32)
    below = table[index]
    return below + fraction * (table[index + 1] - below)


def vibrato(hertz: float, seconds: float, *, depth: float, rate: float = 5.2, delay: float = 0.15) -> Curve:
    """Return a frequency curve that begins straight and then sways by ``depth`` (0.01 is 17 cents)."""
    t = times(seconds)
    onset = np.clip((t - delay) / 0.3, 0.0, 1.0)
    return hertz * (1.0 + depth * onset * np.sin(2 * np.pi * rate * (t - delay)))


def noise(seconds: float, low: float, high: float, random: np.random.Generator) -> Sound:
    """Return noise between two frequencies in Hz (with gentle slopes outside), RMS 1."""
    start = int(random.integers(_HISS))
    return np.take(
        _hiss(round(low), round(high)), np.arange(start, start + round(seconds * RATE)), mode="wrap"
    )


@lru_cache(maxsize=64)
def _hiss(low: int, high: int) -> Sound:
    """Return a loop of noise; filtering its spectrum keeps it seamless."""
    spectrum = np.fft.rfft(np.random.default_rng(low).standard_normal(_HISS, dtype=np.float32))
    hertz = np.maximum(np.fft.rfftfreq(_HISS, 1 / RATE), 1.0)
    spectrum *= (1.0 / (1.0 + (low / hertz) ** 4) / (1.0 + (hertz / high) ** 4)).astype(np.float32)
    sound = np.fft.irfft(spectrum, _HISS).astype(np.float32)
    return sound / np.float32(np.sqrt(np.mean(sound * sound)))


def envelope(held: float, *, attack: float, release: float, sag: float = 0.0) -> Sound:
    """Return a rounded rise, a level that sinks by ``sag`` 1/s, and a rounded fall after ``held`` s."""
    t = times(held + release)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(t / attack, 0.0, 1.0))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.clip((t - held) / release, 0.0, 1.0))
    return (rise * fall * np.exp(-sag * t)).astype(np.float32)


def damp(sound: Sound, held: float, release: float) -> Sound:
    """Let a ringing sound die away after ``held`` seconds, as under a damper, and end in silence."""
    t = np.arange(len(sound)) / RATE
    felt = np.exp(-np.maximum(t - held, 0.0) * (4.0 / release))
    end = np.clip((len(sound) / RATE - t) / 0.01, 0.0, 1.0)
    start = np.clip(t / 0.0015, 0.0, 1.0)
    return sound * (felt * end * start).astype(np.float32)
