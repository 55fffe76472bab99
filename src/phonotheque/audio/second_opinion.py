"""A second opinion, libsndfile's, on Ogg files that FFmpeg refuses and players play (bad times)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, cast

import numpy as np
import soundfile
from av.audio.frame import AudioFrame

from phonotheque.audio.decode import Consumer, Stream, UndecodableError, decode
from phonotheque.audio.id3 import WithoutTail, tags_begin

_TAG_BLIND = ("flac", "aac")  # FFmpeg takes tags behind these for damaged sound
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def decode_somehow(
    file: BinaryIO, consumers: Sequence[Consumer], *, demuxer: str | None
) -> tuple[Stream, tuple[str, ...]]:
    """Decode by FFmpeg, or by libsndfile an Ogg file that FFmpeg refuses: a remark then says so.

    Raises UndecodableError when neither finds a sample, and OSError as ``file`` raises it.
    """
    try:
        return decode(_without_tags(file) if demuxer in _TAG_BLIND else file, consumers, demuxer=demuxer), ()
    except UndecodableError as error:
        if demuxer != "ogg":
            raise
        try:
            stream = _by_libsndfile(file, consumers)
        except UndecodableError as second:
            raise UndecodableError(f"{error.message}; {second.message}") from error
        return stream, (f"decoded by libsndfile, because FFmpeg would not: {error.message}",)


def _without_tags(file: BinaryIO) -> BinaryIO:
    size = file.seek(0, os.SEEK_END)
    return cast("BinaryIO", WithoutTail(file, tags_begin(file, size)))


def _by_libsndfile(file: BinaryIO, consumers: Sequence[Consumer]) -> Stream:
    """Decode ``file`` into ``consumers`` as decode() does, as 32-bit floats; UndecodableError if not."""
    file.seek(0)
    count = 0
    try:
        with soundfile.SoundFile(file) as sound:
            rate, channels = int(sound.samplerate), int(sound.channels)
            if channels not in _LAYOUTS:
                raise UndecodableError(f"libsndfile finds {channels} channels")
            for block in sound.blocks(blocksize=rate, dtype="float32", always_2d=True):
                samples = np.ascontiguousarray(block)
                frame = AudioFrame.from_ndarray(
                    samples.reshape(1, -1), format="flt", layout=_LAYOUTS[channels]
                )
                frame.sample_rate = rate
                count += len(samples)
                for consumer in consumers:
                    consumer.feed(frame, samples)
            codec = str(sound.subtype).lower()
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UndecodableError(f"libsndfile: {error}") from error
    if not count:
        raise UndecodableError("libsndfile decodes not one sample")
    return Stream("ogg", codec, rate, channels, "flt", count, None, None, None)
