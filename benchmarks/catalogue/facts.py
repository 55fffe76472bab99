"""Rows of facts, as sources would have told them: columns of ``schema.FACTS`` for any run of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.catalogue.chance import Flags, Hashes, Longs, below, chance, part, scatter
from benchmarks.catalogue.columns import (
    barcodes,
    chosen,
    decimals,
    fixed,
    gapped,
    isrc_runs,
    isrcs,
    lists,
    numbers,
    only,
    prefixed,
    uuids,
    woven,
)
from benchmarks.catalogue.naming import Naming
from benchmarks.catalogue.shape import Kind, Pattern, Shape
from benchmarks.catalogue.words import alone, beside, texts
from phonotheque.catalogue.schema import FACTS

FIRST_SOURCE, SECOND_SOURCE = "generated", "generated-mb"
ACCESSIONS = {
    FIRST_SOURCE: "9e57a7ed-0000-4000-8000-000000000001",
    SECOND_SOURCE: "9e57a7ed-0000-4000-8000-000000000002",
}
_FIRST_YEAR, _YEARS = 1950, 77
_MARKED = 0.06  # of recordings: known by their MBID to the first source too
_CODED = 0.5  # of recordings: known by their ISRC to the second source too
_TAKEN = 0.0005  # of recordings: under a code that is another one's
_OTHERWISE = 0.03  # of copies: of another length
_DATES = [
    *(str(_FIRST_YEAR + year) for year in range(_YEARS)),
    *(
        f"{_FIRST_YEAR + year}-{month:02}-{day:02}"
        for year in range(_YEARS)
        for month in range(1, 13)
        for day in range(1, 29)
    ),
]
_COUNTRIES = ("XW", "US", "GB", "DE", "FR", "JP", "XE", None)


@dataclass(frozen=True)
class Rows:
    """A run of rows of one source, and what they tell of: recordings, and whose those are."""

    shape: Shape
    naming: Naming
    source: str
    start: int
    stop: int

    def chance(self, purpose: str, of: Longs) -> Hashes:
        """Return random bits for each number."""
        return chance(self.shape.seed, purpose, of)

    @cached_property
    def row(self) -> Longs:
        """Numbers of the rows within their source."""
        return np.arange(self.start, self.stop)

    @cached_property
    def pattern(self) -> Pattern:
        """The albums' pattern."""
        return self.shape.main if self.source == FIRST_SOURCE else self.shape.second

    @cached_property
    def placed(self) -> tuple[Longs, Longs]:
        """Album and place on it, by row."""
        return self.pattern.place(self.row)

    @cached_property
    def recording(self) -> Longs:
        """By row."""
        return self.shape.recording(self.pattern, *self.placed, self.row)

    @cached_property
    def kind(self) -> Longs:
        """Of the album, by row."""
        return self.pattern.kind[self.placed[0] % self.pattern.albums]

    @cached_property
    def artist(self) -> Longs:
        """By row."""
        return self.shape.artist(self.shape.home_album(self.recording))


def facts(rows: Rows) -> pa.Table:
    """Return the rows as a table of ``schema.FACTS``."""
    columns = {
        "source": chosen([rows.source], np.zeros(len(rows.row), np.int64)),
        "accession": chosen([ACCESSIONS[rows.source]], np.zeros(len(rows.row), np.int64)),
        "source_id": decimals(rows.row),
        **_who_and_what(rows),
        **_codes(rows),
        **_lengths(rows),
        **_album(rows),
    }
    return in_schema(columns, FACTS, len(rows.row))


