"""Who says who made a recording, and which codes it has: for many recordings at a time, in bounded lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.catalogue.index_codes import Kind, uuid_key
from phonotheque.catalogue.index_reader import Reader
from phonotheque.catalogue.rows import Row

FIELDS: Final = ("credit", "composers", "isrcs")
_MOST_TRACKS: Final = 100  # of a recording, that are looked at
_MOST_VALUES: Final = 20  # of a field
_MOST_BY: Final = 10  # that say one value


@dataclass(frozen=True, slots=True)
class Sayer:
    """A source, the accession that took in what it says, and what it calls its record."""

    source: str
    accession: str
    record: str


@dataclass(frozen=True, slots=True)
class Said:
    """One value of one field of FIELDS, and the first who say so; ``of`` is how many there are."""

    field: str
    value: str
    by: tuple[Sayer, ...]
    of: int


def sayers(index: Reader, ids: Iterable[str]) -> dict[str, tuple[Said, ...]]:
    """Return what is said of these recordings (public ids) by whom; nothing of one that is not known."""
    keys = {key: name for name in ids if (key := _key(index, name)) is not None}
    tracks = index.rows.having("tracks", keys, ("fact",), _MOST_TRACKS)
    numbers = {track["fact"] for found in tracks.values() for track in found}
    facts = index.rows.at("facts", numbers, ("source", "accession", "record_id", *FIELDS))
    return {name: tuple(_said([facts[track["fact"]] for track in tracks[key]])) for key, name in keys.items()}


def files_of(index: Reader, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the SHA-256 of the masters that are known of these recordings; nothing of one not known."""
    keys = {key: name for name in ids if (key := _key(index, name)) is not None}
    tracks = index.rows.having("tracks", keys, ("fact",), _MOST_TRACKS)
    numbers = {track["fact"] for found in tracks.values() for track in found}
    facts = index.rows.at("facts", numbers, ("file_sha256",))
    return {
        name: tuple(sorted({facts[track["fact"]]["file_sha256"] for track in tracks[key]} - {None}))
        for key, name in keys.items()
    }


def _key(index: Reader, name: str) -> int | None:
    for kind, key in index.named(uuid_key(name)):
        if kind is Kind.RECORDING and index.recording(key).hit.id == name:
            return key
    return None


def _said(facts: Sequence[Row]) -> list[Said]:
    found: dict[tuple[str, str], dict[Sayer, None]] = {}
    for field in FIELDS:
        for fact in facts:
            by = Sayer(fact["source"], fact["accession"], fact["record_id"])
            values = fact[field] if isinstance(fact[field], list) else [fact[field]]
            for value in values:
                if value:
                    found.setdefault((field, value), {})[by] = None
    return [
        Said(field, value, tuple(list(by)[:_MOST_BY]), len(by))
        for (field, value), by in _first(found).items()
    ]


def _first(found: Mapping[tuple[str, str], dict[Sayer, None]]) -> dict[tuple[str, str], dict[Sayer, None]]:
    """Return the first values of each field."""
    kept: dict[tuple[str, str], dict[Sayer, None]] = {}
    for field in FIELDS:
        own = [item for item in found.items() if item[0][0] == field]
        kept.update(own[:_MOST_VALUES])
    return kept
