"""How the sound is stored, in the words of the model."""

from __future__ import annotations

import re
from typing import Final

from phonotheque.audio.decode import Stream
from phonotheque.audio.flac import StreamInfo
from phonotheque.model.audio import Technical

_CONTAINERS: Final = {"mov": "mp4", "aac": "adts"}  # the rest go by the first of FFmpeg's names
_LOSSLESS: Final = frozenset(
    {"alac", "ape", "dst", "flac", "mlp", "mp4als", "shorten", "tak", "truehd", "tta", "wavpack"}
)
_PCM: Final = re.compile(r"pcm_[sfu](\d+)|pcm_s(8)")
_DEPTHS: Final = {"u8": 8, "s16": 16}  # s32 may hold 17 to 32 bits


def describe(stream: Stream, size: int, streaminfo: StreamInfo | None) -> Technical:
    """Return the technical facts of a file of ``size`` bytes; the bit rate is the mean over all of it."""
    duration = stream.duration
    codec = stream.codec
    lossless = codec in _LOSSLESS or codec.startswith("dsd_") or _PCM.match(codec) is not None
    first = stream.container.split(",")[0]
    return Technical(
        container=_CONTAINERS.get(first, first),
        codec=codec,
        duration=duration,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        bit_rate=round(size * 8 / duration),
        bits_per_sample=_depth(stream, streaminfo) if lossless else None,
        lossless=lossless,
    )


def _depth(stream: Stream, streaminfo: StreamInfo | None) -> int | None:
    if streaminfo is not None:
        return streaminfo.bits_per_sample
    if stream.codec.startswith("dsd_"):
        return 1
    if match := _PCM.match(stream.codec):
        return int(match[1])
    return stream.bits_per_sample or _DEPTHS.get(stream.sample_format)
