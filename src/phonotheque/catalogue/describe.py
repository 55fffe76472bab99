"""Reading a snapshot's tables into views: by dense key, so that only the row groups concerned are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from phonotheque.catalogue.index_codes import Kind
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.views import (
    ArtistView,
    Conflict,
    Fact,
    Hit,
    Listens,
    Named,
    Provenance,
    RecordingView,
    ReleaseTrack,
    ReleaseView,
    View,
)
from phonotheque.model.text import fold

_MOST = 100  # recordings of an artist, facts, conflicts, or other bearers of a code that a view lists
_MOST_PLACES = 1000  # tracks of a release
_MOST_NAMED = 10_000  # tracks of a recording, among which one may have an id
_MOST_SEARCHED = 20  # an artist's most listened recordings, whose facts are shown

_HITS = """
    SELECT recording, id, title, credit, duration_ms, listens, files,
           TRY_CAST(left(date, 4) AS INTEGER) AS year
    FROM read_parquet($recordings) WHERE recording IN (SELECT unnest($keys)) ORDER BY recording
"""
_RECORDING = "FROM read_parquet($recordings) WHERE recording = $key"
_TRACKS = """
    SELECT fact, release FROM read_parquet($tracks) WHERE recording = $key
    ORDER BY release NULLS LAST, fact LIMIT $most
"""
_ARTISTS = "SELECT artist, id, name FROM read_parquet($artists) WHERE artist IN (SELECT unnest($keys))"
_RELEASES = """
    SELECT id, title FROM read_parquet($releases) WHERE release IN (SELECT unnest($keys)) ORDER BY date, id
"""
_LISTENS = """
    SELECT listens, source, as_of FROM read_parquet($listens) WHERE recording = $key ORDER BY source
"""
_CONFLICTS = """
    SELECT kind, evidence, CASE WHEN recording_a = $key THEN recording_b ELSE recording_a END AS other, detail
    FROM read_parquet($conflicts) WHERE recording_a = $key OR recording_b = $key
    ORDER BY score DESC, kind, evidence, other LIMIT 100
"""
_RELEASE = "FROM read_parquet($releases) WHERE release = $key"
_RELEASE_TRACKS = """
    SELECT recording, fact FROM read_parquet($tracks)
    WHERE recording IN (SELECT unnest($keys)) AND release = $key ORDER BY fact LIMIT 1000
"""
_ARTIST = "FROM read_parquet($artists) WHERE artist = $key"
_ARTIST_RECORDINGS = """
    SELECT recording FROM read_parquet($credits) WHERE artist = $key ORDER BY recording LIMIT 100
"""
_ARTIST_TRACKS = """
    SELECT fact FROM read_parquet($tracks) WHERE recording IN (SELECT unnest($keys)) ORDER BY fact LIMIT 100
"""
_FACTS = """
    SELECT file_row_number AS place, {columns} FROM read_parquet($part, file_row_number = true)
    WHERE file_row_number IN (SELECT unnest($places))
"""
_REDIRECTS = "FROM read_parquet($redirects) WHERE old_id = $name AND new_id = $id"
_FILES = """
    SELECT DISTINCT recording FROM read_parquet($files)
    WHERE sha256 >= $first AND sha256 <= $last ORDER BY recording LIMIT 2
"""
_ALL = """
    SELECT id, title, credit AS artist, listens, duration_ms, coalesce(held.files, []) AS files
    FROM read_parquet($recordings) {join} JOIN (
        SELECT recording, list(DISTINCT sha256 ORDER BY sha256) AS files
        FROM read_parquet($files) GROUP BY recording
    ) held USING (recording)
    ORDER BY recording
