"""What a code that somebody typed into a search leads to, without searching."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.catalogue.index_codes import Kind
from phonotheque.catalogue.index_reader import Reader

MOST: Final = 20  # things that one code names
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


def told(index: Reader, kind: Kind, keys: Sequence[int]) -> tuple[Lead, ...]:
    """Return things by their keys, the first of them."""
    first = list(keys[:MOST])
    if kind is Kind.RECORDING:
        return tuple(Lead("recording", hit.id, hit.title, hit.artist) for hit in index.hits(first))
    if kind is Kind.RELEASE:
        releases = index.rows.at("releases", first, ("id", "title", "credit"))
        return tuple(Lead("release", row["id"], row["title"], row["credit"]) for row in releases.values())
    artists = index.rows.at("artists", first, ("id", "name"))
    return tuple(Lead("artist", row["id"], row["name"]) for row in artists.values())
