"""Reading a snapshot's tables into views: by dense key, so that only the row groups concerned are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from phonotheque.catalogue.index import Kind
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

_MOST = 100  # recordings of an artist, conflicts, or other bearers of a code that a view lists

_HITS = """
    SELECT recording, id, title, credit, duration_ms, listens, files
    FROM read_parquet($recordings) WHERE recording IN (SELECT unnest($keys)) ORDER BY recording
"""
_RECORDING = "FROM read_parquet($recordings) WHERE recording = $key"
_TRACKS = "FROM read_parquet($tracks) WHERE recording = $key ORDER BY track"
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
    ORDER BY kind, evidence, other LIMIT 100
"""
_RELEASE = "FROM read_parquet($releases) WHERE release = $key"
_RELEASE_TRACKS = """
    FROM read_parquet($tracks) WHERE release = $key
    ORDER BY disc_number NULLS FIRST, track_number NULLS LAST, track
"""
_ARTIST = "FROM read_parquet($artists) WHERE artist = $key"
_ARTIST_RECORDINGS = """
    SELECT recording FROM read_parquet($credits) WHERE artist = $key ORDER BY recording LIMIT 100
"""
_ARTIST_TOTAL = "SELECT count(*) AS total FROM read_parquet($credits) WHERE artist = $key"
_ARTIST_TRACKS = """
    FROM read_parquet($tracks)
    WHERE recording IN (SELECT unnest($keys)) AND list_contains(artists, $key) ORDER BY track
"""
_ALL = """
    SELECT id, title, credit AS artist, listens, duration_ms, coalesce(held.files, []) AS files
    FROM read_parquet($recordings) LEFT JOIN (
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
)
_RELEASE_FIELDS = ("album", "album_credit", "date", "barcode", "label", "catalogue_number", "release_mbid")

Row = dict[str, Any]


def view(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, kind: Kind, keys: Sequence[int]) -> View:
    """Return the view of the first key, with the other keys as what to see also."""
    reader = _Reader(parquet, snapshot)
    if kind is Kind.RECORDING:
        return _recording(reader, keys[0], keys[1 : 1 + _MOST])
    if kind is Kind.RELEASE:
        return _release(reader, keys[0], keys[1 : 1 + _MOST])
    return _artist(reader, keys[0])


def hits(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, keys: Sequence[int]) -> list[Hit]:
    """Return recordings as hits, in the order of their keys: the most listened first."""
    found = _hits(_Reader(parquet, snapshot), keys)
    return [found[key] for key in sorted(found)]


def all_recordings(
    parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, batch_size: int
) -> Iterator[pa.RecordBatch]:
    """Yield id, title, artist, listens, duration_ms and files of every recording in order."""
    paths = {"recordings": str(snapshot.table("recordings")), "files": str(snapshot.table("files"))}
    yield from parquet.sql(_ALL, params=paths).to_arrow_reader(batch_size)


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


def _recording(reader: _Reader, key: int, others: Sequence[int]) -> RecordingView:
    (row,) = reader.rows(_RECORDING, key=key)
    tracks = reader.rows(_TRACKS, key=key)
    conflicts = reader.rows(_CONFLICTS, key=key)
    named = {artist["artist"]: artist for artist in reader.rows(_ARTISTS, keys=row["artists"])}
    on = sorted({track["release"] for track in tracks if track["release"] is not None})
    seen = _hits(reader, [*others, *(conflict["other"] for conflict in conflicts)])
    return RecordingView(
        id=row["id"],
        mbid=row["mbid"],
        title=row["title"],
        artist=row["credit"],
        artists=tuple(Named(named[a]["id"], named[a]["name"]) for a in row["artists"]),
        duration_ms=row["duration_ms"],
        date=row["date"],
        isrcs=tuple(sorted({isrc for track in tracks for isrc in track["isrcs"]})),
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
    )


def _release(reader: _Reader, key: int, others: Sequence[int]) -> ReleaseView:
    (row,) = reader.rows(_RELEASE, key=key)
    tracks = reader.rows(_RELEASE_TRACKS, key=key)
    found = _hits(reader, [track["recording"] for track in tracks])
    # several files of one place are one line
    places = dict.fromkeys((t["disc_number"], t["track_number"], t["recording"]) for t in tracks)
    return ReleaseView(
        id=row["id"],
        mbid=row["mbid"],
        title=row["title"],
        artist=row["credit"],
        date=row["date"],
        barcode=row["barcode"],
        label=row["label"],
        catalogue_number=row["catalogue_number"],
        tracks=tuple(ReleaseTrack(disc, number, found[recording]) for disc, number, recording in places),
        facts=_facts(tracks, _RELEASE_FIELDS),
        see_also=tuple(Named(r["id"], r["title"]) for r in reader.rows(_RELEASES, keys=list(others))),
    )


def _artist(reader: _Reader, key: int) -> ArtistView:
    (row,) = reader.rows(_ARTIST, key=key)
    ((total,),) = (count.values() for count in reader.rows(_ARTIST_TOTAL, key=key))
    keys = [r["recording"] for r in reader.rows(_ARTIST_RECORDINGS, key=key)]
    found = _hits(reader, keys)
    return ArtistView(
        id=row["id"],
        mbid=row["mbid"],
        name=row["name"],
        recordings=tuple(found[recording] for recording in keys),
        total=total,
        facts=_facts(reader.rows(_ARTIST_TRACKS, key=key, keys=keys), ("credit",)),
    )


def _hits(reader: _Reader, keys: Sequence[int]) -> dict[int, Hit]:
    rows = reader.rows(_HITS, keys=list(keys)) if keys else []
    return {
        row["recording"]: Hit(
            row["id"], row["title"], row["credit"], row["duration_ms"], row["listens"], row["files"]
        )
        for row in rows
    }


def _facts(tracks: Iterable[Row], fields: Iterable[str]) -> tuple[Fact, ...]:
    """Every value of every field, in the order first said, with everyone who said it."""
    said: dict[tuple[str, str], dict[Provenance, None]] = {}
    rows = list(tracks)
    for field in fields:
        for row in rows:
            values = row[field] if isinstance(row[field], list) else [row[field]]
            by = Provenance(row["source"], row["accession"], row["source_id"])
            for value in values:
                if value is not None:
                    said.setdefault((field, str(value)), {})[by] = None
    return tuple(Fact(field, value, tuple(by)) for (field, value), by in said.items())