"""

_RECORDING_FIELDS = (
    "title",
    "credit",
    "album",
    "album_credit",
    "date",
    "composers",
    "genres",
    "isrcs",
    "duration_ms",
    "label",
    "catalogue_number",
    "recording_mbid",
    "track_mbid",
)
_RELEASE_FIELDS = (
    "album",
    "album_credit",
    "release_type",
    "date",
    "country",
    "barcode",
    "label",
    "catalogue_number",
    "release_mbid",
)
_ARTIST_FIELDS = ("credit", "artist_mbids", "artist_keys")
_SAID_BY = ("source", "accession", "source_id", "record_id")

Row = dict[str, Any]
Hits = Callable[[Sequence[int]], dict[int, Hit]]  # of recordings, by key


def view(
    parquet: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    kind: Kind,
    keys: Sequence[int],
    on: Sequence[int],
    hits: Hits,
) -> View:
    """Return the view of the first key, with the other keys as what to see also.

    ``on`` are the recordings of a release; ``hits`` tells how recordings are listed.
    """
    reader = _Reader(parquet, snapshot)
    if kind is Kind.RECORDING:
        return _recording(reader, keys[0], keys[1 : 1 + _MOST], hits)
    if kind is Kind.RELEASE:
        return _release(reader, keys[0], keys[1 : 1 + _MOST], on, hits)
    return _artist(reader, keys[0], hits)


def called(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, kind: Kind, key: int, name: str) -> bool:
    """Whether an id (lower-case UUID), or the name that a source gave it, is that of a thing."""
    reader = _Reader(parquet, snapshot)
    query = {Kind.RECORDING: _RECORDING, Kind.RELEASE: _RELEASE, Kind.ARTIST: _ARTIST}[kind]
    rows = reader.rows(query, key=key)
    if not rows:
        return False
    names = {rows[0]["id"], rows[0].get("source_id"), *(rows[0].get("identifiers") or ())}
    if name in names or reader.rows(_REDIRECTS, name=name, id=rows[0]["id"]):
        return True
    if kind is not Kind.RECORDING:
        return False
    facts = reader.tracks(key, ("recording_mbid", "track_mbid"), _MOST_NAMED)
    return any(name in (fact["recording_mbid"], fact["track_mbid"]) for fact in facts)


def recordings_of_files(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, prefix: str) -> list[int]:
    """Return the recordings, two at most, of files whose SHA-256 begins with these digits."""
    rows = _Reader(parquet, snapshot).rows(_FILES, first=prefix, last=prefix.ljust(64, "f"))
    return [row["recording"] for row in rows]


def hits(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, keys: Sequence[int]) -> list[Hit]:
    """Return recordings as hits, in the order of their keys: the most listened first. Needs no index."""
    rows = _Reader(parquet, snapshot).rows(_HITS, keys=list(keys)) if keys else []
    return [
        Hit(
            row["id"],
            row["title"],
            row["credit"],
            row["duration_ms"],
            row["listens"],
            row["files"],
            row["year"],
        )
        for row in rows
    ]


def all_recordings(
    parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, batch_size: int, *, filed: bool
) -> Iterator[pa.RecordBatch]:
    """Yield id, title, artist, listens, duration_ms and files of every recording in order."""
    paths = {"recordings": str(snapshot.table("recordings")), "files": str(snapshot.table("files"))}
    yield from parquet.sql(_ALL.format(join="INNER" if filed else "LEFT"), params=paths).to_arrow_reader(
        batch_size
    )


class _Reader:
    """Queries over one snapshot's tables; a table is named in SQL as ``$table``."""

    def __init__(self, parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
        self._parquet = parquet
        self._snapshot = snapshot

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        paths = {
            t: str(self._snapshot.table(t)) for t in self._snapshot.tables if f"read_parquet(${t})" in query
        }
        cursor = self._parquet.execute(query, paths | parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def facts(self, numbers: Iterable[int], fields: Iterable[str]) -> dict[int, Row]:
        """Return rows of facts by number: a row's place in the parts, read one after another."""
        wanted = sorted(set(numbers))
        columns = ", ".join(dict.fromkeys((*_SAID_BY, *fields)))
        found: dict[int, Row] = {}
        first = 0
        for part in self._snapshot.tables["facts"]:
            places = [number - first for number in wanted if first <= number < first + part.rows]
            if places:
                path = str(self._snapshot.path / part.file)
                rows = self.rows(_FACTS.format(columns=columns), part=path, places=places)
                found |= {first + row["place"]: row for row in rows}
            first += part.rows
        return {number: found[number] for number in wanted}

    def tracks(self, recording: int, fields: Iterable[str], most: int) -> list[Row]:
        """Return the first facts of a recording, each with its release."""
        tracks = self.rows(_TRACKS, key=recording, most=most)
        facts = self.facts((track["fact"] for track in tracks), fields)
        return [facts[track["fact"]] | {"release": track["release"]} for track in tracks]


def _recording(reader: _Reader, key: int, others: Sequence[int], hits: Hits) -> RecordingView:
    (row,) = reader.rows(_RECORDING, key=key)
    tracks = reader.tracks(key, (*_RECORDING_FIELDS, "file_sha256"), _MOST)
    conflicts = reader.rows(_CONFLICTS, key=key)
    named = {artist["artist"]: artist for artist in reader.rows(_ARTISTS, keys=row["artists"])}
    on = sorted({track["release"] for track in tracks if track["release"] is not None})
    seen = hits(list(dict.fromkeys([*others, *(conflict["other"] for conflict in conflicts)])))
    return RecordingView(
        id=row["id"],
        mbid=row["mbid"],
        title=row["title"],
        artist=row["credit"],
        artists=tuple(Named(named[a]["id"], named[a]["name"]) for a in row["artists"]),
        duration_ms=row["duration_ms"],
        date=row["date"],
        isrcs=tuple(sorted({isrc for track in tracks for isrc in track["isrcs"] or ()})),
        listens=row["listens"],
        listens_by=tuple(Listens(**count) for count in reader.rows(_LISTENS, key=key)),
        files=tuple(sorted({track["file_sha256"] for track in tracks} - {None})),
        releases=tuple(Named(r["id"], r["title"]) for r in reader.rows(_RELEASES, keys=on)),
        facts=_facts(tracks, _RECORDING_FIELDS),
        conflicts=tuple(
            Conflict(c["kind"], c["evidence"], seen[c["other"]] if c["other"] != key else None, c["detail"])
            for c in conflicts
        ),
        see_also=tuple(seen[other] for other in others),
        tracks=row["tracks"],
    )


def _release(reader: _Reader, key: int, others: Sequence[int], on: Sequence[int], hits: Hits) -> ReleaseView:
    (row,) = reader.rows(_RELEASE, key=key)
    tracks = reader.rows(_RELEASE_TRACKS, key=key, keys=list(on))
    placed = ("disc_number", "track_number", "position")
    facts = reader.facts((track["fact"] for track in tracks), (*_RELEASE_FIELDS, *placed))
    said = sorted(
        (track | facts[track["fact"]] for track in tracks),
        key=lambda row: (row["disc_number"] or 0, row["track_number"] or _MOST_PLACES, row["fact"]),
    )
    places: dict[tuple[int | None, int | None, int], Row] = {}
    for place in said:  # several files of one place are one line
        places.setdefault((place["disc_number"], place["track_number"], place["recording"]), place)
    found = hits(sorted({track["recording"] for track in tracks}))
    return ReleaseView(
        id=row["id"],
        mbid=row["mbid"],
        title=row["title"],
        artist=row["credit"],
        date=row["date"],
        barcode=row["barcode"],
        label=row["label"],
        catalogue_number=row["catalogue_number"],
        tracks=tuple(
            ReleaseTrack(disc, number, found[recording], fact["position"])
            for (disc, number, recording), fact in places.items()
        ),
        facts=_facts(said, _RELEASE_FIELDS),
        see_also=tuple(Named(r["id"], r["title"]) for r in reader.rows(_RELEASES, keys=list(others))),
        source_id=row["source_id"],
        type=row["type"],
        country=row["country"],
    )


def _artist(reader: _Reader, key: int, hits: Hits) -> ArtistView:
    (row,) = reader.rows(_ARTIST, key=key)
    keys = [r["recording"] for r in reader.rows(_ARTIST_RECORDINGS, key=key)]
    found = hits(keys)
    numbers = [r["fact"] for r in reader.rows(_ARTIST_TRACKS, keys=keys[:_MOST_SEARCHED])]
    names = {fold(name) for name in (row["name"], *(row["aliases"] or ())) if name}
    said = [
        fact
        for fact in reader.facts(numbers, _ARTIST_FIELDS).values()
        if (row["mbid"] and row["mbid"] in (fact["artist_mbids"] or ()))
        or names & set(fact["artist_keys"] or ())
    ]
    return ArtistView(
        id=row["id"],
        mbid=row["mbid"],
        name=row["name"],
        recordings=tuple(found[recording] for recording in keys),
        total=row["recordings"],
        facts=_facts(said, ("credit",)),
        aliases=tuple(row["aliases"] or ()),
        identifiers=tuple(row["identifiers"] or ()),
        type=row["type"],
        country=row["country"],
    )


def _facts(rows: Sequence[Row], fields: Iterable[str]) -> tuple[Fact, ...]:
    """Every value of every field, in the order first said, with everyone who said it."""
    said: dict[tuple[str, str], dict[Provenance, None]] = {}
    for field in fields:
        for row in rows:
            values = row[field] if isinstance(row[field], list) else [row[field]]
            by = Provenance(*(row[name] for name in _SAID_BY))
            for value in values:
                if value is not None:
                    said.setdefault((field, str(value)), {})[by] = None
    return tuple(Fact(field, value, tuple(by)) for (field, value), by in said.items())
