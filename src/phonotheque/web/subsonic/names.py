"""What players know things by, and how names are put in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from phonotheque.model.text import fold

ARTICLES: Final = ("the", "an", "a", "le", "la", "les", "l", "die", "der", "das", "el", "los", "las", "il")
LOOSE: Final = "[ – ]"  # the album of what is on no album, in no language
UNKNOWN: Final = "[?]"  # an artist whom nobody names
_ID: Final = re.compile(
    r"(ar|al)-([0-9a-f]{20})|(tr)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|([0-9]{1,9})"
)


def artist_key(name: str) -> str:
    """Return what an artist's public id is made from: equal for all spellings of a name."""
    return _hashed("artist", fold(name))


def album_key(artist: str, album: str, mbid: str | None) -> str:
    """Return what an album's public id is made from: MusicBrainz's id of the release, or both names."""
    return _hashed("album", mbid) if mbid else _hashed("album", fold(artist), fold(album))


def sort_key(name: str) -> str:
    """Return the key by which a name is put in order: folded, without a leading article."""
    folded = fold(name)
    first, _, rest = folded.partition(" ")
    return rest if rest and first in ARTICLES else folded


def letter_of(sort: str) -> str:
    """Return the letter under which an index shows a name; “#” for all that begin with none."""
    return sort[0].upper()[:1] if sort[:1].isalpha() else "#"


def parse_id(text: str) -> tuple[str, str] | None:
    """Return what an id names, "artist", "album", "track" or "shelf", and its key; None if it is no id."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    if found[5]:
        return "shelf", found[5]
    if found[3]:
        return "track", found[4]
    return ("artist" if found[1] == "ar" else "album"), found[2]


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:20]


def joined(names: Sequence[str]) -> str:
    """Return names as one line."""
    return ", ".join(names)
