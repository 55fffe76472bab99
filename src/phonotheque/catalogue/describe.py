"""Reading a snapshot's tables into views: the rows of one thing, and of what it is bound to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from phonotheque.catalogue.index_codes import Kind, uuid_key
from phonotheque.catalogue.index_reader import Reader
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.rows import Row
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
from phonotheque.model.identifiers import parse_mbid
from phonotheque.model.text import fold

_MOST = 100  # recordings of an artist, facts, conflicts, or other bearers of a code that a view lists
_MOST_PLACES = 1000  # tracks of a release
_MOST_NAMED = 10_000  # tracks of a recording, among which one may have an id
_MOST_SEARCHED = 20  # an artist's most listened recordings, whose facts are shown,
_MOST_SAID = 25  # the first of them

_HITS = """
    SELECT id, title, credit, duration_ms, listens, files, TRY_CAST(left(date, 4) AS INTEGER) AS year
    FROM read_parquet($recordings) WHERE recording IN (SELECT unnest($keys)) ORDER BY recording
"""
_FILES = """
    SELECT DISTINCT recording FROM read_parquet($files)
    WHERE sha256 >= $first AND sha256 <= $last ORDER BY recording LIMIT 2
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
_OF_RELEASE = (
    "id",
    "by_musicbrainz",
    "source_id",
    "title",
    "credit",
    "type",
    "date",
    "country",
    "barcode",
    "label",
    "catalogue_number",
)
_OF_ARTIST = ("id", "by_musicbrainz", "name", "aliases", "identifiers", "type", "country", "recordings")
_OF_CONFLICT = ("kind", "score", "evidence", "recording_a", "recording_b", "detail")
_SAID_BY = ("source", "accession", "source_id", "record_id")

_TABLES = {Kind.RELEASE: "releases", Kind.ARTIST: "artists"}


def view(index: Reader, kind: Kind, keys: Sequence[int]) -> View:
    """Return the view of the first key, with the other keys as what to see also."""
    if kind is Kind.RECORDING:
        return _recording(index, keys[0], keys[1 : 1 + _MOST])
    if kind is Kind.RELEASE:
        return _release(index, keys[0], keys[1 : 1 + _MOST])
    return _artist(index, keys[0])


def called(index: Reader, kind: Kind, key: int, name: str) -> bool:
    """Whether an id (lower-case UUID), or the name that a source gave it, is that of a thing."""
    if kind is not Kind.RECORDING:
        row = _one(index, _TABLES[kind], key, ("id", "source_id", "identifiers"))
        names = {row["id"], row.get("source_id"), *(row.get("identifiers") or ())}
        return name in names or _became(index, name, row["id"])
    public_id = index.recording(key).hit.id
    if name == public_id or _became(index, name, public_id):
        return True
    said = ("recording_mbid", "track_mbid")
    facts = [track["fact"] for track in _tracks(index, [key], _MOST_NAMED)]
    return any(
        name in (fact["recording_mbid"], fact["track_mbid"])
        for start in range(0, len(facts), _MOST)
        for fact in index.rows.at("facts", facts[start : start + _MOST], said).values()
    )


def _became(index: Reader, old: str, new: str) -> bool:
    if not parse_mbid(old):
        return False
    numbers = index.keys("redirect", uuid_key(old), _MOST)
    redirects = index.rows.at("redirects", numbers, ("old_id", "new_id")).values()
    return any((redirect["old_id"], redirect["new_id"]) == (old, new) for redirect in redirects)


def recordings_of_files(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, prefix: str) -> list[int]:
    """Return the recordings, two at most, of files whose SHA-256 begins with these digits."""
    parameters = {"files": str(snapshot.table("files")), "first": prefix, "last": prefix.ljust(64, "f")}
    return [recording for (recording,) in parquet.execute(_FILES, parameters).fetchall()]


def hits(parquet: duckdb.DuckDBPyConnection, snapshot: Snapshot, keys: Sequence[int]) -> list[Hit]:
    """Return recordings as hits, in the order of their keys: the most listened first. Needs no index."""
    if not keys:
        return []
    parameters = {"recordings": str(snapshot.table("recordings")), "keys": list(keys)}
    return [Hit(*row) for row in parquet.execute(_HITS, parameters).fetchall()]


def _one(index: Reader, table: str, key: int, fields: Iterable[str]) -> Row:
    return index.rows.at(table, [key], fields)[key]


def _named(index: Reader, table: str, keys: Iterable[int], *fields: str) -> dict[int, Row]:
    return index.rows.at(table, keys, ("id", *fields))


def _said(index: Reader, numbers: Iterable[int], fields: Iterable[str]) -> dict[int, Row]:
    """Return facts by number, with who says so."""
    return index.rows.at("facts", numbers, (*_SAID_BY, *fields))


def _tracks(index: Reader, recordings: Iterable[int], most: int) -> list[Row]:
    """Return recording, fact and release of the first tracks of each of the recordings."""
    found = index.rows.having("tracks", recordings, ("fact", "release"), most)
    return [track for tracks in found.values() for track in tracks]


def _hits(index: Reader, keys: Iterable[int]) -> dict[int, Hit]:
    wanted = list(dict.fromkeys(keys))
    return dict(zip(wanted, index.hits(wanted), strict=True))


def _releases(index: Reader, keys: Iterable[int]) -> tuple[Named, ...]:
    rows = _named(index, "releases", keys, "title", "date").values()
    dated = sorted(rows, key=lambda row: (row["date"] is None, row["date"] or "", row["id"]))
    return tuple(Named(row["id"], row["title"]) for row in dated)


