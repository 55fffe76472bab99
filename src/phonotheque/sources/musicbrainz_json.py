"""What is read of a line of MusicBrainz' JSON dumps (JSON_DUMPS_SCHEMA_NUMBER 1); all else is passed over.

The names are those of the web service (musicbrainz.org/doc/MusicBrainz_API). Anything may be missing or null.
"""

from __future__ import annotations

import msgspec

Texts = list[str | None] | None


# Credits are equal by value, so that the same one on every track is worked out once.
class Artist(msgspec.Struct, frozen=True, gc=False):
    """The artist that a credit points to."""

    id: str | None = None
    name: str | None = None


class Credit(msgspec.Struct, frozen=True, gc=False):
    """One name of an artist credit, as it is printed, and what joins it to the next."""

    name: str | None = None
    joinphrase: str | None = None
    artist: Artist | None = None


Credits = tuple[Credit, ...]


class _Read(msgspec.Struct, gc=False, rename="kebab"):
    pass


class Recording(_Read):
    """A recording that is on no release. ``length`` in ms."""

    id: str | None = None
    title: str | None = None
    length: int | None = None
    isrcs: Texts = None
    artist_credit: Credits | None = None
    first_release_date: str | None = None


class OnTrack(_Read):
    """The recording of a track. Its credit is looked at only where the track has none."""

    id: str | None = None
    title: str | None = None
    length: int | None = None
    isrcs: Texts = None
    artist_credit: msgspec.Raw = msgspec.Raw(b"null")


class Track(_Read):
    """A recording's place on a medium. ``number`` is printed, like “A1”; ``position`` counts from 1."""

    id: str | None = None
    title: str | None = None
    length: int | None = None
    number: str | None = None
    position: int | None = None
    artist_credit: Credits | None = None
    recording: OnTrack | None = None


class Medium(_Read):
    """A disc, a side, a file collection."""

    position: int | None = None
    track_count: int | None = None
    pregap: Track | None = None
    tracks: list[Track] | None = None
    data_tracks: list[Track] | None = None


class Named(_Read):
    """Something of which only the name matters here: a label on a release, an alias."""

    name: str | None = None


class LabelInfo(_Read):
    """A label and its number for a release."""

    catalog_number: str | None = None
    label: Named | None = None


class Group(_Read):
    """The release group of a release."""

    id: str | None = None
    primary_type: str | None = None
    secondary_types: Texts = None


class Release(_Read):
    """A line of ``mbdump/release``."""

    id: str | None = None
    title: str | None = None
    artist_credit: Credits | None = None
    barcode: str | None = None
    country: str | None = None
    date: str | None = None
    label_info: list[LabelInfo] | None = None
    media: list[Medium] | None = None
    release_group: Group | None = None


class Span(_Read):
    """When an artist or label began."""

    begin: str | None = None


class Thing(_Read):
    """A line of ``mbdump/artist``, ``label``, ``work`` or ``release-group``."""

    id: str | None = None
    name: str | None = None  # of artists and labels
    title: str | None = None  # of works and release groups
    sort_name: str | None = None
    aliases: list[Named] | None = None
    type: str | None = None
    primary_type: str | None = None
    country: str | None = None
    life_span: Span | None = None
    first_release_date: str | None = None
    isnis: Texts = None
    ipis: Texts = None
    iswcs: Texts = None
    label_code: int | None = None


class Other(_Read):
    """A line of any other entity, which is only kept."""

    id: str | None = None
