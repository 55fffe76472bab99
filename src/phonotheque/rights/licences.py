"""Licences by identity: from a URI, an SPDX id or a well-known spelling to one value, or to None.

Only what names one licence exactly is read. "CC BY" without a version is None: five licences bear that
name. Identifiers are those of the SPDX licence list; Creative Commons ports keep their jurisdiction in
the same style even where the list has no entry for them (``CC-BY-SA-2.5-CH``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from license_expression import get_spdx_licensing

from phonotheque.rights.families import (
    ALIASES,
    DESIGN_SCIENCE,
    FAMILY_OF,
    NO_COPYRIGHT_US,
    OPEN_AUDIO,
    OWN,
    OWN_IDS,
    RETIRED_IDS,
    STATUS_IDS,
)
from phonotheque.rights.jurisdictions import PORTS
from phonotheque.rights.spellings import Mention, read_whole

MAX_NAME = 400  # characters; no licence has a longer name or URI


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence, or the Public Domain Mark. Equal ids mean equal values."""

    id: str  # SPDX
    family: str  # "cc", "cc0", "pdm", "gpl", "free-art", or of families.py; "other": SPDX's, without a rule
    elements: frozenset[str]  # of "by", "sa", "nc", "nd"; empty outside "cc"
    version: str | None
    jurisdiction: str | None  # of a Creative Commons port, e.g. "AT"
    uri: str


@dataclass(frozen=True, slots=True)
class LicenceUri:
    """A licence URI at ``start:end`` of a text. ``licence`` is None when it does not name exactly one."""

    start: int
    end: int
    uri: str  # as written
    licence: Licence | None
    candidates: tuple[str, ...] = ()  # what an incomplete URI may mean


CC0 = Licence(
    "CC0-1.0", "cc0", frozenset(), "1.0", None, "https://creativecommons.org/publicdomain/zero/1.0/"
)
PDM = Licence(
    "CC-PDM-1.0", "pdm", frozenset(), "1.0", None, "https://creativecommons.org/publicdomain/mark/1.0/"
)
_CC_VERSIONS = ("4.0", "3.0", "2.5", "2.0", "1.0")  # 2.1 exists in ports only
_GNU_VERSIONS = {"GPL": ("3.0", "2.0", "1.0"), "LGPL": ("3.0", "2.1", "2.0"), "AGPL": ("3.0", "1.0")}
_CC_TYPES = tuple(
    frozenset(t.split("-"))
    for t in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "sa", "nd", "nc", "nc-sa", "nc-nd")
)


def creative_commons(elements: frozenset[str], version: str, port: str | None = None) -> Licence | None:
    """Return a licence of the six types (or of the five without attribution, 1.0 only), or None."""
    exists = (
        elements in _CC_TYPES
        and ("by" in elements or version == "1.0")
        and (version in _CC_VERSIONS or (version == "2.1" and port is not None))
        and (port is None or (port in PORTS and version != "4.0"))
    )
    if not exists:
        return None
    letters = [e for e in ("by", "nc", "sa", "nd") if e in elements]
    path = "-".join(letters)
    if version == "1.0":  # the first version put ND before NC in its addresses
        path = {"by-nc-nd": "by-nd-nc", "nc-nd": "nd-nc"}.get(path, path)
    name = "-".join(("CC", *(e.upper() for e in letters), version, *([port] if port else [])))
    uri = f"https://creativecommons.org/licenses/{path}/{version}/{port.lower() + '/' if port else ''}"
    return Licence(name, "cc", elements, version, port, uri)


def gnu(name: str, version: str, *, or_later: bool = False) -> Licence | None:
    """Return a licence of the GPL family (``name`` is GPL, LGPL or AGPL), None if there is none."""
    if version not in _GNU_VERSIONS[name]:
        return None
    spdx = f"{name}-{version}-{'or-later' if or_later else 'only'}"
    old = "" if version == "3.0" else "old-licenses/"
    file = f"{name.lower()}-{version}.html"
    host = "https://www.affero.org/oagpl.html" if (name, version) == ("AGPL", "1.0") else None
    return Licence(
        spdx, "gpl", frozenset(), version, None, host or f"https://www.gnu.org/licenses/{old}{file}"
    )


def free_art(version: str) -> Licence | None:
    """Return the Free Art Licence 1.2 or 1.3 (SPDX: LAL), None for another version."""
    if version not in ("1.2", "1.3"):
        return None
    return Licence(
        f"LAL-{version}", "free-art", frozenset(), version, None, "https://artlibre.org/licence/lal/en/"
    )


def frees(licence: Licence) -> bool:
    """Tell whether a tool says that a work is in the public domain, if only in one country."""
    return licence.family in ("cc0", "pdm", "pddc") or licence.id == NO_COPYRIGHT_US


