"""What a code that somebody typed into a search leads to, without searching."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.catalogue.index_codes import Kind
from phonotheque.catalogue.index_reader import Reader
from phonotheque.model.text import fold

MOST: Final = 20  # things that one code names
SHOWN: Final = 3  # artists, and releases, of one name
_COMPARED: Final = 5  # artists, and releases, that may have a name: each is a page of Parquet to read
_FOUND: Final = 1000  # of both, among which these are the first
WHOLE_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
# What others call things: “r123” and “a1” may be words, too.
OUTSIDE: Final = re.compile(r"(?i)(?:https?://|discogs:|isni:|\[[ra][0-9]+\]).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Lead:
    """A thing that was named. ``kind`` is as addresses have it: recording, release or artist."""

    kind: str
    id: str
    name: str | None
    by: str | None = None
    date: str | None = None


def told(index: Reader, kind: Kind, keys: Sequence[int]) -> tuple[Lead, ...]:
    """Return things by their keys, the first of them."""
    first = list(keys[:MOST])
    if kind is Kind.RECORDING:
        return tuple(Lead("recording", hit.id, hit.title, hit.artist) for hit in index.hits(first))
    if kind is Kind.RELEASE:
        releases = index.rows.at("releases", first, ("id", "title", "credit", "date"))
        return tuple(
            Lead("release", row["id"], row["title"], row["credit"], row["date"]) for row in releases.values()
        )
    artists = index.rows.at("artists", first, ("id", "name"))
    return tuple(Lead("artist", row["id"], row["name"]) for row in artists.values())


def of_name(index: Reader, name: str, key: int) -> tuple[Lead, ...]:
    """Return artists and releases of a name, whose key was found; the artists with most recordings first."""
    wanted, found = fold(name), index.called(key, _FOUND)
    people = [number for kind, number in found if kind is Kind.ARTIST][:_COMPARED]
    albums = [number for kind, number in found if kind is Kind.RELEASE][:_COMPARED]
    artists = index.rows.at("artists", people, ("id", "name", "recordings"))
    releases = index.rows.at("releases", albums, ("id", "title", "credit", "date"))
    named = [row for row in artists.values() if fold(row["name"] or "") == wanted]
    titled = [row for row in releases.values() if fold(row["title"] or "") == wanted]
    named.sort(key=lambda row: (-row["recordings"], row["id"]))
    titled.sort(key=lambda row: (row["date"] is None, row["date"] or "", row["id"]))
    return (
        *(Lead("artist", row["id"], row["name"]) for row in named[:SHOWN]),
        *(Lead("release", row["id"], row["title"], row["credit"], row["date"]) for row in titled[:SHOWN]),
    )
