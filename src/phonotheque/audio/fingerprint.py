"""Chromaprint fingerprints (algorithm 2, the default of fpcalc and AcoustID) and how alike two are.

The sound of the first 120 s, as mono 16-bit samples at 11,025 Hz, is cut into overlapping frames; each
frame's spectrum is folded into the twelve notes of an octave; sixteen small filters over the resulting
picture of notes against time give two bits each: one 32-bit number every 0.124 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from phonotheque.audio.filters import FilterChain
from phonotheque.audio.samples import Samples, interleaved

RATE: Final = 11_025  # Hz
SECONDS: Final = 120  # only the beginning is fingerprinted, as AcoustID does
FRAME: Final = 4096  # samples
STEP: Final = FRAME // 3  # 1365 samples: 0.124 s
WIDTH: Final = 16  # frames seen by the widest classifier
MIN_OVERLAP: Final = 80  # frames (10 s): less proves nothing

_NOTES = 12
_MIN_HZ, _MAX_HZ, _A0_HZ = 28, 3520, 27.5
_SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)  # over five frames
_QUIET = 0.01  # a frame with a smaller norm counts as silence
_GRAY = np.array([0, 1, 3, 2], dtype=np.uint32)
# libchromaprint resamples with a short filter; these settings make swresample agree with it to the bit.
_RESAMPLE = "{rate}:filter_size=16:phase_shift=8:cutoff=0.8"

_MONO = "sample_fmts=s16:channel_layouts=mono"

# The trained parameters of algorithm 2: filter shape, lowest note, notes high, frames wide, three thresholds.
_CLASSIFIERS: Final = (
    (0, 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    (4, 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    (1, 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    (3, 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    (3, 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    (4, 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    (1, 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    (2, 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    (2, 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    (2, 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    (5, 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    (3, 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    (2, 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    (3, 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    (1, 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    (3, 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)


@dataclass(frozen=True, slots=True)
class BestAlignment:
    """How two fingerprints agree where they agree best. ``b[i]`` lies on ``a[i + offset]``.

    ``ber`` is the share of bits that differ: about .01 for a re-encode, .49 for unrelated music.
    ``overlap`` is in frames; it is 0, and ``ber`` 1.0, when the two have too little to compare.
    """

    ber: float
    offset: int
    overlap: int


class Fingerprinter:
    """A consumer of decoded sound; keeps at most 2.6 MB, whatever the length.

    With a ``speed`` other than 1, the sound is heard as it was before somebody played it that much faster.
    """

    def __init__(self, speed: float = 1.0) -> None:
        resample = _RESAMPLE.format(rate=round(RATE * speed))
        self._chain = FilterChain(("aresample", resample), ("aformat", _MONO))
        self._pieces: list[NDArray[np.int16]] = []
        self._missing = SECONDS * RATE

    @property
    def failure(self) -> str | None:
        """Why there is no result although there is sound, or None."""
        return self._chain.failure

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch; cheap once the first 120 s have been seen."""
        if self._missing > 0:
            self._keep(self._chain.push(frame))

    def result(self) -> bytes:
        """Return the fingerprint, little-endian uint32s; empty if there was less than about 3 s."""
        if self._missing > 0:
            self._keep(self._chain.push(None))
        if not self._pieces:
            return b""
        return fingerprint_from_samples(np.concatenate(self._pieces))

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            piece = interleaved(frame)[: self._missing, 0].copy()
            self._missing -= len(piece)
            self._pieces.append(piece)


def fingerprint_from_samples(samples: NDArray[np.int16]) -> bytes:
    """Return the fingerprint of mono 16-bit ``samples`` at 11,025 Hz, shape (n,). Only 120 s count."""
    notes = _normalise(_smooth(_chroma(samples[: SECONDS * RATE])))
    if len(notes) < WIDTH:
        return b""
    sums = np.zeros((len(notes) + 1, _NOTES + 1))
    np.cumsum(np.cumsum(notes, axis=0), axis=1, out=sums[1:, 1:])
    codes = np.zeros(len(notes) - WIDTH + 1, dtype=np.uint32)
    for shape, low, height, width, thresholds in _CLASSIFIERS:
        values = _filter(sums, len(codes), shape, low, height, width)
        codes = (codes << np.uint32(2)) | _GRAY[np.searchsorted(thresholds, values, side="right")]
    return codes.astype("<u4").tobytes()