def _by_id(spdx: str) -> Licence:
    """Return a licence of the SPDX list, or one of our own ids."""
    if own := OWN.get(spdx):
        return Licence(spdx, own.family, frozenset(), None, None, own.uri)
    family = FAMILY_OF.get(spdx, "other")
    return Licence(spdx, family, frozenset(), None, None, f"https://spdx.org/licenses/{spdx}.html")


def _known() -> Iterator[Licence | None]:
    yield from (CC0, PDM, free_art("1.3"), free_art("1.2"))
    yield from (creative_commons(elements, version) for elements in _CC_TYPES for version in _CC_VERSIONS)
    for name, versions in _GNU_VERSIONS.items():
        yield from (gnu(name, version, or_later=later) for version in versions for later in (False, True))
    yield from map(_by_id, (*FAMILY_OF, *OWN))


KNOWN_IDS = tuple(licence.id for licence in _known() if licence)  # with a rule of ours; ports left out


def candidates(mention: Mention) -> tuple[str, ...]:
    """Return the licences a mention may mean, newest first; none when it could be anything."""
    versions: tuple[str, ...] = (mention.version,) if mention.version else ()
    found: list[Licence | None] = []
    match mention.family:
        case "cc":
            port = mention.jurisdiction or None
            found = [creative_commons(mention.elements, v, port) for v in versions or _CC_VERSIONS]
        case "gpl":
            later = mention.or_later
            found = [gnu(mention.name, v, or_later=later) for v in versions or _GNU_VERSIONS[mention.name]]
        case "free-art":
            found = [free_art(v) for v in versions]
        case "cc0":
            found = [CC0]
        case _:  # words for the public domain may mean the mark; only the mark itself says so
            found = [PDM]
    return tuple(licence.id for licence in found if licence)


def readings(text: str) -> tuple[str, ...]:
    """Return the licences that an incomplete name may mean, such as "CC BY", newest first."""
    mention = read_whole(text[:MAX_NAME])
    return candidates(mention) if mention else ()


def licence_of(mention: Mention) -> Licence | None:
    """Return the licence that a mention names exactly, or None."""
    match mention.family:
        case "cc" if mention.version and mention.elements:
            return creative_commons(mention.elements, mention.version, mention.jurisdiction or None)
        case "gpl" if mention.version:
            return gnu(mention.name, mention.version, or_later=mention.or_later)
        case "free-art" if mention.version:
            return free_art(mention.version)
        case "cc0":
            return CC0
        case "pdm":
            return PDM
        case _:
            return None


@cache
def _other_spdx_ids() -> dict[str, str]:
    """Return the SPDX list without what we read ourselves: lower-case id → id."""
    symbols = get_spdx_licensing().known_symbols
    return {key.lower(): key for key, symbol in symbols.items() if not symbol.is_exception and key != "."}


def parse_licence(text: str) -> Licence | None:
    """Return the one licence that ``text`` names: a URI, an SPDX or Debian id, or a common spelling."""
    name = text.strip().strip("<>\"'").strip()
    return _parse(name) if 0 < len(name) <= MAX_NAME else None


@lru_cache(maxsize=4096)
def _parse(name: str) -> Licence | None:
    if uris := find_licence_uris(name):
        whole = len(uris) == 1 and uris[0].start == 0 and not name[uris[0].end :].strip(".,;/")
        return uris[0].licence if whole else None
    small = name.lower()
    if own := OWN_IDS.get(small) or ALIASES.get(small):
        return _by_id(own)
    if spelled := read_whole(name):
        return licence_of(spelled)
    spdx = _other_spdx_ids().get(small)
    return None if spdx is None or spdx.startswith("LicenseRef-") else _by_id(spdx)


