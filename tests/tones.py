"""Tiny sound files, made at run time. Equal seeds give equal bytes, different seeds different music."""

from __future__ import annotations

import random
import struct
import wave
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

RATE = 8000


def wav(path: Path, seed: int = 1, *, frames: int = 2000) -> Path:
    """Write noise as WAV, mono, 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(random.Random(seed).randbytes(2 * frames))
    return path


def flac(path: Path, seed: int = 1, tags: Mapping[str, str] | None = None, *, seconds: float = 0.5) -> Path:
    """Write noise as FLAC, with Vorbis comments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-8000, 8000, round(RATE * seconds), dtype=np.int16)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        container.metadata.update(tags or {})
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def encrypted(path: Path) -> Path:
    """Write an MP4 file of nothing but boxes, whose one track says that it is encrypted (enca)."""

    def box(kind: bytes, *content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)

    entry = box(
        b"enca", bytes(28), box(b"sinf", box(b"frma", b"mp4a"), box(b"schm", bytes(4), b"cenc", bytes(4)))
    )
    stsd = box(b"stsd", bytes(4), struct.pack(">I", 1), entry)
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stsd))))
    path.write_bytes(box(b"ftyp", b"M4A \0\0\0\0M4A ") + box(b"moov", track) + box(b"mdat", bytes(64)))
    return path
