"""Fingerprints made up for tests: equal seeds give equal ones, different seeds different music."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.uint32]


def fingerprint(seed: int, length: int = 900) -> Values:
    return np.random.default_rng(seed).integers(0, 2**32, length, dtype=np.uint32)


def with_errors(values: Values, rate: float, seed: int) -> Values:
    """Return a re-encoded copy: each bit is wrong with the probability ``rate``."""
    flips = np.random.default_rng(seed).random((len(values), 32)) < rate
    errors: Values = np.packbits(flips, axis=1, bitorder="little").view("<u4").ravel()
    return values ^ errors


def data(values: Values) -> bytes:
    return values.astype("<u4").tobytes()
