"""Fingerprints made up in any number, whose values are shared as often as those of real music are.

A recording takes blocks of 24 values from anywhere in one real fingerprint, and each block has some bits
flipped throughout, as many as make strangers share values as often as 217 different pieces of real music did:
1 pair in 1,070 shared one value of an indexed forty with a whole fingerprint, 1 in 9,400 two. What it comes
to is printed beside what it is for the music that was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.audio.sameness import EVERY, question, sample

BLOCKS: Final = 40
_AT_ONCE: Final = 50_000  # recordings made together

Values = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Made:
    """Recordings: ``places`` in the real values and ``masks`` of flipped bits, both (recordings, BLOCKS)."""

    first: int
    places: NDArray[np.int64]
    masks: Values


class MadeUp:
    """Recordings made from real fingerprints, the same for the same seed."""

    def __init__(self, real: Sequence[bytes], seed: int = 1) -> None:
        long = [np.frombuffer(one, "<u4") for one in real if sample(one) is not None]
        self._values = np.concatenate(long)
        self._begin = np.cumsum([0, *(len(one) for one in long[:-1])])
        self._length = np.array([len(one) for one in long])
        self._seed = seed

    def chunks(self, count: int) -> Iterator[Made]:
        """Yield ``count`` recordings, some thousands at a time."""
        for first in range(0, count, _AT_ONCE):
            yield self._chunk(first, min(_AT_ONCE, count - first))

    def indexed(self, made: Made) -> Values:
        """Return what an index keeps of them, shape (recordings, BLOCKS), not sorted."""
        found: Values = self._values[made.places] ^ made.masks
        return found

    def whole(self, made: Made, row: int) -> Values:
        """Return one of them from beginning to end."""
        at = np.minimum(made.places[row][:, None] + np.arange(EVERY), len(self._values) - 1)
        found: Values = (self._values[at] ^ made.masks[row][:, None]).ravel()
        return found

    def _chunk(self, first: int, count: int) -> Made:
        chance = np.random.default_rng((self._seed, first))
        base = chance.integers(0, len(self._begin), count)
        within = (chance.random((count, BLOCKS)) * self._length[base][:, None]).astype(np.int64)
        # Each bit is flipped with a probability of 3/32.
        a, b, c, d, e = (chance.integers(0, 1 << 32, (count, BLOCKS), dtype=np.uint32) for _ in range(5))
        return Made(first, self._begin[base][:, None] + within, a & b & c & (d | e))


def copy_of(values: Values, chance: np.random.Generator) -> Values:
    """Return a re-encoded copy that begins up to 3 s later: .02 of the bits differ, in a third of places."""
    flips = chance.random((len(values), 32)) < 0.06
    flips &= chance.random(len(values))[:, None] < 1 / 3
    errors: Values = np.packbits(flips, axis=1, bitorder="little").view("<u4").ravel()
    found: Values = (values ^ errors)[chance.integers(0, EVERY) :]
    return found


def shared(fingerprints: Sequence[Values]) -> dict[int, float]:
    """Return the share of pairs that have 1, 2, 3 … values in common, one side indexed, the other whole."""
    owners: dict[int, list[int]] = {}
    for number, values in enumerate(fingerprints):
        for value in np.unique(values[::EVERY]).tolist():
            owners.setdefault(value, []).append(number)
    hits: Counter[tuple[int, int]] = Counter()
    for number, values in enumerate(fingerprints):
        for value in question(values.tobytes()).tolist():
            for other in owners.get(value, ()):
                if other != number:
                    hits[number, other] += 1
    pairs = len(fingerprints) * (len(fingerprints) - 1)
    return {count: found / pairs for count, found in sorted(Counter(hits.values()).items())}
