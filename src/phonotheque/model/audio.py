"""What is known of one audio file: plain values from the worker that measured them to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Integrity(StrEnum):
    """How far a file could be shown to be whole (FLAC MD5, Ogg CRC, LAME CRC … or only that it decodes)."""

    INTACT = "intact"  # a checksum over the payload was there and it holds
    DECODES = "decodes"  # decodes without complaint; the format carries no payload checksum
    DAMAGED = "damaged"  # truncated, damaged frames or trailing garbage: kept, and said so


def say_integrity(integrity: str, notes: Sequence[str], *, most: int | None = None) -> str:
    """Return “intact”, “decodes: why no more is known”, “damaged at 1:23.4 (byte 5,678): what is wrong; …”.

    With ``most``, as many notes are said, and how many more there are.
    """
    more = len(notes) - most if most is not None and len(notes) > most else 0
    said = "; ".join((*notes[: len(notes) - more], *([f"{more} more"] if more else [])))
    placed = integrity == Integrity.DAMAGED and said.startswith(("at ", "near "))
    return f"{integrity}{' ' if placed else ': '}{said}" if said else str(integrity)


@dataclass(frozen=True, slots=True)
class Technical:
    """How the sound is stored. ``duration`` in seconds, ``bit_rate`` in bit/s, ``sample_rate`` in Hz."""

    container: str  # "ogg", "flac", "mp3", "mp4", …
    codec: str  # "vorbis", "opus", "flac", "mp3", "aac", "pcm_s16le", …
    duration: float
    sample_rate: int
    channels: int
    bit_rate: int
    bits_per_sample: int | None = None  # None for lossy codecs
    lossless: bool = False


@dataclass(frozen=True, slots=True)
class Artwork:
    """An embedded picture, by its hash; the bytes stay in the master."""

    sha256: str
    mime: str
    size: int  # bytes
    role: str  # "front", "back", "artist", …, "other"
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Tags:
    """Embedded tags in one vocabulary. ``raw`` keeps everything found, by its own key, in order."""

    title: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artists: tuple[str, ...] = ()
    track_number: int | None = None
    track_total: int | None = None
    disc_number: int | None = None
    disc_total: int | None = None
    date: str | None = None  # as precise as given: "1999", "1999-03", "1999-03-01"
    composers: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    isrcs: tuple[str, ...] = ()  # valid and normalised; others stay in raw only
    recording_mbid: str | None = None
    track_mbid: str | None = None
    release_mbid: str | None = None
    artist_mbids: tuple[str, ...] = ()
    barcode: str | None = None
    label: str | None = None
    catalogue_number: str | None = None
    licences: tuple[str, ...] = ()  # licence texts or URIs as found: LICENSE, WCOP, ©lic …
    copyright: str | None = None  # copyright notice as found: TCOP, COPYRIGHT, cprt
    comment: str | None = None
    raw: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Everything one read and one decode tell about a file that was accepted."""

    sha256: str  # of the bytes, hex
    size: int  # bytes
    pcm_sha256: str  # of the decoded samples, hex: equal for retagged copies
    technical: Technical
    fingerprint: bytes  # Chromaprint algorithm 2 (fpcalc's default), little-endian uint32, first 120 s
    loudness: float | None  # integrated, LUFS (ITU-R BS.1770-4); None when silent or too short
    integrity: Integrity
    integrity_notes: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)
    artwork: tuple[Artwork, ...] = ()


class RefusalKind(StrEnum):
    """Why a file was not taken in."""

    NOT_AUDIO = "not-audio"
    EMPTY = "empty"
    DRM = "drm"  # encrypted or copy-protected; Phonotheque never removes that
    UNREADABLE = "unreadable"  # an I/O error: not "absent", and tried again next time
    UNDECODABLE = "undecodable"  # looks like audio, yet no sample could be decoded
    UNSAFE = "unsafe"  # killed or stalled the worker that read it
    LIMIT = "limit"  # beside music, and larger or more than is kept there
    EVIDENCE = "evidence"  # a note about rights: read, quoted with what it states, and nothing by itself


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken in, with a reason a person can act on."""

    kind: RefusalKind
    reason: str
