"""Facts as they came → facts as they are compared: valid identifiers, display text, matching keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import pyarrow as pa

from phonotheque.catalogue.schema import LINKS, LISTENS, TRACK_FACTS
from phonotheque.model.errors import UsageError
from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid
from phonotheque.model.text import fold, nfc, people, title_key

T = TypeVar("T")

_LONGEST_MS = 100 * 24 * 3600 * 1000  # a longer "recording" is a broken length
_fold = lru_cache(maxsize=1 << 16)(fold)

_KEYS = [
    ("evidence", pa.string()),  # what stays the same in every snapshot
    ("credit", pa.string()),
    ("album_credit", pa.string()),
    ("title_key", pa.string()),
    ("people", pa.list_(pa.string())),
    ("artist_keys", pa.list_(pa.string())),  # one per artist
    ("release_key", pa.string()),
]
NORMAL_FACTS = pa.schema([*(pa.field(f.name, f.type) for f in TRACK_FACTS), *(pa.field(*k) for k in _KEYS)])
NORMAL_LISTENS = pa.schema(
    [
        *(pa.field(f.name, f.type) for f in LISTENS),
        pa.field("title_key", pa.string()),
        pa.field("people", pa.list_(pa.string())),
    ]
)


def normal_facts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return TRACK_FACTS rows as NORMAL_FACTS rows. What is not valid is left out (``raw`` still has it)."""
    rows = [_normal_fact(row) for row in _checked(batch, TRACK_FACTS, "facts").to_pylist()]
    return pa.RecordBatch.from_pylist(rows, schema=NORMAL_FACTS)


def normal_listens(table: pa.Table) -> pa.Table:
    """Return LISTENS rows with their matching keys; counts below zero are refused with a UsageError."""
    rows = []
    for batch in _checked(table, LISTENS, "listens").to_batches():
        for row in batch.to_pylist():
            if row["listens"] < 0:
                raise UsageError(
                    f"listens from {row['source']}: {row['listens']} is below zero.", "Correct the count."
                )
            artists = [row["artist"]] if row["artist"] else []
            rows.append(
                row
                | {
                    "isrc": _valid(parse_isrc, row["isrc"]),
                    "recording_mbid": _valid(parse_mbid, row["recording_mbid"]),
                    "title_key": title_key(row["title"] or "") or None,
                    "people": people(artists, row["title"] or ""),
                }
            )
    return pa.Table.from_pylist(rows, schema=NORMAL_LISTENS)


def checked_links(table: pa.Table) -> pa.Table:
    """Return LINKS with their columns checked and in order."""
    return _checked(table, LINKS, "links")


def _checked(data: Any, schema: pa.Schema, what: str) -> Any:
    """Bring columns into the schema's order and types; name the one that is missing or wrongly empty."""
    missing = [name for name in schema.names if name not in data.schema.names]
    if missing:
        raise UsageError(f"{what}: the column {missing[0]} is missing.", f"Give {', '.join(schema.names)}.")
    data = data.select(schema.names)
    for field in schema:
        if not field.nullable and data.column(field.name).null_count:
            raise UsageError(f"{what}: {field.name} is empty in some row.", "Every row must have it.")
    try:
        return data.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"{what}: {error}", "Give columns of the types in catalogue/schema.py.") from error


def _normal_fact(row: dict[str, Any]) -> dict[str, Any]:
    title, album = _shown(row["title"]), _shown(row["album"])
    artists, album_artists = _shown_all(row["artists"]), _shown_all(row["album_artists"])
    mbids = [_valid(parse_mbid, m) for m in row["artist_mbids"] or ()]
    duration = row["duration_ms"]
    digest = _digest(row["file_sha256"])
    credit, album_credit = ", ".join(artists), ", ".join(album_artists)
    release_mbid, barcode = _valid(parse_mbid, row["release_mbid"]), _valid(parse_barcode, row["barcode"])
    return row | {
        "title": title,
        "artists": artists,
        "album": album,
        "album_artists": album_artists,
        "date": _shown(row["date"]),
        "composers": _shown_all(row["composers"]),
        "genres": _shown_all(row["genres"]),
        "isrcs": sorted({i for text in row["isrcs"] or () if (i := _valid(parse_isrc, text))}),
        "recording_mbid": _valid(parse_mbid, row["recording_mbid"]),
        "track_mbid": _valid(parse_mbid, row["track_mbid"]),
        "release_mbid": release_mbid,
        "artist_mbids": mbids if len(mbids) == len(artists) else [None] * len(artists),
        "barcode": barcode,
        "label": _shown(row["label"]),
        "catalogue_number": _shown(row["catalogue_number"]),
        "duration_ms": duration if duration is not None and 0 < duration <= _LONGEST_MS else None,
        "file_sha256": digest,
        "pcm_sha256": _digest(row["pcm_sha256"]),
        "evidence": f"sha256:{digest}" if digest else f"{row['source']}:{row['source_id']}",
        "credit": credit or None,
        "album_credit": album_credit or None,
        "title_key": title_key(title or "") or None,
        "people": people(artists, title or ""),
        "artist_keys": [_fold(name) for name in artists],
        "release_key": _release_key(release_mbid, barcode, album, album_artists or artists[:1]),
    }


def _release_key(
    mbid: str | None, barcode: str | None, album: str | None, artists: Sequence[str]
) -> str | None:
    """Equal for tracks on the same release: by MBID, else by barcode and title, else by title and artists."""
    if mbid:
        return f"mbid:{mbid}"
    if not album:
        return None
    if barcode:
        return f"barcode:{barcode.zfill(14)}:{_fold(album)}"
    return f"title:{_fold(album)}:{'/'.join(people(artists))}"


def _valid(parse: Callable[[str], str | None], text: str | None) -> str | None:
    return parse(text) if text else None


def _shown(text: str | None) -> str | None:
    return (nfc(text) or None) if text else None


def _shown_all(texts: Iterable[str | None] | None) -> list[str]:
    return [shown for text in texts or () if (shown := _shown(text))]


def _digest(text: str | None) -> str | None:
    if text is None:
        return None
    digest = text.lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise UsageError(f"facts: {text[:80]!r} is not a SHA-256.", "Give 64 hexadecimal digits, or nothing.")
    return digest
