"""Facts as they came → facts as they are compared: valid identifiers, display text, matching keys.

This says what it means for one row; ``normalise_tracks`` does the same to many at once, and quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from phonotheque.catalogue.schema import FACTS
from phonotheque.model.errors import UsageError
from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid
from phonotheque.model.text import fold, nfc, people, title_key

# Told of a value that is left out: its field, the value, and why.
Complain = Callable[[str, object, str], None]

LONGEST_MS = (
    24 * 24 * 3600 * 1000
)  # 24 days; a longer "recording" is a broken length, and 32 bits hold no more
MOST_NUMBER = 2**31 - 1
_NUMBERS = ("track_number", "track_total", "disc_number")
_SHOWN = ("title", "album", "label", "catalogue_number", "position", "release_type", "country", "date")
_LISTS = ("composers", "genres")
_MBIDS = ("recording_mbid", "track_mbid", "release_mbid", "release_group_mbid")
_EMPTY: dict[str, Any] = dict.fromkeys(FACTS.names)

# The same names, albums and labels come again and again, mostly close to each other.
_fold = lru_cache(maxsize=1 << 15)(fold)
_nfc = lru_cache(maxsize=1 << 15)(nfc)
_mbid = lru_cache(maxsize=1 << 15)(parse_mbid)


@lru_cache(maxsize=1 << 15)
def people_of(artists: tuple[str, ...], title: str) -> list[str]:
    """``model.text.people``, remembered."""
    return people(artists, title)


def keep_silent(field: str, value: object, reason: str) -> None:
    """Tell nobody: for facts whose source keeps its own account of what it could not read."""


def normal_fact(row: Mapping[str, Any], complain: Complain = keep_silent) -> dict[str, Any]:
    """Return fields of ``schema.TRACK_FACTS`` as a row of ``schema.FACTS``.

    What is not valid is left out, and ``complain`` told; the source's record still has it. Raises UsageError
    for a hash that is none: hashes are computed here, not typed in.
    """
    out = _EMPTY | dict(row)
    for field in _SHOWN:
        text = out[field]
        out[field] = (_nfc(text) or None) if text else None
    for field in _LISTS:
        out[field] = shown_all(out[field])
    for field in _MBIDS:
        text = out[field]
        out[field] = checked(field, text, _mbid, complain) if text else None
    for field in _NUMBERS:
        out[field] = valid_number(field, out[field], complain)
    artists = out["artists"] = shown_all(out["artists"])
    album_artists = out["album_artists"] = shown_all(out["album_artists"])
    out["artist_mbids"] = as_many(
        [_mbid(text) if text else None for text in out["artist_mbids"] or ()], artists
    )
    out["artist_ids"] = as_many(list(out["artist_ids"] or ()), artists)
    out["isrcs"] = valid_isrcs(out["isrcs"], complain)
    out["duration_ms"] = valid_length(out["duration_ms"], complain)
    out["barcode"] = parse_barcode(out["barcode"]) if out["barcode"] else None
    for field in ("file_sha256", "pcm_sha256"):
        if out[field] is not None:
            out[field] = valid_digest(out[field])
    title = out["title"] or ""
    out["credit"] = (_nfc(out["credit"]) if out["credit"] else ", ".join(artists)) or None
    out["album_credit"] = (
        _nfc(out["album_credit"]) if out["album_credit"] else ", ".join(album_artists)
    ) or None
    out["title_key"] = title_key(title) or None
    out["people"] = people_of(tuple(artists), title if may_name_guests(title) else "")
    out["artist_keys"] = [_fold(name) for name in artists]
    out["release_key"] = release_key(out, album_artists or artists[:1])
    return out


def listen_keys(title: str | None, artist: str | None) -> tuple[str | None, list[str]]:
    """Return the keys by which a count finds its recording when it names no code: title_key and people."""
    return title_key(title or "") or None, people([artist] if artist else [], title or "")


def may_name_guests(title: str) -> bool:
    """Tell whether a title may name anybody: “feat.”, “ft.”, “featuring”."""
    return "f" in title or "F" in title


def release_key(row: Mapping[str, Any], artists: Sequence[str]) -> str | None:
    """Equal on the same release: by MBID, the source's own id, barcode and title, or title and artists."""
    if row["release_mbid"]:
        return f"mbid:{row['release_mbid']}"
    if row["release_id"]:
        return f"{row['source']}:{row['release_id']}"
    album = row["album"]
    if not album:
        return None
    if row["barcode"]:
        return f"barcode:{row['barcode'].zfill(14)}:{_fold(album)}"
    return f"title:{_fold(album)}:{'/'.join(people_of(tuple(artists), ''))}"


def valid_number(field: str, number: int | None, complain: Complain) -> int | None:
    """Return a place on a release if it is one."""
    if number is None or 0 <= number <= MOST_NUMBER:
        return number
    complain(field, number, "is no place on a release")
    return None


def checked(field: str, text: str, parse: Callable[[str], str | None], complain: Complain) -> str | None:
    """Return what ``parse`` makes of a text; complain if that is nothing."""
    value = parse(text)
    if value is None:
        complain(field, text, "is not valid")
    return value


def valid_isrcs(texts: Iterable[str] | None, complain: Complain) -> list[str]:
    """Return the valid ISRCs among these, sorted."""
    if not texts:
        return []
    codes = [checked("isrc", text, parse_isrc, complain) for text in texts if text]
    return sorted({code for code in codes if code})


def valid_length(milliseconds: int | None, complain: Complain) -> int | None:
    """Return the length of a recording if it is one."""
    if not milliseconds:  # nothing, or the zero that many sources write for it
        return None
    if 0 < milliseconds <= LONGEST_MS:
        return milliseconds
    complain("duration_ms", milliseconds, "is no length of a recording")
    return None


def as_many(values: list[Any], artists: list[str]) -> list[Any]:
    """Values that go with artists one by one; where their numbers differ, nobody can say which is whose."""
    return values if len(values) == len(artists) else [None] * len(artists)


def shown_all(texts: Iterable[str | None] | None) -> list[str]:
    """Return the texts for display, without empty ones."""
    return [shown for text in texts if text and (shown := _nfc(text))] if texts else []


def valid_digest(text: str) -> str:
    """Return a SHA-256 in lower case. Raises UsageError."""
    digest = text.lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise UsageError(f"facts: {text[:80]!r} is not a SHA-256.", "Give 64 hexadecimal digits, or nothing.")
    return digest
