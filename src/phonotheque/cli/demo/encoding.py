"""Stereo samples into audio files, through PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from phonotheque.cli.demo.performance import Stereo
from phonotheque.cli.demo.synthesis import RATE


@dataclass(frozen=True, slots=True)
class Format:
    """How to store sound, in FFmpeg's names; ``bit_rate`` in bit/s where a codec is lossy."""

    container: str
    codec: str
    samples: str
    rate: int = RATE
    bit_rate: int | None = None
    effort: int | None = None  # FFmpeg's compression_level
    options: Mapping[str, str] = field(default_factory=dict)  # of the container


FLAC = Format("flac", "flac", "s16")
OPUS = Format("ogg", "libopus", "flt", rate=48_000, bit_rate=80_000, effort=5)
MP3 = Format("mp3", "libmp3lame", "s16p", bit_rate=160_000, effort=7)
MP3_SMALL = Format("mp3", "libmp3lame", "s16p", bit_rate=112_000, effort=7)
ALAC = Format("ipod", "alac", "s16p")
# Common Encryption (ISO/IEC 23001-7) with a key that all can read here: looks like DRM, protects nothing.
LOCKED = Format(
    "mp4",
    "aac",
    "fltp",
    bit_rate=96_000,
    options={
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "0123456789abcdef0123456789abcdef",
    },
)


def encode(sound: Stereo, path: Path, form: Format) -> None:
    """Write a new audio file. The same sound gives the same bytes (with the same FFmpeg inside PyAV)."""
    samples = np.round(sound * 32767).astype(np.int16)
    # without "bitexact", Ogg streams get a random serial number and MP4 a date
    options = {"fflags": "+bitexact", **form.options}
    with av.open(str(path), "w", format=form.container, options=options) as container:
        stream = container.add_stream(form.codec, rate=form.rate, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        encoder = stream.codec_context
        encoder.thread_count = 1
        encoder.format = av.AudioFormat(form.samples)
        if form.bit_rate is not None:
            encoder.bit_rate = form.bit_rate
        if form.effort is not None:
            encoder.options = {"compression_level": str(form.effort)}
        encoder.open()
        resampler = av.AudioResampler(form.samples, "stereo", form.rate, encoder.frame_size or 4096)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        for given in (frame, None):
            for ready in resampler.resample(given):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
