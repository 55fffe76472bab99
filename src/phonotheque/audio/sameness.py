"""Which files sound alike: candidates from a sparse index of fingerprints, then the bit error rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from phonotheque.audio.fingerprint import bit_error_rate

ALIKE = 0.20  # bit error rate above which two fingerprints say nothing of one another
_EVERY = 24  # one sub-fingerprint in so many is indexed
_HITS = 3  # indexed sub-fingerprints that a candidate must share
_COMMON = 50  # a value found in more files than this (silence, hum) tells nothing


def alike(fingerprints: Sequence[bytes]) -> Iterator[tuple[int, int, float]]:
    """Yield (i, j, bit error rate) with i < j for every pair of fingerprints that sound alike.

    Below 0.10 they are one recording, up to 0.20 it is for a person to say; the catalogue draws that line
    (docs/catalogue.md). Memory is about 4 kB per fingerprint.
    """
    values = [np.frombuffer(fingerprint, dtype="<u4") for fingerprint in fingerprints]
    for first, second in _candidates(values):
        alignment = bit_error_rate(fingerprints[first], fingerprints[second])
        if alignment.ber < ALIKE:
            yield first, second, alignment.ber


def _candidates(values: Sequence[NDArray[np.uint32]]) -> list[tuple[int, int]]:
    if not values:
        return []
    sampled = [np.unique(value[::_EVERY]) for value in values]
    keys = np.concatenate(sampled)
    owners = np.repeat(np.arange(len(sampled)), [len(part) for part in sampled])
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    # Short sounds have few indexed values; half of them is then enough.
    needed = np.array([min(_HITS, len(part) / 2) for part in sampled])
    pairs: set[tuple[int, int]] = set()
    for query, value in enumerate(values):
        asked = np.unique(value)
        low = np.searchsorted(keys, asked, "left")
        high = np.searchsorted(keys, asked, "right")
        useful = (high > low) & (high - low <= _COMMON)
        hits = [owners[a:b] for a, b in zip(low[useful], high[useful], strict=True)]
        if not hits:
            continue
        found, counts = np.unique(np.concatenate(hits), return_counts=True)
        for other in found[counts >= needed[found]].tolist():
            if other != query:
                pairs.add((min(query, other), max(query, other)))
    return sorted(pairs)