def in_schema(columns: Mapping[str, pa.Array], schema: pa.Schema, count: int) -> pa.Table:
    """Return columns as a table; those that are missing are null."""
    arrays = [columns[f.name] if f.name in columns else pa.nulls(count, f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def isrc_of(shape: Shape, recordings: Longs) -> pa.StringArray:
    """Return the ISRC of each recording: its own, or in rare cases that of an unrelated one."""
    bits = chance(shape.seed, "code", recordings)
    number = np.where(part(bits, 2) < _TAKEN, below(bits, shape.recordings), recordings)
    runs = isrc_runs(shape.recordings)
    return isrcs(number, scatter(runs)[0], runs)


def mbid_of(shape: Shape, kind: str, things: Longs) -> pa.StringArray:
    """Return an MBID for each thing of a kind."""
    return uuids(chance(shape.seed, f"{kind} mbid", things), chance(shape.seed, f"{kind} mbid, more", things))


def marked(shape: Shape, recordings: Longs) -> Flags:
    """Return which recordings the first source knows by their MBID."""
    return part(chance(shape.seed, "marked", recordings), 0) < _MARKED


def _who_and_what(rows: Rows) -> dict[str, pa.Array]:
    naming, words, first = rows.naming, rows.naming.words, rows.source == FIRST_SOURCE
    title = naming.title(rows.recording, rows.artist)
    name, person = naming.name(rows.artist)
    is_joint, guest = naming.guest(rows.recording, rows.artist)
    guest_name, guest_person = naming.name(guest)
    said = is_joint & naming.said_in_title(rows.recording) & first
    shown, key, people = (
        (texts(name, words.shown), texts(guest_name, words.shown)),
        (texts(name, words.keys), texts(guest_name, words.keys)),
        (texts(person, words.keys), texts(guest_person, words.keys)),
    )
    order = pc.less(people[0].filter(pa.array(is_joint)), people[1]).to_numpy(zero_copy_only=False)
    with_guest = np.full((len(rows.row), guest_name.shape[1]), -1, np.int32)
    with_guest[is_joint] = guest_name
    in_title = np.where(said[:, None], with_guest, -1)
    joint = alone(words.joint(", " if first else " feat. "), is_joint)
    counts = 1 + is_joint
    joint_ids = lists(counts, pa.nulls(int(counts.sum()), pa.string()))
    if first:
        ids = {
            "artist_ids": woven(decimals(rows.artist), decimals(guest), is_joint),
            "artist_mbids": joint_ids,
        }
    else:
        own, other = (mbid_of(rows.shape, "artist", of) for of in (rows.artist, guest))
        ids = {"artist_ids": joint_ids, "artist_mbids": woven(own, other, is_joint)}
    feat, end = (alone(words.joint(text), said) for text in (" (feat. ", ")"))
    return {
        "title": texts(beside(title, feat, in_title, end), words.shown),
        "title_key": texts(title, words.keys),
        "artists": woven(*shown, is_joint),
        "credit": texts(beside(name, joint, with_guest), words.shown),
        "artist_keys": woven(*key, is_joint),
        "people": woven(*people, is_joint, order),
        **ids,
    }


def _codes(rows: Rows) -> dict[str, pa.Array]:
    recording, shape = rows.recording, rows.shape
    codes = isrc_of(shape, recording)
    if rows.source == FIRST_SOURCE:
        known = marked(shape, recording)
        mbids = gapped(mbid_of(shape, "recording", recording[known]), known)
        return {"isrcs": lists(np.ones(len(recording), np.int64), codes), "recording_mbid": mbids}
    coded = part(rows.chance("coded", recording), 0) < _CODED
    return {
        "isrcs": lists(coded, codes.filter(pa.array(coded))),
        "recording_mbid": mbid_of(shape, "recording", recording),
    }


def _lengths(rows: Rows) -> dict[str, pa.Array]:
    bits, again = rows.chance("length", rows.recording), rows.chance("length again", rows.row)
    # three thirds make a bell near enough
    bell = part(bits, 0) + part(bits, 1) + part(bits, 2) - 1.5
    length = np.clip(205_000 * np.exp(0.8 * bell), 20_000, 1_800_000).astype(np.int64)
    off = below(again, 2001 if rows.source == FIRST_SOURCE else 4001)
    off = off - off.max(initial=0) // 2
    other = part(again, 0) < _OTHERWISE
    off = np.where(other, 4_000 + (part(again, 1) * 60_000).astype(np.int64), off)
    copied = rows.kind != Kind.HOME
    return {"duration_ms": numbers(np.where(copied, length + off, length), pa.int32())}


def _album(rows: Rows) -> dict[str, pa.Array]:
    """What is the same for all tracks of an album, made once for each."""
    album, place = rows.placed
    low = int(album[0])
    albums = np.arange(low, int(album[-1]) + 1)
    size = rows.pattern.size[albums % rows.pattern.albums]
    by_album = _first(rows, albums, size) if rows.source == FIRST_SOURCE else _second(rows, albums)
    by_album |= _named(rows, albums, size) | _dated(rows, albums)
    which = pa.array(album - low)
    out = {name: column.take(which) for name, column in by_album.items()}
    return out | {
        "track_number": numbers(place + 1, pa.int32()),
        "track_total": numbers(size[album - low], pa.int32()),
        "disc_number": numbers(np.ones(len(album), np.int64), pa.int32()),
        "composers": lists(np.zeros(len(album), np.int64), pa.array([], pa.string())),
    }


def _first(rows: Rows, albums: Longs, size: Longs) -> dict[str, pa.Array]:
    ids = decimals(albums)
    kinds = rows.pattern.kind[albums % rows.pattern.albums]
    by_size = np.digitize(size, [4, 7])
    coded = part(rows.chance("barcode", albums), 0) < 0.95
    return {
        "record_id": ids,
        "release_id": ids,
        "release_key": prefixed(f"{FIRST_SOURCE}:", ids),
        "release_type": chosen(
            ["single", "ep", "album", "compilation"], np.where(kinds == Kind.COMPILATION, 3, by_size)
        ),
        "barcode": only(barcodes(albums), coded),
    }


def _second(rows: Rows, albums: Longs) -> dict[str, pa.Array]:
    mbids = mbid_of(rows.shape, "release", albums)
    numbers_ = below(rows.chance("catalogue number", albums), 10**5)
    characters = np.stack([numbers_ // 10**power % 10 + ord("0") for power in range(4, -1, -1)], axis=1)
    return {
        "record_id": mbids,
        "release_mbid": mbids,
        "release_key": prefixed("mbid:", mbids),
        "release_group_mbid": mbid_of(rows.shape, "group", _homes(rows, albums)),
        "release_type": chosen(["album"], np.zeros(len(albums), np.int64)),
        "country": chosen(_COUNTRIES, below(rows.chance("country", albums), len(_COUNTRIES))),
        "catalogue_number": prefixed("CAT ", fixed(characters.astype(np.uint8))),
    }


def _homes(rows: Rows, albums: Longs) -> Longs:
    """Return the home albums that albums are, or are copies of; of a compilation's first track."""
    first_row = (
        albums // rows.pattern.albums * rows.pattern.rows + rows.pattern.first[albums % rows.pattern.albums]
    )
    opener = rows.shape.recording(rows.pattern, albums, np.zeros_like(albums), first_row)
    return rows.shape.home_album(opener)


def _named(rows: Rows, albums: Longs, size: Longs) -> dict[str, pa.Array]:
    naming, words = rows.naming, rows.naming.words
    first_row = (
        albums // rows.pattern.albums * rows.pattern.rows + rows.pattern.first[albums % rows.pattern.albums]
    )
    opener = rows.shape.recording(rows.pattern, albums, np.zeros_like(albums), first_row)
    home = rows.shape.home_album(opener)
    artist = rows.shape.artist(home)
    kind = rows.pattern.kind[albums % rows.pattern.albums]
    various = kind == Kind.COMPILATION
    named = naming.album(np.where(various, albums, home), artist)
    # a single is called what its track is
    title = np.where((size == 1)[:, None], naming.title(opener, artist), named)
    again = (
        (kind == Kind.REISSUE)
        & (rows.source == FIRST_SOURCE)
        & (part(rows.chance("deluxe", albums), 0) < 0.5)
    )
    title = beside(title, alone(words.phrase("(Deluxe Edition)"), again))
    several = np.full((len(albums), naming.name_width), -1, np.int32)
    several[:, :2] = words.phrase("Various", first=True), words.phrase("Artists")
    by = texts(np.where(various[:, None], several, naming.name(artist)[0]), words.shown)
    genred, genre = naming.genre(artist)
    return {
        "album": texts(title, words.shown),
        "album_artists": lists(np.ones(len(albums), np.int64), by),
        "album_credit": by,
        "label": texts(naming.label(home), words.shown),
        "genres": lists(genred, texts(genre[genred], words.shown)),
    }


def _dated(rows: Rows, albums: Longs) -> dict[str, pa.Array]:
    bits = rows.chance("date", albums)
    years = _YEARS - 1 - (part(bits, 0) ** 2.5 * _YEARS).astype(np.int64)
    day = (part(bits, 1) * 336).astype(np.int64)
    vague = part(bits, 2) < 0.15
    return {"date": chosen(_DATES, np.where(vague, years, _YEARS + years * 336 + day))}
