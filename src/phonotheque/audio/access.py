"""Access copies: a smaller Ogg Opus file made from a master, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from phonotheque.audio.filters import FilterChain
from phonotheque.audio.identify import open_regular, sniff
from phonotheque.audio.samples import Samples
from phonotheque.audio.second_opinion import decode_somehow
from phonotheque.model.audio import Tags
from phonotheque.model.errors import PhonothequeError

BIT_RATE: Final = 75_000  # bit/s, as an average: libopus varies it with the sound
RATE: Final = 48_000  # Hz, the only rate Opus decodes to (RFC 7845 §5.1)
_OVERHEAD: Final = 1.08  # Ogg pages, and libopus going over its average on dense music
_HEADERS: Final = 4096  # bytes: identification, comments, the last page


class AccessCopyError(PhonothequeError):
    """The master could be decoded, but not made into an access copy."""


def make_access_copy(
    master: Path, out: Path, *, bit_rate: int = BIT_RATE, master_sha256: str, tags: Tags
) -> int:
    """Encode ``master`` to Ogg Opus at ``out`` and return its size in bytes.

    The same master, tags and library versions give the same bytes: the stream's serial number is fixed and
    no date or version is written. Playback is gapless: the pre-skip (RFC 7845 §4.2) and the end trimming
    (§4.4) leave the master's own duration, to a sample at 48 kHz. More than two channels are mixed to two.
    The caller puts ``out`` in its place durably. Raises UndecodableError, AccessCopyError, OSError.
    """
    with open_regular(master) as file:
        demuxer = sniff(file)
        with out.open("wb") as target:
            encoder = _OpusEncoder(target, bit_rate, _comments(tags, master_sha256))
            try:
                decode_somehow(file, [encoder], demuxer=demuxer)
                encoder.finish()
            except av.error.FFmpegError as error:
                raise AccessCopyError(f"no access copy can be made: {error.strerror}") from error
            finally:
                encoder.close()
        return out.stat().st_size


def estimate_access_size(duration: float, bit_rate: int = BIT_RATE) -> int:
    """Return about how many bytes an access copy of ``duration`` seconds takes."""
    return round(duration * bit_rate / 8 * _OVERHEAD) + _HEADERS


class _OpusEncoder:
    """A consumer that writes what it is fed as Ogg Opus."""

    def __init__(self, target: BinaryIO, bit_rate: int, comments: dict[str, str]) -> None:
        self._target = target
        self._bit_rate = bit_rate
        self._comments = comments
        self._container: OutputContainer | None = None
        self._stream: AudioStream | None = None
        self._chain: FilterChain | None = None
        self._position = 0  # samples given to the encoder

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch."""
        if self._chain is None:
            self._begin("mono" if samples.shape[1] == 1 else "stereo")
        assert self._chain is not None
        self._encode(self._chain.push(frame))
        if self._chain.failure is not None:
            raise AccessCopyError(f"no access copy can be made: {self._chain.failure}")

    def finish(self) -> None:
        """Write what the filters and the encoder still hold."""
        assert self._chain is not None
        assert self._stream is not None
        assert self._container is not None
        self._encode(self._chain.push(None))
        self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the container, whatever happened."""
        if self._container is not None:
            self._container.close()

    def _begin(self, layout: str) -> None:
        # A fixed serial and no versions: the same sound gives the same bytes.
        options = {"serial_offset": "1", "page_duration": "1000000", "fflags": "+bitexact"}
        self._container = av.open(self._target, "w", format="ogg", options=options)
        self._container.metadata.update(self._comments)
        self._stream = self._container.add_stream("libopus", rate=RATE, layout=layout)
        self._stream.bit_rate = self._bit_rate
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.options = {"vbr": "on", "application": "audio", "flags": "+bitexact"}
        form = f"sample_fmts=flt:sample_rates={RATE}:channel_layouts={layout}"
        self._chain = FilterChain(("aresample", str(RATE)), ("aformat", form))

    def _encode(self, frames: list[AudioFrame]) -> None:
        assert self._stream is not None
        assert self._container is not None
        for frame in frames:
            frame.pts = self._position
            self._position += frame.samples
            self._container.mux(self._stream.encode(frame))


def _comments(tags: Tags, master_sha256: str) -> dict[str, str]:
    """Return the Vorbis comments of an access copy (RFC 7845 §5.2)."""
    fields = {
        "title": tags.title,
        "artist": "; ".join(tags.artists) or None,
        "album": tags.album,
        "albumartist": "; ".join(tags.album_artists) or None,
        "tracknumber": str(tags.track_number) if tags.track_number else None,
        "discnumber": str(tags.disc_number) if tags.disc_number else None,
        "date": tags.date,
        "isrc": "; ".join(tags.isrcs) or None,
        "musicbrainz_trackid": tags.recording_mbid,
        "license": "; ".join(tags.licences) or None,
        "copyright": tags.copyright,
        "master_sha256": master_sha256,
    }
    return {key: value for key, value in fields.items() if value}
