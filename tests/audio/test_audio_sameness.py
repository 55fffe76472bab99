"""Which fingerprints sound alike: found through the sparse index, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonotheque.audio.sameness import alike


def fingerprint(seed: int, length: int = 900) -> NDArray[np.uint32]:
    return np.random.default_rng(seed).integers(0, 2**32, length, dtype=np.uint32)


def with_errors(values: NDArray[np.uint32], rate: float, seed: int) -> NDArray[np.uint32]:
    flips = np.random.default_rng(seed).random((len(values), 32)) < rate
    errors: NDArray[np.uint32] = np.packbits(flips, axis=1, bitorder="little").view("<u4").ravel()
    return values ^ errors


def data(values: NDArray[np.uint32]) -> bytes:
    return values.astype("<u4").tobytes()


def test_finds_a_re_encoded_and_shifted_copy_and_no_stranger() -> None:
    original = fingerprint(1)
    copy = with_errors(original, 0.02, 2)[10:]
    found = list(alike([data(fingerprint(3)), data(original), data(fingerprint(4)), data(copy)]))
    assert [(a, b) for a, b, _ in found] == [(1, 3)]
    assert found[0][2] < 0.05


def test_nothing_and_one_have_no_pairs() -> None:
    assert list(alike([])) == []
    assert list(alike([data(fingerprint(1))])) == []


def test_silence_shared_by_many_is_no_evidence() -> None:
    silence = np.zeros(300, dtype=np.uint32)
    songs = [np.concatenate([silence, fingerprint(seed)]) for seed in range(60)]
    assert list(alike([data(song) for song in songs])) == []


def test_an_empty_fingerprint_is_like_nothing() -> None:
    assert list(alike([b"", data(fingerprint(1)), b""])) == []
