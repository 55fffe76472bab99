"""What the catalogue shows of a thing: plain values, with where every fact came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who said so: the source, the accession that took it in, and what the source calls it."""

    source: str
    accession: str
    source_id: str
    record_id: str = ""  # of the source's record in the table records


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one field, and everyone who says so."""

    field: str
    value: str
    said_by: tuple[Provenance, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A recording as a search shows it. ``listens`` is None when nobody counted."""

    id: str
    title: str | None
    artist: str | None
    duration_ms: int | None
    listens: int | None
    files: int
    year: int | None = None  # of the earliest date known


@dataclass(frozen=True, slots=True)
class Named:
    """A release or an artist as a list shows it."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Listens:
    """A count, by whom, and when."""

    listens: int
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that disagrees about a recording. ``detail`` is JSON, see docs/catalogue.md."""

    kind: str
    evidence: str
    other: Hit | None  # the other recording; None when they were merged all the same
    detail: str


@dataclass(frozen=True, slots=True)
class RecordingView:
    """A recording, with its files (SHA-256 of masters, known or held) and the releases it is on."""

    id: str
    mbid: str | None
    title: str | None
    artist: str | None
    artists: tuple[Named, ...]
    duration_ms: int | None
    date: str | None
    isrcs: tuple[str, ...]
    listens: int | None
    listens_by: tuple[Listens, ...]
    files: tuple[str, ...]
    releases: tuple[Named, ...]
    facts: tuple[Fact, ...]
    conflicts: tuple[Conflict, ...]
    see_also: tuple[Hit, ...] = ()  # other recordings that what was asked for names as well
    tracks: int = 0  # of all; facts and releases are of the first hundred


@dataclass(frozen=True, slots=True)
class ReleaseTrack:
    """One place on a release."""

    disc_number: int | None
    track_number: int | None
    recording: Hit
    position: str | None = None  # as printed: "A1"


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release and its tracks in order."""

    id: str
    mbid: str | None
    title: str | None
    artist: str | None
    date: str | None
    barcode: str | None
    label: str | None
    catalogue_number: str | None
    tracks: tuple[ReleaseTrack, ...]
    facts: tuple[Fact, ...]
    see_also: tuple[Named, ...] = ()
    source_id: str | None = None  # "discogs:123"
    type: str | None = None  # one of model.normal.RELEASE_TYPES
    country: str | None = None


@dataclass(frozen=True, slots=True)
class ArtistView:
    """An artist, the most listened recordings first; ``total`` counts them all."""

    id: str
    mbid: str | None
    name: str | None
    recordings: tuple[Hit, ...]
    total: int
    facts: tuple[Fact, ...]
    aliases: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()  # "isni:…", "discogs:…"
    type: str | None = None  # as the source has it: "Person", "Group"
    country: str | None = None


View = RecordingView | ReleaseView | ArtistView
