"""Access copies: smaller Ogg Opus files, the same bytes every time, and compared with their masters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from phonotheque.audio.cover import picture_block
from phonotheque.audio.filters import FilterChain
from phonotheque.audio.fingerprint import bit_error_rate
from phonotheque.audio.identify import open_regular, sniff
from phonotheque.audio.labels import r128_gain
from phonotheque.audio.sameness import SAME
from phonotheque.audio.samples import Samples
from phonotheque.audio.second_opinion import decode_somehow
from phonotheque.audio.tags import front_cover
from phonotheque.model.audio import AudioFacts, Integrity, Tags, say_integrity
from phonotheque.model.errors import PhonothequeError

BIT_RATE: Final = 75_000  # bit/s on average, held: left free, libopus takes up to 30 % more for dense music
RATE: Final = 48_000  # Hz, the only rate Opus decodes to (RFC 7845 §5.1)
_OVERHEAD: Final = 1.02  # Ogg pages, and what libopus goes over its average
_HEADERS: Final = 4096  # bytes: identification, comments, the last page
_FRAME: Final = 0.02  # seconds
_LOUDER: Final = 1.5  # LU between a copy and its master, at most
_STEREO: Final = 2


class AccessCopyError(PhonothequeError):
    """The master could be decoded, but not made into an access copy."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a master: seconds, LUFS, Chromaprint fingerprint."""

    duration: float
    loudness: float | None
    fingerprint: bytes
    channels: int


def make_access_copy(
    master: Path,
    out: Path,
    *,
    bit_rate: int = BIT_RATE,
    master_sha256: str,
    tags: Tags,
    loudness: float | None = None,
) -> int:
    """Encode ``master`` to Ogg Opus at ``out`` and return its size in bytes.

    The same master, tags and library versions give the same bytes: the stream's serial number is fixed and
    no date or version is written. Playback is gapless: the pre-skip (RFC 7845 §4.2) and the end trimming
    (§4.4) leave the master's own duration, to a sample at 48 kHz. More than two channels are mixed to two.
    The front cover goes with it, made small; so does the ``loudness`` (LUFS), as the gain to -23 LUFS
    (RFC 7845 §5.2.1). The caller puts ``out`` in its place durably. Raises UndecodableError,
    AccessCopyError, OSError.
    """
    with open_regular(master) as file:
        demuxer = sniff(file)
        comments = _comments(tags, master_sha256, loudness)
        if (cover := front_cover(file)) is not None and (block := picture_block(cover)) is not None:
            comments["metadata_block_picture"] = block
        with out.open("wb") as target:
            encoder = _OpusEncoder(target, bit_rate, comments)
            try:
                decode_somehow(file, [encoder], demuxer=demuxer)
                encoder.finish()
            except av.error.FFmpegError as error:
                raise AccessCopyError(f"no access copy can be made: {error.strerror}") from error
            finally:
                encoder.close()
        return out.stat().st_size


def unlike(copy: AudioFacts, master: Heard) -> str | None:
    """Return why ``copy``, decoded again, is not the sound of its master; None when it is.

    Compared are wholeness, length (to a frame of 20 ms) and fingerprint; the loudness instead of the
    fingerprint when there is too little sound for one. Of surround sound mixed to stereo it may differ.
    """
    if copy.integrity is not Integrity.INTACT:
        return say_integrity(copy.integrity, copy.integrity_notes)
    if abs(copy.technical.duration - master.duration) > _FRAME:
        return f"it lasts {copy.technical.duration:.3f} s, its master {master.duration:.3f} s"
    alike = bit_error_rate(master.fingerprint, copy.fingerprint)
    if alike.overlap:
        share = f"{alike.ber:.0%} of its fingerprint differ from its master's"
        return None if alike.ber < SAME else share
    if copy.loudness is None or master.loudness is None or master.channels > _STEREO:
        return None
    if abs(copy.loudness - master.loudness) > _LOUDER:
        return f"its loudness is {copy.loudness:.1f} LUFS, its master's {master.loudness:.1f} LUFS"
    return None


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
        if not self._position:
            raise AccessCopyError("no access copy can be made: there is less than one sample at 48 kHz")
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
        self._stream.codec_context.options = {
            "vbr": "constrained",
            "application": "audio",
            "flags": "+bitexact",
        }
        form = f"sample_fmts=flt:sample_rates={RATE}:channel_layouts={layout}"
        self._chain = FilterChain(("aresample", str(RATE)), ("aformat", form))

    def _encode(self, frames: list[AudioFrame]) -> None:
        assert self._stream is not None
        assert self._container is not None
        for frame in frames:
            frame.pts = self._position
            self._position += frame.samples
            self._container.mux(self._stream.encode(frame))


def _comments(tags: Tags, master_sha256: str, loudness: float | None) -> dict[str, str]:
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
        "r128_track_gain": None if loudness is None else r128_gain(loudness),
        "master_sha256": master_sha256,
    }
    return {key: value for key, value in fields.items() if value}
