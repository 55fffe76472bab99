"""Chance as a pure function: the same number for the same thing, whoever asks and in whatever order.

Every fact of the generated catalogue is a function of the seed and of a number (of a row, recording, album or
artist). So any piece of it can be made alone, and a recording can be told twice without being remembered.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_STEP = 0x9E3779B97F4A7C15  # of SplitMix64
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


def chance(seed: int, purpose: str, numbers: NDArray[Any]) -> Hashes:
    """Return 64 random bits for each number: its place in a sequence of SplitMix64, one for each purpose."""
    start = (zlib.crc32(purpose.encode()) << 32 | seed & 0xFFFFFFFF) * _STEP % 2**64
    z = numbers.astype(np.uint64)
    z *= np.uint64(_STEP)
    z += np.uint64(start)
    z ^= z >> _30
    z *= _MIX_1
    z ^= z >> _27
    z *= _MIX_2
    z ^= z >> _31
    return z


def part(bits: Hashes, which: int) -> Floats:
    """Return a number in [0, 1) from one of the three thirds (0, 1, 2) of random bits."""
    third = (bits >> np.uint64(21 * which + 1)) & np.uint64(0x1FFFFF)
    return third.astype(np.float32) * np.float32(2**-21)


def below(bits: Hashes, limit: int | NDArray[Any]) -> Longs:
    """Return whole numbers from 0 up to but without ``limit`` (itself below 2**31), evenly."""
    scaled: Hashes = ((bits >> np.uint64(33)) * np.asarray(limit).astype(np.uint64)) >> _31
    return scaled.astype(np.int64)


def favouring(bits: Hashes, limit: int) -> Longs:
    """Return numbers below ``limit`` whose chance falls with the square root of their rank."""
    share = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.minimum((share * share * limit).astype(np.int64), limit - 1)


def zipf(share: Floats, limit: NDArray[Any] | int, flat: float) -> Longs:
    """Return ranks below ``limit`` by the law of Zipf and Mandelbrot: chance ∝ 1 / (rank + ``flat``)."""
    reach = np.log((np.asarray(limit) + flat) / flat).astype(np.float32)
    ranks = (np.exp(share * reach) * np.float32(flat) - np.float32(flat)).astype(np.int64)
    least: Longs = np.minimum(ranks, np.asarray(limit) - 1)
    return least


def scatter(count: int) -> tuple[int, int]:
    """Return two factors: multiplying by them modulo ``count`` sends every number elsewhere, and back."""
    factor = max(1, int(count * 0.6180339887))
    while np.gcd(factor, count) != 1:
        factor += 1
    return factor, pow(factor, -1, count) if count > 1 else 0
