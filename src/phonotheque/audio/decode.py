"""The one decode: every sample of a file, in batches of a second, to every consumer that wants them.

FFmpeg runs inside this process (through PyAV), on one thread, told to report every damage it can see.
Memory does not grow with the length of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final, Protocol

import av
import av.error
import av.logging
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from phonotheque.audio.samples import Samples, interleaved
from phonotheque.audio.source import Source
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
_MAX_STALLS = 64  # unreadable packets in a row before the rest is given up


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
    damage: tuple[str, ...] = ()  # what FFmpeg complained of, bounded

    @property
    def duration(self) -> float:
        """Length of what was decoded, in seconds."""
        return self.samples / self.sample_rate


class _Damage:
    """What was complained of: each complaint once, with when it came first and how often."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._count: dict[str, int] = {}
        self._more = 0

    def add(self, complaint: str, seconds: float) -> None:
        """Keep a complaint that came when ``seconds`` had been decoded."""
        if complaint in self._count:
            self._count[complaint] += 1
        elif len(self._count) < _MAX_NOTES:
            self._first[complaint], self._count[complaint] = seconds, 1
        else:
            self._more += 1

    def drain(self, logs: list[tuple[int, str, str]], seconds: float) -> None:
        """Move FFmpeg's log here; it says an error only when something is wrong with the file."""
        for _, name, message in logs:
            words = " ".join(_NOISE.sub("", message).split())[:200]
            self.add(f"{name}: {words}" if name else words, seconds)
        logs.clear()

    def result(self) -> tuple[str, ...]:
        """Return the complaints as notes, in the order in which each came first."""
        notes = [
            f"near {seconds:.1f} s: {complaint}"
            + (f" ({n} times)" if (n := self._count[complaint]) > 1 else "")
            for complaint, seconds in self._first.items()
        ]
        return (*notes, f"and {self._more} more messages like these") if self._more else tuple(notes)


def decode(file: BinaryIO, size: int, consumers: Sequence[Consumer], *, demuxer: str | None = None) -> Stream:
    """Decode the first sound stream in the first ``size`` bytes of ``file`` into all ``consumers``.

    ``demuxer`` is FFmpeg's name of the container when it is known from the content; else FFmpeg finds out.
    Raises UndecodableError when not one sample comes out, and OSError as ``file`` raises it.
    """
    damage = _Damage()
    source = Source(file, size)
    with _captured_log() as logs:
        container = _open(source, demuxer)
        try:
            stream = _sound(container)
            batches = _Batches(consumers, damage)
            for frame in _frames(container, stream, damage, batches):
                batches.add(frame)
                if logs:
                    damage.drain(logs, batches.seconds)
            batches.flush()
            source.check()
            damage.drain(logs, batches.seconds)
            return _describe(container, stream, batches, damage)
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
    options = {"err_detect": _ERR_DETECT, "format_whitelist": DEMUXERS}
    try:
        return av.open(
            source, "r", format=demuxer, options=options, metadata_errors="replace", buffer_size=_BUFFER
        )
    except av.error.FFmpegError as error:
        source.check()
        raise UndecodableError(f"FFmpeg cannot open it: {_say(error)}") from error


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
    container: InputContainer, stream: AudioStream, damage: _Damage, batches: _Batches
) -> Iterator[AudioFrame]:
    """Yield every frame that can be decoded, noting each packet that cannot."""
    for packet in _packets(container, stream, damage, batches):
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            damage.add(f"a packet cannot be decoded: {_say(error)}", batches.seconds)


def _packets(
    container: InputContainer, stream: AudioStream, damage: _Damage, batches: _Batches
) -> Iterator[Packet[AudioStream]]:
    """Yield the packets; after an error, go on from where the demuxer stands as long as it moves."""
    stalls = 0
    while stalls < _MAX_STALLS:
        try:
            for packet in container.demux(stream):
                stalls = 0
                yield packet
        except av.error.FFmpegError as error:
            damage.add(f"the container cannot be read: {_say(error)}", batches.seconds)
            stalls += 1
        else:
            return


class _Batches:
    """Gathers frames of any length into batches of one second, all in the format of the first frame."""

    def __init__(self, consumers: Sequence[Consumer], damage: _Damage) -> None:
        self._consumers = consumers
        self._damage = damage
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
        if form == self.form:
            self._write(frame)
            return
        for converted in self._convert(frame, form, self.form):
            converted.time_base = self._unit
            self._write(converted)

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
            self._damage.add(f"the sound changes to {now}", self.seconds)
            self._resampler = AudioResampler(*first)
            self._other = form
        frame.pts = None
        return self._resampler.resample(frame)


def _describe(container: InputContainer, stream: AudioStream, batches: _Batches, damage: _Damage) -> Stream:
    if batches.form is None:
        why = "; ".join(damage.result())
        raise UndecodableError(f"not one sample can be decoded{': ' + why if why else ''}")
    declared: float | None = None
    if stream.duration and stream.time_base:
        declared = float(stream.duration * stream.time_base)
    elif container.duration:
        declared = container.duration / av.time_base
    sample_format = batches.form[0]
    return Stream(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=batches.form[2],
        channels=av.AudioLayout(batches.form[1]).nb_channels,
        sample_format=sample_format.removesuffix("p"),
        samples=batches.samples,
        declared=declared,
        bit_rate=stream.bit_rate or None,
        bits_per_sample=None,
        metadata=(*container.metadata.items(), *stream.metadata.items()),
        damage=damage.result(),
    )


def _say(error: av.error.FFmpegError) -> str:
    """Return FFmpeg's words for an error, without file names."""
    return error.strerror or type(error).__name__
