"""The one decode: every sample of a file, in batches of a second, to every consumer that wants them.

FFmpeg runs inside this process (through PyAV), on one thread, told to report every damage it can see.
Memory does not grow with the length of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import BinaryIO, Final, Protocol

import av
import av.error
import av.logging
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec import Codec, codecs_available
from av.codec.codec import UnknownCodecError
from av.container import InputContainer
from av.packet import Packet

from phonotheque.audio.samples import Samples, interleaved
from phonotheque.audio.source import Source
from phonotheque.audio.verdict import Damage
from phonotheque.model.errors import PhonothequeError

# Demuxers for files that hold sound by themselves: no playlists, no network, no devices, nothing that opens
# other files.
DEMUXERS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,dts,eac3,flac,iff,matroska,webm,mov,mp4,mp3,mpc,mpc8,ogg,tak,tta,"
    "voc,w64,wav,wv"
)
# Not “buffer”: with it FFmpeg mutes whatever MP3 granule holds stuffing, as older encoders wrote it.
_ERR_DETECT = "crccheck+bitstream"
_BUFFER = 256 * 1024  # bytes per read: fewer calls back into Python
_MAX_BATCH = 4_000_000  # samples over all channels, whatever rate and channels a file claims
_MAX_NOTES = 20  # a badly damaged file says the same a thousand times
_NOISE: Final = re.compile(r" at PTS -?\d+")  # FFmpeg's clock, which means nothing here
_REFUSED: Final = "not on whitelist"  # in the log: a picture's decoder, not run
_MAX_STALLS = 64  # unreadable packets in a row before the rest is given up

Span = tuple[int, int]  # a part of a file: byte offsets of its beginning and its end


class UndecodableError(PhonothequeError):
    """FFmpeg finds no sound in the file that it can decode. The message is a reason for a person."""


class Consumer(Protocol):
    """Something that wants the decoded sound. Called in order, once per batch of about a second."""

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch: as FFmpeg's frame, and the same samples as an array of shape (samples, channels).

        Neither may be kept or changed. The format is the same in every batch.
        """


@dataclass(frozen=True, slots=True)
class Stream:
    """What was decoded: the first sound stream of the file. Durations in seconds, rates in Hz and bit/s."""

    container: str  # FFmpeg's name of the demuxer: "ogg", "flac", "mov,mp4,m4a,3gp,3g2,mj2", …
    codec: str
    sample_rate: int
    channels: int
    sample_format: str  # packed name of the decoder's native format: "s16", "s32", "flt", …
    samples: int  # per channel, as decoded
    declared: float | None  # duration that the container states, or None
    bit_rate: int | None  # as the container states it, or None
    bits_per_sample: int | None  # of the stored samples, where the codec has such a thing
    metadata: tuple[tuple[str, str], ...] = ()  # tags as FFmpeg reads them, its own keys
    damage: tuple[Damage, ...] = ()  # what could not be decoded, bounded
    complaints: tuple[Damage, ...] = ()  # what FFmpeg said against what it did decode, bounded

    @property
    def duration(self) -> float:
        """Length of what was decoded, in seconds."""
        return self.samples / self.sample_rate


class _Damage:
    """What was found wrong: each thing once, with when it came first and how often."""

    def __init__(self) -> None:
        self._first: dict[str, float | None] = {}
        self._count: dict[str, int] = {}
        self._more = 0

    def add(self, what: str, seconds: float | None) -> None:
        """Keep what was found ``seconds`` into the sound; None: before it began, while looking ahead."""
        if what in self._count:
            self._count[what] += 1
            if self._first[what] is None:
                self._first[what] = seconds
        elif len(self._count) < _MAX_NOTES:
            self._first[what], self._count[what] = seconds, 1
        else:
            self._more += 1

    def result(self) -> tuple[Damage, ...]:
        """Return what was found, in the order in which each came first."""
        notes = [
            Damage(f"{what} ({n:,} times)" if (n := self._count[what]) > 1 else what, seconds, near=True)
            for what, seconds in self._first.items()
        ]
        return (
            (*notes, Damage(f"and {self._more:,} more messages like these")) if self._more else tuple(notes)
        )


