"""Facts of a Discogs release: its tracks, who made them, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from phonotheque.model.identifiers import parse_barcode
from phonotheque.model.normal import (
    country_code,
    discogs_name,
    label_name,
    parse_date,
    parse_duration,
    release_type,
)
from phonotheque.sources.discogs_layout import (
    ARTISTS,
    ATTRIBUTES,
    IDENTIFIERS,
    LABELS,
    SUB_TRACKS,
    TRACKS,
    WORDS,
    Sections,
    unescaped,
)
from phonotheque.sources.discogs_places import places
from phonotheque.sources.gather import Gather

_CACHED = 1 << 14  # results kept of what comes again and again: artists, formats, countries, dates

_WRITERS = frozenset({"written-by", "written by", "composed by", "music by", "songwriter"})
_MAY_WRITE = re.compile("ritten|omposed|usic|ongwriter", re.IGNORECASE)
_ROLE = re.compile(r"([^,\[\]]+?)\s*(?:\[([^\]]*)\])?\s*(?:,|$)")
_OF_ALL = re.compile(r"all\b.*|uncredited|not credited", re.IGNORECASE)
_TRACK_NAMED = re.compile(r"(?:track\b\W*)?([A-Z0-9][A-Z0-9.-]*)", re.IGNORECASE)
_NO_DIGITS = re.compile("[^0-9]+")


@dataclass(frozen=True, slots=True)
class _Credit:
    """``names`` and ``ids`` go together; a missing id is None. ``line`` is the credit as printed."""

    names: tuple[str, ...]
    ids: tuple[str | None, ...]
    line: str | None


@dataclass(frozen=True, slots=True)
class _Writer:
    """Somebody who wrote the music, of the tracks that are named, or of all: “A1, A3 to B2”, “”."""

    name: str
    tracks: str
    detail: str  # what is said in brackets: a title, “Uncredited”, …


_Track = tuple[
    str, str, str, str, str, bool
]  # position, title, duration, artists, extraartists; is it a part?


def gather_release(given: Sections, gather: Gather) -> None:
    """Hand the tracks of a release to ``gather``."""
    tracks = _tracks(given.tracklist)
    if not tracks:
        return
    texts, titles, durations, artists, extras, parts = zip(*tracks, strict=True)
    positions = tuple(map(unescaped, texts))
    discs, numbers = places(positions, parts)
    credit = _credit(given.artists)
    release = _release(given, credit, gather)
    columns: dict[str, Sequence[Any]] = {
        "source_id": [f"{given.id}-{n}" for n in range(1, len(tracks) + 1)],
        "title": [unescaped(title) for title in titles],
        "position": positions,
        "disc_number": discs,
        "track_number": numbers,
        "duration_ms": [_length(duration, gather) if duration else None for duration in durations],
    }
    if any(artists):
        credited = [_credit(own) if own else credit for own in artists]
        columns["artists"] = [by.names for by in credited]
        columns["artist_ids"] = [by.ids for by in credited]
        columns["credit"] = [by.line for by in credited]
    else:
        release |= {"artists": credit.names, "artist_ids": credit.ids, "credit": credit.line}
    columns["composers"] = _composers(extras, _writers(given.extraartists), positions)
    if "ISRC" in given.identifiers:
        isrcs = _isrcs(given.identifiers, positions)
        columns["isrcs"] = [isrcs.get(n) for n in range(len(tracks))]
    gather.release(release, columns)


def _release(given: Sections, credit: _Credit, gather: Gather) -> dict[str, Any]:
    """What all tracks of a release have in common."""
    label, catalogue_number = _label(given.labels)
    return {
        "record_id": given.id,
        "release_id": given.id,
        "album": unescaped(given.title),
        "album_artists": credit.names,
        "album_credit": credit.line,
        "release_type": _type(given.formats),
        "country": _country(given.country),
        "date": _date(given.released, gather),
        "genres": list(dict.fromkeys(_words(given.genres) + _words(given.styles))),
        "barcode": _barcode(given.identifiers, gather) if "Barcode" in given.identifiers else None,
        "label": label,
        "catalogue_number": catalogue_number,
    }


def _tracks(tracklist: str) -> list[_Track]:
    """The tracks in order: no headings, and instead of an index track its parts."""
    rows = TRACKS.findall(tracklist)
    # A heading has neither position nor length; but some releases were entered with neither for anything.
    headed = any(position or duration or parts for position, _, duration, _, _, parts in rows)
    tracks: list[_Track] = []
    for position, title, duration, artists, extra, parts in rows:
        if parts:
            tracks += [
                (part[0], part[1], part[2], part[3] or artists, part[4] + extra, True)
                for part in SUB_TRACKS.findall(parts)
            ]
        elif position or duration or not headed:
            tracks.append((position, title, duration, artists, extra, False))
    return tracks


@lru_cache(maxsize=_CACHED)
def _credit(artists: str) -> _Credit:
    rows = [[unescaped(text) for text in row] for row in ARTISTS.findall(artists)]
    names = [
        (discogs_name(name), identifier, anv, join) for identifier, name, anv, join, _, _ in rows if name
    ]
    line = ""
    for i, (name, _, anv, join) in enumerate(names):
        line += discogs_name(anv) or name
        if i < len(names) - 1:
            line += _join(join.strip())
    return _Credit(tuple(name for name, *_ in names), tuple(of or None for _, of, *_ in names), line or None)


def _join(phrase: str) -> str:
    """How Discogs' word between two artists is printed: “,” → “, ”, “&” → “ & ”."""
    if not phrase:
        return ", "
    return f"{phrase} " if phrase[0] in ",;:" else f" {phrase} "


