"""Decoded samples as arrays, and the hash that names them."""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

Samples = NDArray[Any]  # shape (samples, channels), in the decoder's native type

_TYPES: Final[dict[str, str]] = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}


class PcmHash:
    """SHA-256 of the decoded samples: the same for every file that holds the same sound. A consumer.

    What is hashed, exactly: the samples in the decoder's native sample format (unsigned 8, signed 16, 32 or
    64 bit, float 32 or 64 bit), interleaved by channel, little-endian, after the container's own trimming of
    encoder delay and padding, with nothing before, between or after them. Rate, channel count and format are
    not hashed; they stand beside the hash. Retagged files are therefore equal, as are lossless encodings of
    the same sound at the same bit depth (24-bit samples arrive in the upper bits of 32). Decoders of lossy
    codecs compute with floats: their hash is comparable between files read by the same FFmpeg on the same
    kind of processor, and is not a promise beyond that.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch."""
        self._hash.update(little_endian(samples))

    def result(self) -> str:
        """Return the hash in hex."""
        return self._hash.hexdigest()


def interleaved(frame: AudioFrame) -> Samples:
    """Return the samples of ``frame``, shape (samples, channels). Packed ones are a view, not a copy."""
    kind = np.dtype(_TYPES[frame.format.packed.name])
    count, channels = frame.samples, frame.layout.nb_channels
    if not frame.format.is_planar or channels == 1:
        return _view(frame.planes[0], kind, count * channels).reshape(count, channels)
    out = np.empty((count, channels), dtype=kind)
    planes = frame.planes  # there may be more than channels
    for channel in range(channels):
        out[:, channel] = _view(planes[channel], kind, count)
    return out


def little_endian(samples: Samples) -> memoryview[Any]:
    """Return the bytes of ``samples`` as they lie in a WAV file; no copy on little-endian machines."""
    ordered = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("<"), copy=False))
    return ordered.data.cast("B")


def _view(plane: AudioPlane, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    # A plane speaks the buffer protocol, which PyAV's types do not say.
    return np.frombuffer(cast("memoryview[int]", plane), dtype=kind, count=count)
