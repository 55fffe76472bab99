"""Everything that one read and one decode tell about a file."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from phonotheque.audio.decode import Consumer, UndecodableError
from phonotheque.audio.fingerprint import Fingerprinter
from phonotheque.audio.flac import FlacMd5, StreamInfo, read_streaminfo
from phonotheque.audio.identify import open_regular, refuse_by_content, sniff, sound_behind, unreadable
from phonotheque.audio.integrity import judge
from phonotheque.audio.loudness import LoudnessMeter
from phonotheque.audio.mp4 import check_mp4
from phonotheque.audio.samples import PcmHash
from phonotheque.audio.second_opinion import decode_somehow
from phonotheque.audio.tags import collect_tags
from phonotheque.audio.technical import describe
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind

_PAGE: Final = 1 << 20  # bytes buffered for the walks over a file's structure


def examine(
    path: Path, *, sha256: str | None = None, size: int | None = None, loudness: bool = True
) -> AudioFacts | Refusal:
    """Return all facts about the file at ``path``, or why it is refused. Its name and extension mean nothing.

    ``path`` is a private copy that nobody writes to. ``sha256`` (hex) and ``size`` (bytes) are what the
    caller found while copying; without them the file is hashed here. ``loudness`` costs about a third more.
    Bad content never raises: damage is noted in the facts, what holds no sound is refused, and an error
    while reading is a refusal of its own kind.
    """
    try:
        with open_regular(path) as file:
            found = os.fstat(file.fileno()).st_size
            if size is not None and size != found:
                reason = f"{found:,} bytes are there where {size:,} were copied"
                return Refusal(RefusalKind.UNREADABLE, reason)
            if refusal := refuse_by_content(file, found):
                return refusal
            if sha256 is None:
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return _facts(file, found, sha256, loudness)
    except OSError as error:
        return unreadable(error)


@dataclass(slots=True)
class _Consumers:
    """What wants the decoded sound of one file."""

    loudness: LoudnessMeter | None
    streaminfo: StreamInfo | None
    pcm: PcmHash = field(default_factory=PcmHash)
    fingerprint: Fingerprinter = field(default_factory=Fingerprinter)
    md5: FlacMd5 | None = None

    def __post_init__(self) -> None:
        if self.streaminfo is not None and self.streaminfo.md5:
            self.md5 = FlacMd5(self.streaminfo.bits_per_sample)

    def all(self) -> list[Consumer]:
        return [c for c in (self.pcm, self.fingerprint, self.loudness, self.md5) if c is not None]

    def remarks(self) -> list[str]:
        measures = {"fingerprint": self.fingerprint, "loudness": self.loudness}
        return [f"no {name}: {m.failure}" for name, m in measures.items() if m is not None and m.failure]


def _facts(file: io.FileIO, size: int, sha256: str, loudness: bool) -> AudioFacts | Refusal:
    demuxer = sniff(file)
    streaminfo = read_streaminfo(file) if demuxer == "flac" else None
    consumers = _Consumers(LoudnessMeter() if loudness else None, streaminfo)
    try:
        stream, remarks = decode_somehow(file, consumers.all(), demuxer=demuxer)
    except UndecodableError as error:
        return _refused(file, size, demuxer, error)
    flac = None
    if streaminfo is not None:
        flac = (streaminfo, consumers.md5.result() if consumers.md5 else b"")
    pages = io.BufferedReader(file, _PAGE)
    integrity, notes = judge(pages, size, stream, flac)
    reading = collect_tags(pages, stream.metadata)
    pages.detach()  # the file belongs to the caller
    return AudioFacts(
        sha256=sha256,
        size=size,
        pcm_sha256=consumers.pcm.result(),
        technical=describe(stream, size, streaminfo),
        fingerprint=consumers.fingerprint.result(),
        loudness=consumers.loudness.result() if consumers.loudness else None,
        integrity=integrity,
        integrity_notes=(*notes, *remarks, *consumers.remarks(), *reading.notes),
        tags=reading.tags,
        artwork=reading.artwork,
    )


def _refused(file: io.FileIO, size: int, demuxer: str | None, error: UndecodableError) -> Refusal:
    """Say why nothing can be decoded; of an MP4, which needs its index, also where it breaks off."""
    if demuxer is None:
        why = "; ".join(filter(None, (error.message, sound_behind(file))))
        return Refusal(RefusalKind.NOT_AUDIO, f"not audio: {why}")
    found = check_mp4(file, size).damage if demuxer == "mov" else ()
    why = "; ".join((error.message, *map(str, found)))
    return Refusal(RefusalKind.UNDECODABLE, f"no sound can be decoded: {why}")
