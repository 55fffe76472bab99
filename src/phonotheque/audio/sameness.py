"""When two sounds are one recording: what of a fingerprint is indexed and asked, and how two are judged.

An index holds every 24th value of each fingerprint, some forty; a question has all of its values, some nine
hundred, so that the places where it was cut do not matter. Whoever shares three is compared bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.audio.fingerprint import MIN_OVERLAP, BestAlignment

SAME: Final = 0.10  # bit error rate below which two fingerprints are of one recording
ALIKE: Final = 0.20  # and above which they say nothing of one another; between, a person has to listen
TOLERANCE: Final = 3.0  # seconds by which the lengths of one recording's copies may differ
FARTHEST: Final = 240  # places (30 s) by which they may begin apart: farther, one is a part of the other
EVERY: Final = 24  # one value in so many is indexed
HITS: Final = 3  # indexed values that a question must share
COMMON: Final = 50  # a value that more files have than this (silence, hum) tells nothing
MOST: Final = 1000  # candidates compared for one question, those that share most

_VARIED: Final = 16  # different values: a fingerprint with fewer is of silence, hum or one held note
_ALIGNMENTS: Final = 16  # places compared bit by bit: those where most values fall together

Values = NDArray[np.uint32]


class Likeness(StrEnum):
    """What two fingerprints and lengths say of one another."""

    SAME = "same"  # one recording
    LENGTH = "length"  # the same sound where both have it; one goes on for longer, or begins earlier
    PERHAPS = "perhaps"  # for a person to say
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Sample:
    """What an index keeps of a fingerprint. ``needed`` of ``values`` make a hit: short sounds have few."""

    values: Values
    needed: int


def sample(fingerprint: bytes) -> Sample | None:
    """Return what is indexed of a fingerprint; None where it is too short or too dull to tell anything."""
    all_values = np.frombuffer(fingerprint, dtype="<u4")
    if len(all_values) < MIN_OVERLAP or len(np.unique(all_values)) < _VARIED:
        return None
    values = np.unique(all_values[::EVERY])
    return Sample(values, min(HITS, -(-len(values) // 2)))


def question(fingerprint: bytes) -> Values:
    """Return the values that an index is asked for, sorted; none where ``sample`` is None."""
    all_values = np.frombuffer(fingerprint, dtype="<u4")
    values = np.unique(all_values)
    return values if len(all_values) >= MIN_OVERLAP and len(values) >= _VARIED else values[:0]


def align(a: bytes, b: bytes) -> BestAlignment:
    """Return how two fingerprints agree at the best of those places where most of their values are equal.

    ``b[i]`` lies on ``a[i + offset]``. What shares no value at all does not agree anywhere (rate 1.0).
    """
    left, right = np.frombuffer(a, dtype="<u4"), np.frombuffer(b, dtype="<u4")
    order = np.argsort(left, kind="stable")
    low = np.searchsorted(left[order], right, "left")
    count = np.searchsorted(left[order], right, "right") - low
    at_right = np.repeat(np.arange(len(right)), count)
    at_left = order[np.arange(len(at_right)) + np.repeat(low - (np.cumsum(count) - count), count)]
    votes = np.bincount(at_left - at_right + len(right))
    best = BestAlignment(1.0, 0, 0)
    # Stable, and of equally many the first: the same two give the same answer.
    for place in np.argsort(-votes, kind="stable")[:_ALIGNMENTS].tolist():
        if not votes[place]:
            break
        found = _at(left, right, place - len(right))
        if found.overlap >= MIN_OVERLAP and found.ber < best.ber:
            best = found
    return best


def judge(alignment: BestAlignment, seconds_a: float, seconds_b: float) -> Likeness:
    """Say what an alignment means for two sounds of these lengths.

    Fingerprints tell of the first two minutes: two long recordings that begin alike, and are not as long as
    one another, are not the same.
    """
    if alignment.ber >= ALIKE:
        return Likeness.DIFFERENT
    if alignment.ber >= SAME:
        return Likeness.PERHAPS
    if abs(seconds_a - seconds_b) > TOLERANCE or abs(alignment.offset) > FARTHEST:
        return Likeness.LENGTH
    return Likeness.SAME


def _at(left: Values, right: Values, offset: int) -> BestAlignment:
    x, y = left[max(0, offset) :], right[max(0, -offset) :]
    overlap = min(len(x), len(y))
    if not overlap:
        return BestAlignment(1.0, offset, 0)
    wrong = int(np.bitwise_count(x[:overlap] ^ y[:overlap]).sum(dtype=np.int64))
    return BestAlignment(wrong / (32 * overlap), offset, overlap)