def bit_error_rate(a: bytes, b: bytes, *, max_offset: int = 240) -> BestAlignment:
    """Slide ``b`` over ``a`` by up to ``max_offset`` frames (0.124 s each) and return the best agreement."""
    left, right = np.frombuffer(a, dtype="<u4"), np.frombuffer(b, dtype="<u4")
    best = BestAlignment(1.0, 0, 0)
    first = max(-max_offset, MIN_OVERLAP - len(right))
    last = min(max_offset, len(left) - MIN_OVERLAP)
    for offset in range(first, last + 1):
        x, y = left[max(0, offset) :], right[max(0, -offset) :]
        overlap = min(len(x), len(y))
        if overlap < MIN_OVERLAP:
            continue
        wrong = int(np.bitwise_count(x[:overlap] ^ y[:overlap]).sum(dtype=np.int64))
        if (ber := wrong / (32 * overlap)) < best.ber:
            best = BestAlignment(ber, offset, overlap)
    return best


def _note_table() -> tuple[int, int, NDArray[np.float32]]:
    """Return the first and last + 1 spectral line used, and the (lines, 12) table that adds them by note."""
    first, last = round(FRAME * _MIN_HZ / RATE), round(FRAME * _MAX_HZ / RATE)
    table = np.zeros((last - first, _NOTES), dtype=np.float32)
    for line in range(first, last):
        octave = math.log2(line * RATE / FRAME / _A0_HZ)
        table[line - first, int(_NOTES * (octave - math.floor(octave)))] = 1
    return first, last, table


_FIRST, _LAST, _TO_NOTES = _note_table()
_WINDOW = (np.hamming(FRAME) / 32_767).astype(np.float32)


def _chroma(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the energy per note and frame, shape (frames, 12)."""
    if len(samples) < FRAME:
        return np.zeros((0, _NOTES))
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::STEP]
    rows = np.empty((len(frames), _NOTES))
    for start in range(0, len(frames), 16):  # a quarter of a megabyte at a time stays in the cache
        spectrum = np.fft.rfft(frames[start : start + 16] * _WINDOW, axis=1)[:, _FIRST:_LAST]
        rows[start : start + 16] = (spectrum.real**2 + spectrum.imag**2) @ _TO_NOTES
    return rows


def _smooth(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    count = len(rows) - len(_SMOOTHING) + 1
    if count <= 0:
        return np.zeros((0, _NOTES))
    total = np.zeros((count, _NOTES))
    for i, weight in enumerate(_SMOOTHING):
        total += weight * rows[i : i + count]
    return total


def _normalise(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.where(norms < _QUIET, 0.0, rows / np.maximum(norms, _QUIET))


def _filter(
    sums: NDArray[np.float64], count: int, shape: int, low: int, height: int, width: int
) -> NDArray[np.float64]:
    """Compare two areas of the picture at ``count`` moments: log((1 + light) / (1 + dark))."""

    def area(x0: int, x1: int, y0: int, y1: int) -> NDArray[np.float64]:
        columns = sums[:, low + y1] - sums[:, low + y0]
        return columns[x1 : x1 + count] - columns[x0 : x0 + count]

    whole = area(0, width, 0, height)
    if shape == 0:  # everything
        light, dark = whole, np.zeros(count)
    elif shape == 1:  # upper notes against lower
        light = area(0, width, height // 2, height)
        dark = whole - light
    elif shape == 2:  # later against earlier
        light = area(width // 2, width, 0, height)
        dark = whole - light
    elif shape == 3:  # one diagonal against the other
        light = area(0, width // 2, height // 2, height) + area(width // 2, width, 0, height // 2)
        dark = whole - light
    elif shape == 4:  # the middle third of the notes against the outer ones
        light = area(0, width, height // 3, 2 * (height // 3))
        dark = whole - light
    else:  # the middle third of the time against the outer ones
        light = area(width // 3, 2 * (width // 3), 0, height)
        dark = whole - light
    return np.log((1 + light) / (1 + dark))
