"""The catalogue's tables as Arrow schemas: what comes in, and what a snapshot holds (docs/catalogue.md)."""

from __future__ import annotations

import pyarrow as pa

FORMAT = 1  # of a snapshot; readers refuse a higher one

_text = pa.string()
_texts = pa.list_(pa.string())
_key = pa.int64()  # dense, from 0, and equal to the row's place in its file
_keys = pa.list_(pa.int64())


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


# One row per file or track of a source. `raw` is the source's own record as JSON, kept byte-faithfully.
TRACK_FACTS = pa.schema(
    [
        _required("source", _text),  # "folder", …
        _required("accession", _text),  # UUID
        _required("source_id", _text),  # what the source calls it; for a folder, the file's SHA-256
        _required("raw", _text),
        pa.field("title", _text),
        pa.field("artists", _texts),
        pa.field("album", _text),
        pa.field("album_artists", _texts),
        pa.field("track_number", pa.int32()),
        pa.field("track_total", pa.int32()),
        pa.field("disc_number", pa.int32()),
        pa.field("date", _text),  # as precise as given: "1999", "1999-03", "1999-03-01"
        pa.field("composers", _texts),
        pa.field("genres", _texts),
        pa.field("isrcs", _texts),
        pa.field("recording_mbid", _text),
        pa.field("track_mbid", _text),
        pa.field("release_mbid", _text),
        pa.field("artist_mbids", _texts),  # used when there are as many as artists
        pa.field("barcode", _text),
        pa.field("label", _text),
        pa.field("catalogue_number", _text),
        pa.field("duration_ms", pa.int64()),
        pa.field("file_sha256", _text),  # of the file, when there is one
        pa.field("pcm_sha256", _text),  # of its decoded samples
    ]
)

# Pairs of files that may sound alike. `score` is the bit error rate of their fingerprints, 0 to 1.
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
    ]
)

_RECORDINGS = pa.schema(
    [
        ("recording", _key),  # in descending order of listens
        ("id", _text),  # MBID, else our own UUID
        ("mbid", _text),
        ("title", _text),
        ("credit", _text),  # the artists as one line
        ("artists", _keys),
        ("duration_ms", pa.int64()),
        ("date", _text),  # the earliest known
        ("listens", pa.int64()),  # null when nobody counted
        ("tracks", pa.int64()),
        ("files", pa.int64()),
        ("seed", _text),  # the evidence that our own UUID is made from, kept from snapshot to snapshot
    ]
)

_TRACKS = pa.schema(
    [
        ("track", _key),  # in the order of recordings
        ("id", _text),
        ("recording", _key),
        ("release", _key),
        ("disc_number", pa.int32()),
        ("track_number", pa.int32()),
        ("track_total", pa.int32()),
        ("title", _text),
        ("credit", _text),
        ("artists", _keys),
        ("date", _text),
        ("composers", _texts),
        ("genres", _texts),
        ("isrcs", _texts),
        ("duration_ms", pa.int64()),
        ("album", _text),
        ("album_credit", _text),
        ("label", _text),
        ("catalogue_number", _text),
        ("barcode", _text),
        ("recording_mbid", _text),
        ("track_mbid", _text),
        ("release_mbid", _text),
        ("file_sha256", _text),
        ("evidence", _text),  # "sha256:…" or "source:id": the same row in every snapshot
        ("source", _text),
        ("accession", _text),
        ("source_id", _text),
    ]
)

_RELEASES = pa.schema(
    [
        ("release", _key),
        ("id", _text),
        ("mbid", _text),
        ("title", _text),
        ("credit", _text),
        ("date", _text),
        ("barcode", _text),
        ("label", _text),
        ("catalogue_number", _text),
        ("tracks", pa.int64()),
    ]
)

TABLES = {
    "artists": pa.schema(
        [("artist", _key), ("id", _text), ("mbid", _text), ("name", _text), ("recordings", pa.int64())]
    ),
    "releases": _RELEASES,
    "recordings": _RECORDINGS,
    "tracks": _TRACKS,
    # who is on what, by artist, the most listened first
    "credits": pa.schema([("artist", _key), ("recording", _key)]),
    # many to many: a code is no key
    "isrcs": pa.schema([("isrc", _text), ("recording", _key), ("tracks", pa.int64())]),
    "files": pa.schema([("sha256", _text), ("track", _key), ("recording", _key), ("pcm_sha256", _text)]),
    "listens": pa.schema([("recording", _key), ("source", _text), ("as_of", _text), ("listens", pa.int64())]),
    # every record that came in, as it came
    "sources": pa.schema(
        [("source", _text), ("accession", _text), ("source_id", _text), ("raw", _text), ("track", _key)]
    ),
    # ids that were merged or renamed, for ever
    "redirects": pa.schema([("kind", _text), ("old_id", _text), ("new_id", _text)]),
    "conflicts": pa.schema(
        [
            ("kind", _text),
            ("evidence", _text),  # the ISRC, hash or title that was shared
            ("recording_a", _key),
            ("recording_b", _key),  # equal to the other when they were merged all the same
            ("track_a", _key),
            ("track_b", _key),
            ("detail", _text),  # JSON: what disagrees
        ]
    ),
}