@lru_cache(maxsize=_CACHED)
def _writers(extraartists: str) -> tuple[_Writer, ...]:
    if not _MAY_WRITE.search(extraartists):
        return ()
    found = []
    for _, name, _, _, role, tracks in ARTISTS.findall(extraartists):
        for word, detail in _ROLE.findall(unescaped(role)):
            if word.strip().lower() in _WRITERS and name:
                found.append(_Writer(discogs_name(unescaped(name)), unescaped(tracks).strip(), detail))
                break
    return tuple(found)


def _composers(
    extras: Sequence[str], of_release: tuple[_Writer, ...], positions: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """The writers of each track, then those of the release, unless it is said that they wrote others."""
    of_some = [(writer.name, _named(writer.tracks, positions)) for writer in of_release if writer.tracks]
    of_all = tuple(
        writer.name
        for writer in of_release
        if not writer.tracks
        and (not writer.detail or len(positions) == 1 or _OF_ALL.fullmatch(writer.detail))
    )
    composers = []
    for n, extra in enumerate(extras):
        names = _names(extra) if extra else ()
        if of_some:
            names += tuple(name for name, tracks in of_some if n in tracks)
        names += of_all
        composers.append(tuple(dict.fromkeys(names)) if len(names) > 1 else names)
    return composers


@lru_cache(maxsize=_CACHED)
def _names(extraartists: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(writer.name for writer in _writers(extraartists)))


@lru_cache(maxsize=_CACHED)
def _named(tracks: str, positions: tuple[str, ...]) -> frozenset[int]:
    """The tracks that “A1, A3 to B2” means. A position that is not there, or twice, means none."""
    index = {
        position: i for i, position in enumerate(positions) if position and positions.count(position) == 1
    }
    named: set[int] = set()
    for part in tracks.split(","):
        first, _, last = part.strip().replace(" - ", " to ").partition(" to ")
        if first in index and (last or first) in index:
            named.update(range(index[first], index[last or first] + 1))
    return frozenset(named)


@lru_cache(maxsize=_CACHED)
def _type(formats: str) -> str | None:
    return release_type(None, _words(formats))


@lru_cache(maxsize=_CACHED)
def _words(listed: str) -> list[str]:
    return [unescaped(word) for word in WORDS.findall(listed)]


@lru_cache(maxsize=_CACHED)
def _country(country: str) -> str | None:
    return country_code(unescaped(country))


def _date(released: str, gather: Gather) -> str | None:
    date = parse_date(released)
    if date is None and released.strip("0- "):
        gather.reject("value", "is no date", field="date", value=unescaped(released))
    return date


def _length(duration: str, gather: Gather) -> int | None:
    milliseconds = parse_duration(duration)
    if milliseconds is None and duration.strip("0:. "):
        gather.reject("value", "is no duration", field="duration_ms", value=unescaped(duration))
    return milliseconds


def _label(labels: str) -> tuple[str | None, str | None]:
    """The first label and its catalogue number. “none” is what Discogs has for “no number”."""
    if (match := LABELS.search(labels)) is None:
        return None, None
    of = dict(ATTRIBUTES.findall(match[1]))
    catno = unescaped(of.get("catno", "")).strip()
    return label_name(unescaped(of.get("name", ""))), None if catno.lower() == "none" else catno or None


def _identifiers(identifiers: str, kind: str) -> list[dict[str, str]]:
    typed = f' type="{kind}"'
    found = [dict(ATTRIBUTES.findall(of)) for of in IDENTIFIERS.findall(identifiers) if typed in of]
    return [of for of in found if of.get("value")]


def _barcode(identifiers: str, gather: Gather) -> str | None:
    """The first barcode that is one: they are entered as printed (“7 961220 922684 >”) and as scanned."""
    found = _identifiers(identifiers, "Barcode")
    for of in found:
        if code := parse_barcode(_NO_DIGITS.sub("", unescaped(of["value"]))):
            return code
    if found:
        gather.reject("value", "is no barcode", field="barcode", value=unescaped(found[0]["value"]))
    return None


def _isrcs(identifiers: str, positions: tuple[str, ...]) -> dict[int, list[str]]:
    """The codes of each track, as far as it is said whose they are. The record has the others."""
    codes: dict[int, list[str]] = {}
    for of in _identifiers(identifiers, "ISRC"):
        code = unescaped(of["value"])
        match = _TRACK_NAMED.fullmatch(unescaped(of.get("description", "")).strip())
        if len(positions) == 1:
            codes.setdefault(0, []).append(code)
        elif match and positions.count(match[1].upper()) == 1:
            codes.setdefault(positions.index(match[1].upper()), []).append(code)
    return codes
