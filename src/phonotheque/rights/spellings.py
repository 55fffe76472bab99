"""Licences as people write them: "CC BY-SA 3.0", "Attribution-NonCommercial (3.0)", "GPL-2+".

A `Mention` is what the words say, with gaps where they say nothing. It is not yet a licence: a mention
without a version may mean several, and a mention in prose may be about something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from phonotheque.rights.jurisdictions import PORTS, UNPORTED


@dataclass(frozen=True, slots=True)
class Mention:
    """One licence named in words, at ``start:end`` of the text.

    ``elements`` is empty for "Creative Commons" without a type. ``jurisdiction`` is a port's code, ""
    where the words say that it is no port ("Unported"), None where they are silent. ``name`` tells the
    GNU licences apart (GPL, LGPL, AGPL).
    """

    start: int
    end: int
    family: str  # "cc", "cc0", "pdm", "gpl", "free-art", "public-domain"
    elements: frozenset[str] = frozenset()
    version: str | None = None
    jurisdiction: str | None = None
    name: str = ""
    or_later: bool = False


_SEP = r"[\s\-‐-―_/,:;.()\"]{0,4}"
_END = r"(?![A-Za-z0-9])"
_LONG = (
    r"(?:attribution|non[\s\-‐]?commercial|share[\s\-‐]?alike|no[\s\-‐]?deriv(?:ative)?s?(?:[\s\-]works)?)"
)
_ANY = rf"(?:{_LONG}|by|nc|sa|nd)"
_LICENCE = r"(?:public\s)?licen[cs]e"
_VERSION = r"(?:v(?:ersion|er)?[\s.]{0,2})?(?P<version>\d(?:\.\d)?)(?!\.?\d)(?![A-Za-z])"
_NAMES = "|".join(re.escape(name).replace(r"\&", "(?:&|and)") for name in (*UNPORTED, *PORTS.values()))
_CODES = "|".join(PORTS)
# Small letters count only after a hyphen: "CC BY 3.0 at example.org" names no port.
_PORT = (
    rf"(?:-(?P<suffix>{_CODES}){_END}|{_SEP}(?P<code>(?-i:{_CODES})){_END}|{_SEP}(?P<place>{_NAMES}){_END})"
)
_TAIL = rf"(?:{_SEP}{_LICENCE}{_END})?(?:{_SEP}{_VERSION}(?:{_PORT})?)?"
_CC = re.compile(
    rf"(?<![A-Za-z0-9])(?:"
    rf"(?:creative[\s\-]?commons|cc)(?P<short>(?:{_SEP}{_ANY})+){_END}"
    rf"|(?P<bare>creative[\s\-]?commons|cc(?=\slicen[cs]e)){_END}"
    rf"|(?P<hyphened>by-(?:nc|sa|nd)(?:-(?:sa|nd))?){_END}"
    rf"|(?P<long>attribution(?:{_SEP}{_LONG})+){_END}"
    rf"|(?P<lone>attribution){_END}(?=(?:{_SEP}{_LICENCE})?{_SEP}{_VERSION.replace('P<version>', ':')})"
    rf"){_TAIL}",
    re.IGNORECASE,
)
_CC0 = re.compile(
    rf"(?<![A-Za-z0-9])(?:cc[\s\-]?0|cc[\s\-]?zero|creative[\s\-]?commons[\s\-](?:zero|0)){_END}(?!\.\d)"
    rf"(?:[\s\-]v?1(?:\.0)?{_END})?(?:\suniversal{_END})?(?:{_SEP}public\sdomain\sdedication{_END})?",
    re.IGNORECASE,
)
_PDM = re.compile(
    rf"(?<![A-Za-z0-9])(?:cc[\s\-]?pdm|(?:creative\scommons\s)?public[\s\-]domain[\s\-]mark){_END}(?:[\s\-]v?1(?:\.0)?{_END})?",
    re.IGNORECASE,
)
_PUBLIC_DOMAIN = re.compile(
    r"(?<![A-Za-z0-9])(?:public[\s\-]domain|domaine[\s\-]public|dominio[\s\-]p[uú]blico|gemeinfrei)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_GPL = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:gnu\s)?(?P<word>affero|lesser|library)?\s?general\spublic\slicen[cs]e"
    rf"|(?:gnu\s)?(?P<letter>[al]?)gpl)(?=[\d\s\-v,;:.()\"]|$|\W){_SEP}"
    rf"(?:licen[cs]e{_SEP})?(?:(?:v(?:ersion|er)?[\s.]{{0,2}})?(?P<version>\d(?:\.\d)?)(?!\.?\d)"
    rf"(?P<later>\+|{_SEP}or{_SEP}(?:\(?at\syour\soption\)?{_SEP})?(?:any{_SEP})?(?:later|newer)(?:{_SEP}version)?)?"
    rf"(?:{_SEP}only{_END})?)?",
    re.IGNORECASE,
)
_FREE_ART = re.compile(
    rf"(?<![A-Za-z0-9])(?:free\sart\slicen[cs]e|licence\sart\slibre|lal|fal){_SEP}"
    r"v?(?P<version>1\.[0-3])(?![\d.]*\d)",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:\b(?:under|the|a|an|is|this|work|license|licence|licensed|licenced|deed|terms|of|released|legal|code)\b|[\W_])*",
    re.IGNORECASE,
)
_ELEMENT_STARTS = {"a": "by", "b": "by", "s": "sa"}


def _element(word: str) -> str:
    lowered = word.lower()
    if lowered[0] in _ELEMENT_STARTS:
        return _ELEMENT_STARTS[lowered[0]]
    return "nd" if lowered == "nd" or lowered.startswith(("nod", "no-d", "no d", "no‐d")) else "nc"


def _two_figures(version: str | None) -> str | None:
    return f"{version}.0" if version and "." not in version else version


def _cc(match: re.Match[str]) -> Mention:
    words = match["short"] or match["hyphened"] or match["long"] or match["lone"] or ""
    port: str | None = (match["suffix"] or match["code"] or "").upper() or None
    if place := match["place"]:
        plain = place.lower().replace(" and ", " & ")
        port = next((code for code, name in PORTS.items() if name.lower() == plain), "")
    return Mention(
        *match.span(),
        "cc",
        elements=frozenset(_element(word) for word in re.findall(_ANY, words, re.IGNORECASE)),
        version=_two_figures(match["version"]),
        jurisdiction=port,
    )


def _gpl(match: re.Match[str]) -> Mention:
    letter = (match["word"] or match["letter"] or "")[:1].upper()
    return Mention(
        *match.span(),
        "gpl",
        version=_two_figures(match["version"]),
        name=f"{letter}GPL",
        or_later=match["later"] is not None,
    )


# First come, first served: what an earlier pattern has claimed, a later one does not see again.
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Mention]], ...] = (
    (_CC0, lambda m: Mention(*m.span(), "cc0", version="1.0")),
    (_PDM, lambda m: Mention(*m.span(), "pdm", version="1.0")),
    (_CC, _cc),
    (_GPL, _gpl),
    (_FREE_ART, lambda m: Mention(*m.span(), "free-art", version=m["version"])),
    (_PUBLIC_DOMAIN, lambda m: Mention(*m.span(), "public-domain")),
)


def find_mentions(text: str) -> tuple[Mention, ...]:
    """Return every licence that ``text`` names in words, in order. URIs should be blanked out before."""
    return tuple(sorted(_mentions(text), key=lambda mention: mention.start))


def _mentions(text: str) -> Iterator[Mention]:
    for pattern, read in _PATTERNS:
        pieces, kept = [], 0
        for match in pattern.finditer(text):
            yield read(match)
            pieces += [text[kept : match.start()], "\0" * (match.end() - match.start())]
            kept = match.end()
        text = "".join((*pieces, text[kept:]))


def read_whole(text: str) -> Mention | None:
    """Return the one licence that ``text`` consists of, or None if it says anything else as well."""
    mentions = find_mentions(text)
    kept = 0
    for mention in mentions:
        if not _FILLER.fullmatch(text, kept, mention.start):
            return None
        kept = mention.end
    return _merged(mentions) if mentions and _FILLER.fullmatch(text, kept) else None


def _merged(mentions: Iterable[Mention]) -> Mention | None:
    """Return what mentions say together ("Attribution 3.0 Austria (CC BY 3.0)"), None if they disagree."""
    first, *rest = mentions
    for other in rest:
        if (other.family, other.elements, other.name) != (first.family, first.elements, first.name):
            return None
        for mine, its in ((first.version, other.version), (first.jurisdiction, other.jurisdiction)):
            if mine is not None and its is not None and mine != its:
                return None
        first = replace(
            first,
            version=first.version or other.version,
            jurisdiction=first.jurisdiction or other.jurisdiction,
            or_later=first.or_later or other.or_later,
        )
    return first
