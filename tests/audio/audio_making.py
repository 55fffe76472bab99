"""Small sound files made at run time, in the formats that the audio room must know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

RATE = 44_100


@dataclass(frozen=True)
class Kind:
    """How to write one kind of file."""

    name: str
    container: str
    codec: str
    form: str  # sample format the encoder takes
    rate: int = RATE
    options: tuple[tuple[str, str], ...] = ()


FLAC = Kind("a.flac", "flac", "flac", "s16")
WAV = Kind("a.wav", "wav", "pcm_s16le", "s16")
AIFF = Kind("a.aiff", "aiff", "pcm_s16be", "s16")
MP3 = Kind("a.mp3", "mp3", "libmp3lame", "fltp")
_BARE = (("write_xing", "0"), ("id3v2_version", "0"))
PLAIN_MP3 = Kind("plain.mp3", "mp3", "libmp3lame", "fltp", options=_BARE)
OPUS = Kind("a.opus", "ogg", "libopus", "flt", 48_000, (("page_duration", "200000"),))
AAC = Kind("a.m4a", "mp4", "aac", "fltp")
FAST_AAC = Kind("fast.m4a", "mp4", "aac", "fltp", options=(("movflags", "faststart"),))
ALAC = Kind("alac.m4a", "mp4", "alac", "s16p")
WAVPACK = Kind("a.wv", "wv", "wavpack", "s16p")
TTA = Kind("a.tta", "tta", "tta", "s16")
MATROSKA = Kind("a.mka", "matroska", "libopus", "flt", 48_000)
WMA = Kind("a.wma", "asf", "wmav2", "fltp")
OGG_FLAC = Kind("a.oga", "ogg", "flac", "s16", options=(("page_duration", "200000"),))
ADTS = Kind("a.aac", "adts", "aac", "fltp")
WEBM = Kind("a.webm", "webm", "libopus", "flt", 48_000)
MP2 = Kind("a.mp2", "mp2", "mp2", "s16")
CAF = Kind("a.caf", "caf", "pcm_s16le", "s16")
WAVE64 = Kind("a.w64", "w64", "pcm_s16le", "s16")
AU = Kind("a.au", "au", "pcm_s16be", "s16")
KINDS = (FLAC, WAV, AIFF, MP3, PLAIN_MP3, OPUS, AAC, ALAC, WAVPACK, TTA, MATROSKA, WMA)

CENC = Kind(
    "cenc.m4a",
    "mp4",
    "aac",
    "fltp",
    options=(
        ("encryption_scheme", "cenc-aes-ctr"),
        ("encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"),
        ("encryption_kid", "a7e61c373e219033c21091fa607bf3b8"),
    ),
)


def music(seconds: float, *, seed: int = 1, rate: int = RATE) -> NDArray[np.int16]:
    """Return stereo chords that change twice a second, shape (samples, 2)."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    out = np.zeros((count, 2))
    for start in range(0, count, rate // 2):
        part = slice(start, start + rate // 2)
        fade = np.exp(-3 * (time[part] - start / rate))[:, None]
        for note in random.integers(45, 80, 4):
            wave = np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time[part])[:, None]
            out[part] += wave * fade * random.uniform(0.2, 1, 2)
    noise = random.normal(0, 0.01, out.shape)
    return np.asarray((out / 5 + noise).clip(-1, 1) * 32_000, dtype=np.int16)


def write_vorbis(path: Path, samples: NDArray[np.int16]) -> Path:
    """Write Ogg Vorbis by libsndfile, as most programs do: FFmpeg's own encoder is another."""
    soundfile.write(path, samples, RATE, format="OGG", subtype="VORBIS")
    return path


def write(
    path: Path, kind: Kind, samples: NDArray[np.int16], *, codec_options: dict[str, str] | None = None
) -> Path:
    """Write ``samples``, shape (samples, channels), as ``kind``."""
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=kind.container, options=dict(kind.options)) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.format = kind.form
        stream.codec_context.options = codec_options or {}
        if kind.codec in ("libmp3lame", "aac", "wmav2"):
            stream.bit_rate = 128_000
        for start in range(0, len(samples), 4096):
            piece = np.ascontiguousarray(samples[start : start + 4096])
            frame = AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate = kind.rate
            container.mux(stream.encode(frame))
        # FLAC's encoder ends with a packet of no sound that states its MD5: only its own container takes it.
        container.mux([p for p in stream.encode(None) if p.size or kind.container != "ogg"])
    return path
