"""What the API answers: shapes that stay within a version. Fields may be added; none changes its meaning.

Times are UTC (ISO 8601), lengths milliseconds, sizes bytes, ids UUIDs, hashes SHA-256 in lower-case hex. The
value of what is not known is null.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Model(BaseModel):
    """What all shapes have in common."""

    model_config = ConfigDict(frozen=True)


class Page(Model, Generic[Item]):
    """A part of a list. ``next`` is the address of the part that follows, null after the last."""

    items: list[Item]
    next: str | None


class Problem(Model):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Start(Model):
    """Where everything begins."""

    archive: str = Field(description="The name of the archive")
    id: str = Field(description="The archive's UUID")
    mirror: bool = Field(description="Whether this is a mirror of it")
    edition: int | None = Field(description="The current edition; null before the first")
    catalogue: str | None = Field(description="The snapshot of the catalogue in use")
    links: dict[str, str]


class Named(Model):
    """A thing by its id and name."""

    id: str
    name: str | None


class Hit(Model):
    """A recording as lists show it."""

    id: str
    title: str | None
    artist: str | None
    duration_ms: int | None
    year: int | None
    listens: int | None = Field(description="Null where nobody counted")
    files: int = Field(description="How many masters are known of it")


class Sayer(Model):
    """Who says something: a source, as the accession took it in."""

    source: str
    accession: str
    record: str = Field(description="What the source calls its record")


class Fact(Model):
    """One value of a field, and everyone who says so."""

    field: str
    value: str
    said_by: list[Sayer]


class Listens(Model):
    """A count, by whom and when."""

    listens: int
    source: str
    as_of: str


class PublishedFile(Model):
    """A file that is published, with the terms on which it may be shared."""

    sha256: str
    master: str = Field(description="SHA-256 of the master: its own, or of what an access copy is made from")
    kind: str = Field(description="“master” or “access”")
    bag: str
    path: str = Field(description="Within the bag")
    url: str
    audience: str = Field(description="“WORLD”, or the countries for whose people it is")
    size: int
    media_type: str
    container: str | None
    codec: str | None
    duration_ms: int | None
    licences: list[str]
    mining_reserved: bool | None = Field(description="Null where nothing is declared")


class Taken(Model):
    """That something was taken back. The reason is public; who asked is not told."""

    date: str
    territory: str
    reason: str | None
    whole: bool = Field(description="Whether the recording is named, and not only a file of it")


class Recording(Model):
    """A recording: what is known of it, by whom, and what of it is published."""

    id: str
    mbid: str | None
    title: str | None
    artist: str | None
    artists: list[Named]
    duration_ms: int | None
    date: str | None
    isrcs: list[str]
    listens: int | None
    listens_by: list[Listens]
    releases: list[Named]
    files: list[str] = Field(description="SHA-256 of the masters that are known, held or not")
    published: list[PublishedFile]
    withdrawn: list[Taken]
    facts: list[Fact]
    conflicts: list[str] = Field(description="The kinds of what disagrees about it")


class Track(Model):
    """A place on a release."""

    disc: int | None
    number: int | None
    position: str | None = Field(description="As printed: “A1”")
    recording: Hit


class Release(Model):
    """A release and its tracks in order."""

    id: str
    mbid: str | None
    title: str | None
    artist: str | None
    date: str | None
    type: str | None
    country: str | None
    barcode: str | None
    label: str | None
    catalogue_number: str | None
    tracks: list[Track]
    facts: list[Fact]


class Artist(Model):
    """An artist. ``recordings`` are the most listened; ``total`` counts all."""

    id: str
    mbid: str | None
    name: str | None
    type: str | None
    country: str | None
    aliases: list[str]
    identifiers: list[str]
    recordings: list[Hit]
    total: int
    facts: list[Fact]


class Change(Model):
    """A recording that is, or was, published, and when that last changed."""

    id: str
    changed: str
    edition: int | None = Field(description="Which brought the bag that it is, or was last, in, if known")
    published: bool
    url: str


class Edition(Model):
    """An edition. Its ``url`` is its signed edition.json."""

    number: int
    date: str
    url: str


class EditionWhole(Edition):
    """An edition with what it consists of, in numbers."""

    sha256: str
    previous: int | None
    bags: int
    bytes: int
    recordings: int = Field(description="Counted once for each bag that they are in")
    catalogue: str
    index: str
    taken_back: int


class Bag(Model):
    """A bag of the current edition."""

    id: str
    edition: int
    date: str | None = Field(description="Of the edition that added it, if that is known here")
    wave: int = Field(description="0 the catalogue, 1 audio, 2 artwork and texts")
    audience: str
    bytes: int
    files: int
    recordings: int
    listens: int | None
    tagmanifest_sha256: str
    infohash_v1: str
    infohash_v2: str
    torrent: str
    url: str


class BagFile(Model):
    """A file of a bag."""

    path: str
    size: int
    sha256: str | None
    recording: str | None
    url: str


class Accession(Model):
    """One act of taking something in. ``finished`` is null while it is under way, or was interrupted."""

    id: str
    source: str
    started: str
    finished: str | None


class Source(Model):
    """A source of facts, and how many of its records the catalogue has."""

    source: str
    accessions: int
    records: int


class Withdrawal(Model):
    """What was taken back: a recording, files, or a bag whose remains are in another one."""

    id: str
    what: str = Field(description="“recording”, “files” or “bag”")
    recording: str | None
    bag: str | None
    sha256: list[str]
    territory: str
    date: str
    reason: str
    reinstated: str | None
    replaced_by: str | None


class Redecision(Model):
    """One time that everything was decided anew, as of a day."""

    id: int
    day: str
    started: str
    finished: str | None
    files: int
    moved: int = Field(description="Of these, whose answers changed")