def _recording(index: Reader, key: int, others: Sequence[int]) -> RecordingView:
    row = index.recording(key)
    places = _tracks(index, [key], _MOST)
    said = _said(index, (place["fact"] for place in places), (*_RECORDING_FIELDS, "file_sha256"))
    tracks = [said[place["fact"]] for place in sorted(places, key=_by_release)]
    conflicts = _conflicts(index, key)
    named = _named(index, "artists", row.artists, "name")
    seen = _hits(index, [*others, *(conflict["other"] for conflict in conflicts)])
    counted = row.hit.listens is not None
    counts = index.rows.having("listens", [key] if counted else [], ("listens", "source", "as_of"), _MOST)
    return RecordingView(
        id=row.hit.id,
        mbid=row.mbid,
        title=row.hit.title,
        artist=row.hit.artist,
        artists=tuple(Named(named[a]["id"], named[a]["name"]) for a in row.artists),
        duration_ms=row.hit.duration_ms,
        date=row.date,
        isrcs=tuple(sorted({isrc for track in tracks for isrc in track["isrcs"] or ()})),
        listens=row.hit.listens,
        listens_by=tuple(
            Listens(count["listens"], count["source"], count["as_of"]) for count in counts.get(key, ())
        ),
        files=tuple(sorted({track["file_sha256"] for track in tracks} - {None})),
        releases=_releases(index, (p["release"] for p in places if p["release"] is not None)),
        facts=_facts(tracks, _RECORDING_FIELDS),
        conflicts=tuple(
            Conflict(c["kind"], c["evidence"], seen[c["other"]] if c["other"] != key else None, c["detail"])
            for c in conflicts
        ),
        see_also=tuple(seen[other] for other in others),
        tracks=row.tracks or 0,
    )


def _by_release(place: Row) -> tuple[bool, int, int]:
    return place["release"] is None, place["release"] or 0, place["fact"]


def _conflicts(index: Reader, key: int) -> list[Row]:
    """Return what disagrees about a recording, with the ``other`` one; what deserves a look most first."""
    rows = index.rows.at("conflicts", index.keys("conflict", key, _MOST), _OF_CONFLICT).values()
    for row in rows:
        row["other"] = row["recording_b"] if row["recording_a"] == key else row["recording_a"]
    return sorted(rows, key=lambda row: (-row["score"], row["kind"], row["evidence"], row["other"]))


def _release(index: Reader, key: int, others: Sequence[int]) -> ReleaseView:
    row = _one(index, "releases", key, _OF_RELEASE)
    tracks = _places(index, key)
    placed = ("disc_number", "track_number", "position")
    facts = _said(index, tracks, (*_RELEASE_FIELDS, *placed))
    said = sorted(
        ({"recording": tracks[fact], "fact": fact} | facts[fact] for fact in tracks),
        key=lambda row: (row["disc_number"] or 0, row["track_number"] or _MOST_PLACES, row["fact"]),
    )
    places: dict[tuple[int | None, int | None, int], Row] = {}
    for place in said:  # several files of one place are one line
        places.setdefault((place["disc_number"], place["track_number"], place["recording"]), place)
    found = _hits(index, tracks.values())
    return ReleaseView(
        id=row["id"],
        mbid=_mbid(row),
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
        see_also=_releases(index, others),
        source_id=row["source_id"],
        type=row["type"],
        country=row["country"],
    )


def _places(index: Reader, key: int) -> dict[int, int]:
    """Return the facts of a release, the first in order, and the recordings that they are of."""
    tracks = _tracks(index, index.keys("place", key, _MOST_PLACES), _MOST_NAMED)
    on = {track["fact"]: track["recording"] for track in tracks if track["release"] == key}
    return dict(sorted(on.items())[:_MOST_PLACES])


def _artist(index: Reader, key: int) -> ArtistView:
    row = _one(index, "artists", key, _OF_ARTIST)
    credited = index.rows.having("credits", [key], ("recording",), _MOST)[key]
    keys = [credit["recording"] for credit in credited]
    found = _hits(index, keys)
    numbers = sorted(track["fact"] for track in _tracks(index, keys[:_MOST_SEARCHED], _MOST))
    names = {fold(name) for name in (row["name"], *(row["aliases"] or ())) if name}
    said = [
        fact
        for fact in _said(index, numbers[:_MOST_SAID], _ARTIST_FIELDS).values()
        if (row["by_musicbrainz"] and row["id"] in (fact["artist_mbids"] or ()))
        or names & set(fact["artist_keys"] or ())
    ]
    return ArtistView(
        id=row["id"],
        mbid=_mbid(row),
        name=row["name"],
        recordings=tuple(found[recording] for recording in keys),
        total=row["recordings"],
        facts=_facts(said, ("credit",)),
        aliases=tuple(row["aliases"] or ()),
        identifiers=tuple(row["identifiers"] or ()),
        type=row["type"],
        country=row["country"],
    )


def _mbid(row: Row) -> str | None:
    return row["id"] if row["by_musicbrainz"] else None


def _facts(rows: Sequence[Row], fields: Iterable[str]) -> tuple[Fact, ...]:
    """Every value of every field, in the order first said, with everyone who said it."""
    said: dict[tuple[str, str], dict[Provenance, None]] = {}
    sayers = [Provenance(*(row[name] for name in _SAID_BY)) for row in rows]
    for field in fields:
        for row, by in zip(rows, sayers, strict=True):
            values = row[field] if isinstance(row[field], list) else [row[field]]
            for value in values:
                if value is not None:
                    said.setdefault((field, str(value)), {})[by] = None
    return tuple(Fact(field, value, tuple(by)) for (field, value), by in said.items())
