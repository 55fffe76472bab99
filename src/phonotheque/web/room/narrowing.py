"""Facets as a page shows them: what is chosen, and what else could be, with numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request

from phonotheque.catalogue.facets import OTHERS
from phonotheque.catalogue.sieve import GROUPS, HOLDING, Chosen, Counts, years
from phonotheque.model.errors import UsageError
from phonotheque.web.room.languages import locale
from phonotheque.web.room.pages import _, language_of, told

_LONGEST: Final = 100  # characters of a value
_SHOWN: Final = 8  # values of a group; more are folded up
_MOST: Final = 60
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_TITLES: Final = {
    "holding": _("Held here"),
    "licence": _("Licence"),
    "format": _("Format"),
    "year": _("Year"),
    "country": _("Country of the first release"),
    "source": _("Source of facts"),
}
_HOLDING: Final = {
    "held": _("Held"),
    "heard": _("May be heard where you are"),
    "known": _("Only known, not held"),
}
_FORMATS: Final = {
    "aac": "AAC",
    "alac": "ALAC",
    "ape": "Monkey’s Audio",
    "flac": "FLAC",
    "mp3": "MP3",
    "opus": "Opus",
    "tta": "TTA",
    "vorbis": "Ogg Vorbis",
    "wavpack": "WavPack",
}
_OUR_SOURCES: Final = {"folder": _("Files that were taken in"), "table": _("Tables")}
_SOURCES: Final = {
    "ddex": "DDEX",
    "discogs": "Discogs",
    "fma": "Free Music Archive",
    "internet-archive": "Internet Archive",
    "listenbrainz": "ListenBrainz",
    "musicbrainz": "MusicBrainz",
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet. ``query`` is what an address says when it is chosen, or left if it is."""

    label: str
    number: int
    chosen: bool
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """A facet: the values that are shown, and those that are folded up."""

    name: str
    title: str
    values: tuple[Value, ...]
    more: tuple[Value, ...] = ()


def chosen_in(request: Request) -> Chosen:
    """Return what an address says is chosen. Raises UsageError for what makes no sense."""
    said = {group: request.query_params.get(group, "").strip() for group in GROUPS}
    for group, value in said.items():
        if len(value) > _LONGEST or "\0" in value or not _sensible(group, value):
            raise UsageError(
                f"“{group}” in the address says “{value[:_LONGEST]}”: there is no such choice.",
                "Search without it, and choose again.",
            )
    return Chosen(**said)


def _sensible(group: str, value: str) -> bool:
    if not value:
        return True
    if group == "year":
        try:
            years(value)
        except ValueError:
            return False
    if group == "country":
        return _COUNTRY.fullmatch(value) is not None
    return group != "holding" or value in HOLDING


def query_of(q: str, chosen: Chosen) -> dict[str, str]:
    """Return the query of the address of a search."""
    said = {"q": q, **{group: getattr(chosen, group) for group in GROUPS}}
    return {name: value for name, value in said.items() if value}


def groups(request: Request, q: str, chosen: Chosen, counts: Counts) -> list[Group]:
    """Return the facets that have something to choose, with what is chosen."""
    found = []
    for group in GROUPS:
        values = _values(counts, group, chosen)
        name = _labels(request, group)
        shown = [_value(q, chosen, group, value, number, name) for value, number in values]
        now = getattr(chosen, group)
        if now and not any(value.chosen for value in shown):
            shown.insert(0, _value(q, chosen, group, now, counts[group][now], name))
        if shown:
            first = _SHOWN if group != "year" else len(shown)
            found.append(
                Group(group, told(request, _TITLES[group]), tuple(shown[:first]), tuple(shown[first:]))
            )
    return found


def removals(request: Request, q: str, chosen: Chosen) -> list[Value]:
    """Return what is chosen, with the address without it."""
    return [
        _value(q, chosen, group, value, 0, _labels(request, group))
        for group in GROUPS
        if (value := getattr(chosen, group))
    ]


def _values(counts: Counts, group: str, chosen: Chosen) -> list[tuple[str, int]]:
    if group == "holding":
        return [(value, counts[group][value]) for value in HOLDING if counts[group].total()]
    return _years(counts, chosen) if group == "year" else counts[group].most_common(_MOST)


def _value(q: str, chosen: Chosen, group: str, value: str, number: int, label: Callable[[str], str]) -> Value:
    is_chosen = getattr(chosen, group) == value
    query = query_of(q, replace(chosen, **{group: "" if is_chosen else value}))
    return Value(label(value), number, is_chosen, query)


def _years(counts: Counts, chosen: Chosen) -> list[tuple[str, int]]:
    """Return decades; of the one that is chosen, or has the year that is, its years instead."""
    opened = years(chosen.year)[0] // 10 if chosen.year else None
    found: dict[str, int] = {}
    for year, number in sorted(counts["year"].items()):
        decade = int(year) // 10
        name = f"{decade}0s".zfill(5)
        found[name] = found.get(name, 0) + number
        if decade == opened:
            found[year.zfill(4)] = number
    return list(found.items())


def _labels(request: Request, group: str) -> Callable[[str], str]:
    territories = locale(language_of(request)).territories

    def label(value: str) -> str:
        if group == "holding":
            return told(request, _HOLDING[value])
        if group == "format":
            return "PCM" if value.startswith("pcm_") else _FORMATS.get(value, value)
        if group == "year" and value.endswith("s"):
            return told(request, _("%(decade)ss"), decade=value.removesuffix("s"))
        if group == "country":
            names = {"XW": told(request, _("Worldwide")), "XE": told(request, _("Europe"))}
            return names.get(value) or str(territories.get(value, value))
        if group == "source":
            ours = _OUR_SOURCES | {OTHERS: _("Other sources")}
            return told(request, ours[value]) if value in ours else _SOURCES.get(value, value)
        return value

    return label


def hidden(chosen: Chosen) -> Iterable[tuple[str, str]]:
    """Return the fields that a form has to carry along."""
    return [(group, value) for group in GROUPS if (value := getattr(chosen, group))]
