"""The normal forms of what every source writes in its own way: dates, durations, countries, release types.

Every function returns the normal form, or ``None`` when the text says nothing that can be relied on. Digits
are ASCII only. Nothing is guessed: of an ambiguous text only what is certain is kept.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from functools import lru_cache

from phonotheque.model.countries import NAMES, OTHERS
from phonotheque.model.text import fold

EARLIEST, LATEST = 1860, 2100  # years of a release: from the oldest sound that was recorded and can be played
_LONGEST_TEXT = 64  # characters of a date, duration or country; more is something else

_DATE = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?)?(?:[T ][0-9:.Z+-]*)?", re.ASCII)
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEARS = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")
_NUMBERS = re.compile(r"[0-9]+")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):(?=[0-9]{2}:))?([0-9]{1,4}):([0-5][0-9])(?:[.,]([0-9]{1,9}))?")
_PERIOD = re.compile(
    r"P(?:([0-9]{1,4})D)?T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:[.,]([0-9]{1,9}))?S)?"
)
_DISAMBIGUATOR = re.compile(r"(?<=\S) \([0-9]{1,6}\)$")

# From the most to the least telling: what a release is called when it is several of them.
_SECONDARY = (
    "audiobook",
    "audio drama",
    "interview",
    "spokenword",
    "soundtrack",
    "dj-mix",
    "mixtape",
    "field recording",
    "demo",
    "live",
    "remix",
    "compilation",
)
_PRIMARY = ("broadcast", "ep", "single", "album", "other")
RELEASE_TYPES = (*_SECONDARY, *_PRIMARY)

# Other words for them: of MusicBrainz, of Discogs' format descriptions, of DDEX' allowed values.
_SAME_TYPE = {
    "spoken word": "spokenword",
    "audiobookrelease": "audiobook",
    "audiodramarelease": "audio drama",
    "original soundtrack": "soundtrack",
    "mixed": "dj-mix",
    "djmix": "dj-mix",
    "dj mix": "dj-mix",
    "mixtape/street": "mixtape",
    "fieldrecording": "field recording",
    "remixes": "remix",
    "sampler": "compilation",
    "partial album": "album",
    "lp": "album",
    "mini-album": "album",
    "minialbum": "album",
    "classicalalbum": "album",
    "multimediaalbum": "album",
    "digitalboxsetrelease": "album",
    "maxi-single": "single",
    "maxisingle": "single",
    "multimediasingle": "single",
    "transcription": "broadcast",
    "radio show": "broadcast",
    "ringtonerelease": "other",
    "videoalbum": "other",
    "videosingle": "other",
}
_RANK = {word: rank for rank, word in enumerate(RELEASE_TYPES)}


@lru_cache(maxsize=1 << 14)
def parse_date(text: str) -> str | None:
    """Return a date as precise as it is known: “1999”, “1999-03” or “1999-03-21” (ISO 8601), or None.

    Zeros and impossible months or days are left out (“1999-03-00” is “1999-03”); so is a time of day. Of
    other notations (“03/04/1999”, “ca. 1999”) only the year is kept, if there is a single one. Years are
    1860 to 2100.
    """
    shown = text.strip()
    if len(shown) > _LONGEST_TEXT:
        return None
    if match := _DATE.fullmatch(shown):
        year, month, day = match[1], match[3], match[4]
    elif match := _COMPACT.fullmatch(shown):
        year, month, day = match.groups()
    else:
        years = _YEARS.findall(shown)
        # A longer number beside it makes even the year doubtful.
        if len(years) != 1 or any(len(number) > 4 for number in _NUMBERS.findall(shown)):
            return None
        year, month, day = years[0], None, None
    if not EARLIEST <= int(year) <= LATEST:
        return None
    if not month or not 1 <= int(month) <= 12:
        return year
    if not day or not 1 <= int(day) <= monthrange(int(year), int(month))[1]:
        return f"{year}-{int(month):02}"
    return f"{year}-{int(month):02}-{int(day):02}"


@lru_cache(maxsize=1 << 14)
def parse_duration(text: str) -> int | None:
    """Return milliseconds of “4:45”, “1:02:03”, “04:45.5” or ISO 8601 (“PT4M45S”), or None.

    A bare number is no duration: its unit is not known. Nor is zero, which is what is written for “unknown”.
    """
    shown = text.strip()
    if len(shown) > _LONGEST_TEXT:
        return None
    if match := _CLOCK.fullmatch(shown):
        hours, minutes, seconds, fraction = match.groups()
        days: str | None = None
        if hours and int(minutes) > 59:
            return None
    elif (match := _PERIOD.fullmatch(shown.upper())) and shown[-1] not in "Tt":
        days, hours, minutes, seconds, fraction = match.groups()
    else:
        return None
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "").ljust(3, "0")[:3]) or None


@lru_cache(maxsize=1 << 12)
def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of one country, given its code or a name in English, or None.

    Also XW (worldwide), XE (Europe) and XK (Kosovo) as MusicBrainz uses them, and countries that are no more:
    AN, CS (Serbia and Montenegro), DD, DY, HV, RH, SU, VD, XC (Czechoslovakia), YD, YU, ZR. Several countries
    together (“UK & Europe”) have no code.
    """
    shown = text.strip()
    if len(shown) > _LONGEST_TEXT:
        return None
    if len(shown) == 2 and shown.isascii() and shown.upper() in _CODES:
        return _CODES[shown.upper()]
    return _COUNTRIES.get(_country_key(shown))


def release_type(primary: str | None, secondaries: Iterable[str] = ()) -> str | None:
    """Return the one word of RELEASE_TYPES that tells most about a release, or None if no word is known.

    The words may be MusicBrainz' primary and secondary types, Discogs' format descriptions or DDEX' release
    types, in any case. A secondary type tells more than a primary one: a live album is “live”, a compilation
    of singles “compilation”; RELEASE_TYPES is in that order.
    """
    ranks = [
        _RANK[known]
        for word in (primary, *secondaries)
        if word and (known := _SAME_TYPE.get(word.strip().lower(), word.strip().lower())) in _RANK
    ]
    return RELEASE_TYPES[min(ranks)] if ranks else None


def discogs_name(text: str) -> str:
    """Return a name without the number by which Discogs tells namesakes apart: “Nirvana (2)” → “Nirvana”."""
    return _DISAMBIGUATOR.sub("", text) if text.endswith(")") else text


def label_name(text: str) -> str | None:
    """Return the name of a label without Discogs' number, or None where the text says that there is none."""
    name = discogs_name(text.strip())
    if not name or name.lower().startswith("not on label") or name.lower() in ("[no label]", "none"):
        return None
    return name


def _country_key(name: str) -> str:
    """Equal for “Bosnia & Herzegovina” and “Bosnia and Herzegovina”, “The Gambia” and “Gambia”."""
    return " ".join(word for word in fold(name).replace("u s", "us").split() if word not in ("and", "the"))


def _table() -> tuple[dict[str, str], dict[str, str]]:
    codes, countries = {"UK": "GB", "XG": "DD"}, {}  # XG is MusicBrainz' code for East Germany
    for line in f"{NAMES}{OTHERS}".split("\n"):
        code, _, names = line.partition(" ")
        if code:
            codes[code] = code
            countries.update({_country_key(name): code for name in names.split(" | ")})
    return codes, countries


_CODES, _COUNTRIES = _table()