# --- URIs ---------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[^\s<>\"'()\[\]{}|\\`]+")
_LICENCE_URL = re.compile(
    r"(?:[A-Za-z][A-Za-z\-]{0,40}[=:])?"  # a label without a space: LICENSE=https://…
    r"(?P<url>(?:https?://)?(?:www\.)?"
    r"(?:(?P<host>creativecommons|gnu|artlibre|spdx|opensource|apache)\.org"
    r"(?P<path>/(?:licen[cs]es?|publicdomain|copyleft)(?:/[^?#]*)?)"
    r"|eff\.org(?P<eff>/ip/open_licenses/[a-z0-9_.]*oal[a-z0-9_.]*)"
    r"|rightsstatements\.org(?P<status>/(?:vocab|page|data)/[^?#]*))(?:[?#].*)?)",
    re.IGNORECASE,
)
_CC_PATH = re.compile(
    r"/licenses/(?P<type>[a-z\-]+)(?:/(?P<version>\d\.\d)(?:/(?P<port>(?!deed|rdf)[a-z]{2,8}))?)?"
    r"(?:/(?:deed|legalcode|rdf)(?:[.\-][a-z_\-.]{1,20})?)?/?"
)
_PD_PATH = re.compile(
    r"/publicdomain/(?P<tool>zero|mark)/1\.0(?:/(?:deed|legalcode|rdf)(?:[.\-][a-z_\-.]{1,20})?)?/?"
)
_RETIRED_PATH = re.compile(
    r"/licenses/(?P<type>sampling|(?:nc-)?sampling(?:\+|%2b)|devnations)/(?P<version>[12]\.0)"
    r"(?:/(?:br|de|tw))?(?:/(?:deed|legalcode|rdf)(?:[.\-][a-z_\-.]{1,20})?)?/?"
)
_CC_GNU_PATH = re.compile(
    r"/licenses/(?P<name>l?gpl)/(?P<version>\d\.\d)(?:/(?:deed|legalcode)[a-z_\-.]{0,20})?/?"
)
_STATUS_PATH = re.compile(r"/(?:vocab|page|data)/(?P<code>[a-z\-]{2,12})/1\.0(?:\.[a-z]{3,6})?/?")
_GNU_PATH = re.compile(
    r"/(?:licenses|copyleft)(?:/old-licenses)?/(?P<name>[al]?gpl)(?:-(?P<version>\d\.\d))?"
    r"(?:-standalone)?(?:\.[a-z\-]{2,5})?(?:\.(?:html|txt|md))?/?"
)


_SUFFIX = re.compile(r"(?:\.(?:html?|txt|php|json))$")


def find_licence_uris(text: str) -> tuple[LicenceUri, ...]:
    """Return every licence URI written in ``text``: http or https, with or without ``www.``, deed or code.

    A URI inside another (a redirect, an archive's copy) is part of that other address and is not found.
    """
    return tuple(_find_uris(text))


def _find_uris(text: str) -> Iterator[LicenceUri]:
    for token in _TOKEN.finditer(text):
        written = token[0].rstrip(".,;:!?*_…")
        if len(written) > MAX_NAME or ".org/" not in written.lower():
            continue
        match = _LICENCE_URL.fullmatch(written)
        if match is None:
            continue
        mention = _read_match(match)
        start = token.start() + match.start("url")
        exact = licence_of(mention) if isinstance(mention, Mention) else mention
        may_mean = candidates(mention) if isinstance(mention, Mention) and exact is None else ()
        yield LicenceUri(start, start + len(match["url"]), match["url"], exact, may_mean)


def _read_match(match: re.Match[str]) -> Mention | Licence | None:
    if match["eff"]:
        return _by_id(OPEN_AUDIO)
    if status := match["status"]:
        return _read_status(status.lower())
    return _read_path(match["host"].lower(), match["path"].lower())


def _read_path(host: str, path: str) -> Mention | Licence | None:
    """Return what a licence's address says: like words, it may leave the version open."""
    if host == "creativecommons":
        if tool := _PD_PATH.fullmatch(path):
            return CC0 if tool["tool"] == "zero" else PDM
        if path.startswith("/licenses/publicdomain"):
            return parse_licence("CC-PDDC")
        if retired := _RETIRED_PATH.fullmatch(path):
            own = RETIRED_IDS[retired["type"].replace("%2b", "+")]
            return _by_id(own) if own.endswith(retired["version"]) else None
        if legacy := _CC_GNU_PATH.fullmatch(path):
            return Mention(0, 0, "gpl", version=legacy["version"], name=legacy["name"].upper())
        cc = _CC_PATH.fullmatch(path)
        elements = frozenset(cc["type"].split("-")) if cc else frozenset()
        if cc is None or elements not in _CC_TYPES:
            return None
        return Mention(0, 0, "cc", elements, cc["version"], cc["port"].upper() if cc["port"] else "")
    if host == "gnu" and path.startswith("/licenses/dsl."):
        return _by_id(DESIGN_SCIENCE)
    if host == "gnu" and (page := _GNU_PATH.fullmatch(path)):
        return Mention(0, 0, "gpl", version=page["version"], name=page["name"].upper())
    if host in ("spdx", "opensource", "apache"):
        name = _SUFFIX.sub("", path.removeprefix("/licenses/").removeprefix("/license/").strip("/"))
        return parse_licence(name.replace("license-", "apache-") if host == "apache" else name)
    return None


def _read_status(path: str) -> Licence | None:
    """Return the statement that an address of rightsstatements.org means."""
    status = _STATUS_PATH.fullmatch(path)
    own = STATUS_IDS.get(status["code"]) if status else None
    return _by_id(own) if own else None
