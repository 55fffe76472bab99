"""What the encoded sound of a file is, whatever its tags say: one hash over its packets."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

import av
import av.error
from av.audio.stream import AudioStream

from phonotheque.audio.identify import open_regular, sniff
from phonotheque.model.errors import PhonothequeError

# Vorbis keeps its comments between its two other headers, in what FFmpeg calls extra data.
_COMMENTS_WITHIN: Final = frozenset({"vorbis"})


class NoPacketsError(PhonothequeError):
    """The file cannot be taken apart into packets of sound."""


def packets_sha256(path: Path) -> str:
    """Return one SHA-256 over the codec, its settings, and every packet with its time and length.

    Equal for two files exactly if a decoder is given the same in both. Raises NoPacketsError for what FFmpeg
    cannot take apart, OSError naming the file.
    """
    with open_regular(path) as raw, io.BufferedReader(raw) as file:
        demuxer = sniff(file)
        file.seek(0)
        try:
            # Tags before and after the sound are skipped: they are no packets.
            with av.open(file, mode="r", format=demuxer, metadata_errors="ignore") as container:
                if not container.streams.audio:
                    raise NoPacketsError(f"{path.name}: there is no sound in it.")
                return _hash(container, container.streams.audio[0])
        except av.error.FFmpegError as error:
            raise NoPacketsError(f"{path.name}: it cannot be taken apart: {error.strerror}.") from error


def _hash(container: av.container.InputContainer, stream: AudioStream) -> str:
    codec = stream.codec_context
    digest = hashlib.sha256()
    digest.update(
        f"{codec.name} {codec.sample_rate} {codec.channels} {stream.time_base} {stream.start_time}\n".encode()
    )
    digest.update(_settings(codec.name, bytes(codec.extradata or b"")))
    count = 0
    for packet in container.demux(stream):
        if packet.size:
            digest.update(f"\n{packet.pts} {packet.duration} {packet.size}\n".encode())
            digest.update(memoryview(packet))
            count += 1
    if not count:
        raise NoPacketsError("there is no packet of sound in it.")
    return digest.hexdigest()


def _settings(codec: str, extra: bytes) -> bytes:
    """Return what of a codec's extra data tells how to decode: all of it but Vorbis comments."""
    if codec not in _COMMENTS_WITHIN or not extra:
        return extra
    try:
        first, _, last = _headers(extra)
    except (IndexError, ValueError) as error:
        raise NoPacketsError("its Vorbis headers cannot be told apart.") from error
    return first + last


def _headers(extra: bytes) -> list[bytes]:
    """Return the three headers of Vorbis (Vorbis I §4.2.1) out of FFmpeg's extra data.

    They lie there as Matroska laces them (their number less one, two lengths, all headers) or each after its
    length in two bytes; the first always has 30. Raises IndexError or ValueError if it is neither.
    """
    if extra[:2] == b"\0\x1e":
        found, rest = [], extra
        while rest:
            length = int.from_bytes(rest[:2])
            found.append(rest[2 : 2 + length])
            rest = rest[2 + length :]
        return found
    lengths, at = [], 1
    for _ in range(extra[0]):
        length = 0
        while extra[at] == 255:
            length += 255
            at += 1
        lengths.append(length + extra[at])
        at += 1
    first, comments = lengths
    return [
        extra[at : at + first],
        extra[at + first : at + first + comments],
        extra[at + first + comments :],
    ]
