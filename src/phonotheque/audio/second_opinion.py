"""A second opinion, libsndfile's, on Ogg files that FFmpeg refuses and players play (bad times)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import soundfile
from av.audio.frame import AudioFrame

from phonotheque.audio.decode import Consumer, Stream, UndecodableError, decode
from phonotheque.audio.id3 import tags_begin
from phonotheque.audio.ogg import links
from phonotheque.audio.riff import wrapped_ogg
from phonotheque.audio.source import Source

_TAG_BLIND = ("flac", "aac")  # FFmpeg takes tags behind these for damaged sound
_MAX_BLOCK = 192_000  # samples per channel
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def decode_somehow(
    file: BinaryIO, consumers: Sequence[Consumer], *, demuxer: str | None
) -> tuple[Stream, tuple[str, ...]]:
    """Decode by FFmpeg, or by libsndfile an Ogg file that FFmpeg refuses: a remark then says so.

    The links of an Ogg chain are decoded one by one where FFmpeg would not follow, and an Ogg file that lies
    inside of a WAVE file is decoded as what it is. Raises UndecodableError when neither finds a sample, and
    OSError as ``file`` raises it.
    """
    size = file.seek(0, os.SEEK_END)
    end = tags_begin(file, size) if demuxer in _TAG_BLIND else size
    spans = [(0, end)]
    if demuxer == "wav" and (wrapped := wrapped_ogg(file, size)):
        demuxer, spans = "ogg", [wrapped]
    if demuxer == "ogg":
        spans = list(links(file, spans[0][1], spans[0][0]))
    try:
        return decode(file, end, consumers, demuxer=demuxer, spans=spans), ()
    except UndecodableError as error:
        if demuxer != "ogg":
            raise
        try:
            stream = _by_libsndfile(Source(file, spans[-1][1], spans[0][0]), consumers)
        except UndecodableError as second:
            raise UndecodableError(f"{error.message}; {second.message}") from error
        return stream, (f"decoded by libsndfile, because FFmpeg would not: {error.message}",)


def _by_libsndfile(source: Source, consumers: Sequence[Consumer]) -> Stream:
    """Decode ``source`` into ``consumers`` as decode() does, as 32-bit floats; UndecodableError if not."""
    count = 0
    try:
        with soundfile.SoundFile(source) as sound:
            rate, channels, codec = int(sound.samplerate), int(sound.channels), str(sound.subtype).lower()
            if channels not in _LAYOUTS:
                raise UndecodableError(f"libsndfile finds {channels} channels")
            # Read until nothing comes: the length that the file claims may be without end.
            while len(samples := sound.read(min(rate, _MAX_BLOCK), dtype="float32", always_2d=True)):
                frame = AudioFrame.from_ndarray(
                    samples.reshape(1, -1), format="flt", layout=_LAYOUTS[channels]
                )
                frame.sample_rate = rate
                count += len(samples)
                for consumer in consumers:
                    consumer.feed(frame, samples)
    except (soundfile.SoundFileError, ValueError) as error:
        source.check()
        raise UndecodableError(f"libsndfile: {error}") from error
    source.check()
    if not count:
        raise UndecodableError("libsndfile decodes not one sample")
    return Stream("ogg", codec, rate, channels, "flt", count, None, None, None)
