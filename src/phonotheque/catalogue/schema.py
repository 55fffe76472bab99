"""The catalogue's tables as Arrow schemas: what comes in, and what a snapshot holds (docs/catalogue.md)."""

from __future__ import annotations

import pyarrow as pa

FORMAT = 3  # of a snapshot; readers refuse another one

_text = pa.string()
_texts = pa.list_(pa.string())
_key = pa.int64()  # dense, from 0, and equal to the row's place in its file
_keys = pa.list_(pa.int64())


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


# What a source says of one track, file or recording, before it is compared with anything. No list is null.
TRACK_FACTS = pa.schema(
    [
        _required("source", _text),  # "folder", "discogs", …
        _required("accession", _text),  # UUID
        _required("record_id", _text),  # the source's record that says so; for a folder, the file's SHA-256
        _required("source_id", _text),  # what the source calls the track; unique within the source
        pa.field("title", _text),
        pa.field("artists", _texts),
        pa.field("credit", _text),  # the artists as one line, join phrases included; else joined by commas
        pa.field("artist_mbids", _texts),  # used when there are as many as artists
        pa.field("artist_ids", _texts),  # the source's own ids of the artists, likewise
        pa.field("album", _text),
        pa.field("album_artists", _texts),
        pa.field("album_credit", _text),
        pa.field("release_mbid", _text),
        pa.field("release_id", _text),  # the source's own id of the release
        pa.field("release_group_mbid", _text),
        pa.field("release_type", _text),  # one of model.normal.RELEASE_TYPES
        pa.field("country", _text),  # ISO 3166-1 alpha-2, XW worldwide, XE Europe
        pa.field("track_number", pa.int32()),
        pa.field("track_total", pa.int32()),
        pa.field("disc_number", pa.int32()),
        pa.field("position", _text),  # as printed: "A1"
        pa.field("date", _text),  # as precise as given: "1999", "1999-03", "1999-03-01"
        pa.field("composers", _texts),
        pa.field("genres", _texts),
        pa.field("isrcs", _texts),
        pa.field("recording_mbid", _text),
        pa.field("track_mbid", _text),
        pa.field("barcode", _text),
        pa.field("label", _text),
        pa.field("catalogue_number", _text),
        pa.field("duration_ms", pa.int32()),
        pa.field("file_sha256", _text),  # of the file, when there is one
        pa.field("pcm_sha256", _text),  # of its decoded samples
    ]
)

# The same with valid identifiers, text for display, and the keys by which tracks are compared.
FACTS = pa.schema(
    [
        *TRACK_FACTS,
        pa.field("title_key", _text),  # model.text.title_key
        pa.field("people", _texts),  # model.text.people: everyone credited, folded and sorted
        pa.field("artist_keys", _texts),  # the folded name of each artist
        pa.field("release_key", _text),  # equal for tracks on the same release
    ]
)

# What a source says of an artist, label, work or release group.
THINGS = pa.schema(
    [
        _required("source", _text),
        _required("accession", _text),
        _required("record_id", _text),
        _required("kind", _text),  # "artist", "label", "work", "release_group", "release"
        pa.field("mbid", _text),
        pa.field("name", _text),
        pa.field("sort_name", _text),
        pa.field("aliases", _texts),
        pa.field("identifiers", _texts),  # "isni:0000000121032683", "iswc:T-034.524.680-1", "discogs:123", …
        pa.field("type", _text),  # "Person", "Group", "Album", … as the source has it
        pa.field("country", _text),
        pa.field("date", _text),  # birth, foundation or first release
    ]
)

# Every record as it came: the text of its line, element or file, byte for byte.
RECORDS = pa.schema(
    [
        _required("source", _text),
        _required("accession", _text),
        _required("kind", _text),  # what the source calls it: "release", "artist", …
        _required("record_id", _text),
        _required("raw", _text),
    ]
)

# Parts of records under other terms than the rest. With them put back, a record is whole (splices.py).
NONFREE = pa.schema(
    [
        _required("source", _text),
        _required("accession", _text),
        _required("kind", _text),
        _required("record_id", _text),
        _required("licence", _text),  # SPDX id
        _required("splices", _text),  # JSON: [[offset in raw, text that stood in place of "null"], …]
    ]
)