class _Damages:
    """What FFmpeg could not decode, and what it complained of in its log."""

    def __init__(self, logs: list[tuple[int, str, str]]) -> None:
        self._logs = logs
        self.lost = _Damage()
        self.complaints = _Damage()

    def drain(self, seconds: float | None) -> None:
        """Take what is in the log; FFmpeg says an error there only when something is wrong with the file."""
        for _, name, message in self._logs:
            if _REFUSED in message:  # by us
                continue
            words = " ".join(_NOISE.sub("", message).split())[:200]
            self.complaints.add(f"{name}: {words}" if name else words, seconds)
        self._logs.clear()


def decode(
    file: BinaryIO,
    size: int,
    consumers: Sequence[Consumer],
    *,
    demuxer: str | None = None,
    spans: Sequence[Span] = (),
) -> Stream:
    """Decode the first sound stream in the first ``size`` bytes of ``file`` into all ``consumers``.

    ``demuxer`` is FFmpeg's name of the container when it is known from the content; else FFmpeg finds out.
    ``spans`` are parts to decode instead, one after another, each a container of its own. Raises
    UndecodableError when not one sample comes out, and OSError as ``file`` raises it.
    """
    with _captured_log() as logs:
        damages = _Damages(logs)
        batches = _Batches(consumers, damages)
        first: Stream | None = None
        declared: float | None = 0.0
        for start, end in spans or ((0, size),):
            part = _decode_part(Source(file, end, start), demuxer, batches, damages, begun=first is not None)
            first = first or part
            if part is not None and declared is not None:
                declared = None if part.declared is None else declared + part.declared
        batches.flush()
        if batches.form is None or first is None:
            why = "; ".join(map(str, (*damages.lost.result(), *damages.complaints.result())))
            raise UndecodableError(f"not one sample can be decoded{': ' + why if why else ''}")
        return replace(
            first,
            channels=av.AudioLayout(batches.form[1]).nb_channels,
            sample_rate=batches.form[2],
            sample_format=batches.form[0].removesuffix("p"),
            samples=batches.samples,
            declared=declared,
            damage=damages.lost.result(),
            complaints=damages.complaints.result(),
        )


def _decode_part(
    source: Source, demuxer: str | None, batches: _Batches, damages: _Damages, *, begun: bool
) -> Stream | None:
    """Decode one container into ``batches``; None when it cannot be opened though others before it could."""
    try:
        container = _open(source, demuxer)
    except UndecodableError as error:
        if not begun:
            raise
        damages.lost.add(f"a part of it cannot be decoded: {error.message}", batches.seconds)
        return None
    before = batches.seconds
    try:
        stream = _sound(container)
        damages.drain(None)
        for frame in _frames(container, stream, damages, batches):
            seconds = before + (frame.time or 0.0)
            batches.add(frame)
            damages.drain(seconds)
        source.check()
        damages.drain(batches.seconds)
        return _describe(container, stream)
    finally:
        container.close()


@contextmanager
def _captured_log() -> Iterator[list[tuple[int, str, str]]]:
    """Collect what FFmpeg says in this thread; leave the process's log level as it was."""
    level, repeats = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)  # else the last file's repetitions are told with the next file
    try:
        with av.logging.Capture(local=True) as logs:
            yield logs
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(repeats)


def _open(source: Source, demuxer: str | None) -> InputContainer:
    options = {
        "err_detect": _ERR_DETECT,
        "format_whitelist": DEMUXERS,
        "codec_whitelist": _sound_decoders(),
    }
    try:
        return av.open(
            source, "r", format=demuxer, options=options, metadata_errors="replace", buffer_size=_BUFFER
        )
    except av.error.FFmpegError as error:
        source.check()
        raise UndecodableError(f"FFmpeg cannot open it: {_say(error)}") from error


@cache
def _sound_decoders() -> str:
    """Return FFmpeg's names of all decoders of sound: it would else decode pictures, too, to measure them."""
    return ",".join(name for name in sorted(codecs_available) if _decodes_sound(name))


def _decodes_sound(name: str) -> bool:
    try:
        return Codec(name, "r").type == "audio"
    except UnknownCodecError:  # an encoder only
        return False


def _sound(container: InputContainer) -> AudioStream:
    """Return the first sound stream, its decoder set to one thread and to report all damage."""
    if not container.streams.audio:
        kinds = sorted({s.type for s in container.streams})
        raise UndecodableError(f"it holds no sound, only {' and '.join(kinds) or 'an empty container'}")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None or not stream.sample_rate or not stream.channels:
        raise UndecodableError("its sound stream has no known codec, sample rate or channels")
    context.thread_count = 1
    context.options = {"err_detect": _ERR_DETECT}
    return stream


