"""What a tagged copy says of itself, as plain values, and under which names each kind of tag holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

REPLAYGAIN_REFERENCE: Final = -18.0  # LUFS, ReplayGain 2.0
R128_REFERENCE: Final = -23.0  # LUFS, EBU R 128 and RFC 7845 §5.2.1
RESERVATION: Final = "TDM-RESERVATION"  # "1": mining is reserved; "0": it is not (W3C TDMRep §2)


@dataclass(frozen=True, slots=True)
class Labels:
    """Facts for a file's tags; what is None or empty is left as the file has it.

    ``artist`` is the credit as one line, ``artists`` its names one by one. ``licences`` are addresses.
    ``loudness`` is in LUFS. ``reserved``: whether mining is, None where nobody has declared it. ``further``
    are names and values of our own.
    """

    title: str | None = None
    artist: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artist: str | None = None
    track_number: int | None = None
    track_total: int | None = None
    disc_number: int | None = None
    disc_total: int | None = None
    date: str | None = None
    composers: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    isrcs: tuple[str, ...] = ()
    recording_mbid: str | None = None
    track_mbid: str | None = None
    release_mbid: str | None = None
    artist_mbids: tuple[str, ...] = ()
    barcode: str | None = None
    label: str | None = None
    catalogue_number: str | None = None
    licences: tuple[str, ...] = ()
    copyright: str | None = None
    loudness: float | None = None
    reserved: bool | None = None
    further: tuple[tuple[str, str], ...] = ()


# Our fields in Vorbis comments and APEv2, in ID3v2.4 and in MP4, as MusicBrainz Picard and others name them.
# "TXXX:…" is ID3's field with a name; "----:…" is MP4's.
NAMES: Final[dict[str, tuple[str, str, str]]] = {
    "title": ("TITLE", "TIT2", "©nam"),
    "artist": ("ARTIST", "TPE1", "©ART"),
    "artists": ("ARTISTS", "TXXX:Artists", "----:ARTISTS"),
    "album": ("ALBUM", "TALB", "©alb"),
    "album_artist": ("ALBUMARTIST", "TPE2", "aART"),
    "date": ("DATE", "TDRC", "©day"),
    "composers": ("COMPOSER", "TCOM", "©wrt"),
    "genres": ("GENRE", "TCON", "©gen"),
    "isrcs": ("ISRC", "TSRC", "----:ISRC"),
    "recording_mbid": ("MUSICBRAINZ_TRACKID", "UFID:http://musicbrainz.org", "----:MusicBrainz Track Id"),
    "track_mbid": (
        "MUSICBRAINZ_RELEASETRACKID",
        "TXXX:MusicBrainz Release Track Id",
        "----:MusicBrainz Release Track Id",
    ),
    "release_mbid": ("MUSICBRAINZ_ALBUMID", "TXXX:MusicBrainz Album Id", "----:MusicBrainz Album Id"),
    "artist_mbids": ("MUSICBRAINZ_ARTISTID", "TXXX:MusicBrainz Artist Id", "----:MusicBrainz Artist Id"),
    "barcode": ("BARCODE", "TXXX:BARCODE", "----:BARCODE"),
    "label": ("LABEL", "TPUB", "----:LABEL"),
    "catalogue_number": ("CATALOGNUMBER", "TXXX:CATALOGNUMBER", "----:CATALOGNUMBER"),
    "licences": ("LICENSE", "WCOP", "----:LICENSE"),
    "copyright": ("COPYRIGHT", "TCOP", "cprt"),
}


def texts(labels: Labels) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each field of ``NAMES`` that has something, with its values."""
    for field in NAMES:
        value = getattr(labels, field)
        if field == "artists" and value == (labels.artist,):
            continue  # says nothing more
        if value:
            yield field, (value,) if isinstance(value, str) else value


def own_texts(labels: Labels, *, opus: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the fields that every kind of tag holds under one name: gain, reservation, and further ones."""
    if labels.loudness is not None:
        yield (
            ("R128_TRACK_GAIN", r128_gain(labels.loudness))
            if opus
            else (
                "REPLAYGAIN_TRACK_GAIN",
                f"{REPLAYGAIN_REFERENCE - labels.loudness:.2f} dB",
            )
        )
    if labels.reserved is not None:
        yield RESERVATION, "1" if labels.reserved else "0"
    yield from labels.further


def r128_gain(loudness: float) -> str:
    """Return what brings this loudness (LUFS) to -23, in 1/256 dB within 16 bits (RFC 7845 §5.2.1)."""
    return str(max(-32_768, min(32_767, round((R128_REFERENCE - loudness) * 256))))