# What was left out, and why.
REJECTS = pa.schema(
    [
        _required("source", _text),
        _required("accession", _text),
        _required("file", _text),
        pa.field("position", pa.int64()),  # line or record in that file, from 1
        _required("scope", _text),  # "file", "record", "value": how much was left out
        pa.field("record_id", _text),
        pa.field("field", _text),
        pa.field("value", _text),  # its beginning
        _required("reason", _text),
    ]
)

# Pairs of files whose fingerprints were compared. `score` is their bit error rate, 0 to 1: low is alike.
LINKS = pa.schema(
    [
        _required("a_sha256", _text),
        _required("b_sha256", _text),
        _required("evidence", _text),  # "fingerprint"
        _required("score", pa.float64()),
    ]
)

# How often something was listened to, according to whom and when. At least one way to name it is needed.
LISTENS = pa.schema(
    [
        pa.field("isrc", _text),
        pa.field("recording_mbid", _text),
        pa.field("title", _text),
        pa.field("artist", _text),
        _required("listens", pa.int64()),
        _required("source", _text),
        _required("as_of", _text),  # ISO 8601 date of the count
        pa.field("title_key", _text),  # as in FACTS
        pa.field("people", _texts),
    ]
)

_RECORDINGS = pa.schema(
    [
        ("recording", _key),  # in descending order of listens
        ("id", _text),  # MBID, else our own UUID
        ("by_musicbrainz", pa.bool_()),  # whether the id is an MBID
        ("title", _text),
        ("credit", _text),  # the artists as one line
        ("artists", _keys),
        ("duration_ms", pa.int32()),
        ("date", _text),  # the earliest known
        ("listens", pa.int64()),  # null when nobody counted
        ("tracks", pa.int32()),
        ("files", pa.int32()),
        ("seed", _text),  # the evidence that our own UUID is made from, kept from snapshot to snapshot
    ]
)

_RELEASES = pa.schema(
    [
        ("release", _key),
        ("id", _text),
        ("by_musicbrainz", pa.bool_()),
        ("source_id", _text),  # "discogs:123": the id of the source that knows it, if it has one
        ("title", _text),
        ("credit", _text),
        ("type", _text),
        ("date", _text),
        ("country", _text),
        ("barcode", _text),
        ("label", _text),
        ("catalogue_number", _text),
        ("tracks", pa.int32()),
    ]
)

_ARTISTS = pa.schema(
    [
        ("artist", _key),
        ("id", _text),
        ("by_musicbrainz", pa.bool_()),
        ("name", _text),
        ("aliases", _texts),
        ("identifiers", _texts),  # "isni:…", "discogs:…"
        ("type", _text),
        ("country", _text),
        ("recordings", pa.int64()),
    ]
)

_CONFLICTS = pa.schema(
    [
        ("kind", _text),
        ("score", pa.float64()),  # 0 to 1: how much it deserves a look
        ("evidence", _text),  # the ISRC, hash or title that was shared
        ("recording_a", _key),
        ("recording_b", _key),  # equal to the other when they were merged all the same, or there is only one
        ("fact_a", _key),
        ("fact_b", _key),
        ("detail", _text),  # JSON: what disagrees
    ]
)

# Tables that this program writes for a snapshot, a file each.
MADE = {
    "artists": _ARTISTS,
    "releases": _RELEASES,
    "recordings": _RECORDINGS,
    # which recording and release each row of facts belongs to, by recording
    "tracks": pa.schema([("recording", _key), ("fact", _key), ("release", _key)]),
    # who is on what, by artist, the most listened first
    "credits": pa.schema([("artist", _key), ("recording", _key)]),
    # many to many: a code is no key
    "isrcs": pa.schema([("isrc", _text), ("recording", _key), ("tracks", pa.int32())]),
    "files": pa.schema([("sha256", _text), ("fact", _key), ("recording", _key), ("pcm_sha256", _text)]),
    "listens": pa.schema([("recording", _key), ("source", _text), ("as_of", _text), ("listens", pa.int64())]),
    # ids that were merged or renamed, for ever
    "redirects": pa.schema([("kind", _text), ("old_id", _text), ("new_id", _text)]),
    "conflicts": _CONFLICTS,
}
# Tables that come from the sources as they are, in parts that snapshots share (links to one file). A row's
# key (``fact``) is its place in the parts read one after another.
SHARED = {"facts": FACTS, "things": THINGS, "records": RECORDS, "nonfree": NONFREE}
TABLES = MADE | SHARED
FLAGGED = frozenset({"nonfree"})  # under other terms than the rest: left out of editions unless asked for