def _frames(
    container: InputContainer, stream: AudioStream, damages: _Damages, batches: _Batches
) -> Iterator[AudioFrame]:
    """Yield every frame that can be decoded, noting each packet that cannot."""
    for packet in _packets(container, stream, damages, batches):
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            damages.lost.add(f"a packet cannot be decoded: {_say(error)}", batches.seconds)


def _packets(
    container: InputContainer, stream: AudioStream, damages: _Damages, batches: _Batches
) -> Iterator[Packet[AudioStream]]:
    """Yield the packets; after an error, go on from where the demuxer stands as long as it moves."""
    stalls = 0
    while stalls < _MAX_STALLS:
        try:
            for packet in container.demux(stream):
                stalls = 0
                yield packet
        except av.error.FFmpegError as error:
            damages.lost.add(f"the container cannot be read: {_say(error)}", batches.seconds)
            stalls += 1
        else:
            return


class _Batches:
    """Gathers frames of any length into batches of one second, all in the format of the first frame."""

    def __init__(self, consumers: Sequence[Consumer], damages: _Damages) -> None:
        self._consumers = consumers
        self._damages = damages
        self._fifo = av.AudioFifo()
        self._resampler: AudioResampler | None = None
        self._other: tuple[str, str, int] | None = None  # the format that the resampler turns into the first
        self.form: tuple[str, str, int] | None = None  # sample format, layout, rate of the first frame
        self.samples = 0
        self._unit: Fraction | None = None  # of the first frame's times: the fifo wants no other
        self._batch = 0  # samples per channel

    @property
    def seconds(self) -> float:
        """How much has been decoded."""
        return self.samples / self.form[2] if self.form else 0.0

    def add(self, frame: AudioFrame) -> None:
        """Take a frame as it comes from the decoder."""
        if frame.samples == 0:
            return
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self.form is None:
            self.form = form
            self._unit = frame.time_base
            self._batch = min(frame.sample_rate, max(1024, _MAX_BATCH // frame.layout.nb_channels))
        for same in (frame,) if form == self.form else self._convert(frame, form, self.form):
            if self._unit is not None:
                same.time_base = self._unit
            self._write(same)

    def flush(self) -> None:
        """Pass on what is left after the last frame."""
        if self._fifo.samples:
            self._pass_on(self._fifo.samples)

    def _write(self, frame: AudioFrame) -> None:
        frame.pts = None  # the fifo insists on continuous times; only the samples count
        self._fifo.write(frame)
        self.samples += frame.samples
        while self._fifo.samples >= self._batch:
            self._pass_on(self._batch)

    def _pass_on(self, count: int) -> None:
        batch = self._fifo.read(count)
        assert batch is not None
        batch.pts = None
        samples = interleaved(batch)
        for consumer in self._consumers:
            consumer.feed(batch, samples)

    def _convert(
        self, frame: AudioFrame, form: tuple[str, str, int], first: tuple[str, str, int]
    ) -> list[AudioFrame]:
        """Turn a frame whose format differs from the beginning's into the beginning's."""
        if self._resampler is None or self._other != form:
            now = f"{form[1]}, {form[2]} Hz, {form[0]}"
            self._damages.complaints.add(f"the sound changes to {now}", self.seconds)
            self._resampler = AudioResampler(*first)
            self._other = form
        frame.pts = None
        return self._resampler.resample(frame)


def _describe(container: InputContainer, stream: AudioStream) -> Stream:
    """Return what the container states; the caller puts in what was decoded."""
    declared: float | None = None
    if stream.duration and stream.time_base:
        declared = float(stream.duration * stream.time_base)
    elif container.duration:
        declared = container.duration / av.time_base
    return Stream(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=0,
        channels=0,
        sample_format="",
        samples=0,
        declared=declared,
        bit_rate=stream.bit_rate or None,
        bits_per_sample=None,
        metadata=(*container.metadata.items(), *stream.metadata.items()),
    )


def _say(error: av.error.FFmpegError) -> str:
    """Return FFmpeg's words for an error, without file names."""
    return error.strerror or type(error).__name__
