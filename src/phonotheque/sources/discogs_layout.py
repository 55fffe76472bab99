"""How Discogs writes a release, as patterns: to read by them is many times faster than to build a tree.

``usual`` takes a whole release or nothing, and what it takes is well-formed XML. Everything else, be it
broken or only laid out in another way, is given to lxml; what that accepts is written anew in this layout.
So there is one way to read a release, and two ways to get there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import NamedTuple

from lxml import etree

# Possessive quantifiers (“*+”): what was matched is not tried in another way, so the time is linear.
_ATTRIBUTES = r'(?: [A-Za-z_0-9]++="[^"<]*+")*+'


def _element(tag: str, inside: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}(?: ?/>|>{inside}</{tag}>)"


def _text(tag: str, *, keep: bool = False) -> str:
    return _element(tag, "([^<]*+)" if keep else "[^<]*+")


def _list(tag: str, item: str, *, keep: bool = False) -> str:
    return _element(tag, f"((?:{item})*+)" if keep else f"(?:{item})*+")


def _in_turn(*parts: str) -> str:
    """Each of them may be missing."""
    return "".join(f"(?:{part})?+" for part in parts)


def _mixed(*parts: str) -> str:
    """Any number of each, in any order."""
    return f"(?:{'|'.join(parts)})*+"


def _artist(*, keep: bool = False) -> str:
    tags = ("id", "name", "anv", "join", "role", "tracks")
    return f"<artist>{_in_turn(*(_text(tag, keep=keep) for tag in tags))}</artist>"


def _track(*more: str, keep: bool = False) -> str:
    texts = [_text(tag, keep=keep) for tag in ("position", "title", "duration")]
    people = [_list(tag, _artist(), keep=keep) for tag in ("artists", "extraartists")]
    return f"<track>{_in_turn(*texts, *people, *more)}</track>"


_SUB_TRACKS = _list("sub_tracks", _track())
_FORMAT = _element("format", _in_turn(_list("descriptions", _text("description"))), _ATTRIBUTES)
_COMPANY = ("id", "name", "catno", "entity_type", "entity_type_name", "resource_url")
# What no facts are made of may stand between any others. The record has it.
_BETWEEN = _mixed(
    _list("images", _element("image", "", _ATTRIBUTES)),
    _list("series", _element("series", "", _ATTRIBUTES)),
    _text("notes"),
    _text("data_quality"),
    _element("master_id", "[^<]*+", _ATTRIBUTES),
    _list("companies", f"<company>{_mixed(*map(_text, _COMPANY))}</company>"),
    _list("videos", _element("video", _mixed(_text("title"), _text("description")), _ATTRIBUTES)),
)
_SECTIONS = {
    "artists": _list("artists", _artist(), keep=True),
    "title": _text("title", keep=True),
    "labels": _list("labels", _element("label", "", _ATTRIBUTES), keep=True),
    "extraartists": _list("extraartists", _artist(), keep=True),
    "formats": _list("formats", _FORMAT, keep=True),
    "genres": _list("genres", _text("genre"), keep=True),
    "styles": _list("styles", _text("style"), keep=True),
    "country": _text("country", keep=True),
    "released": _text("released", keep=True),
    "tracklist": _list("tracklist", _track(_SUB_TRACKS), keep=True),
    "identifiers": _list("identifiers", _element("identifier", "", _ATTRIBUTES), keep=True),
}
_RELEASE_START = '<release id="'
_RELEASE = re.compile(
    (
        f'\\s*+{_RELEASE_START}([0-9]{{1,18}})"{_ATTRIBUTES}>{_BETWEEN}'
        + "".join(f"(?:{section})?+{_BETWEEN}" for section in _SECTIONS.values())
        + "</release>"
    ).encode()
)
_AMPERSAND = re.compile(rb"&[^;&<]{0,9};?")
_NO_CHARACTERS = bytes(set(range(0x20)) - set(b"\t\n\r"))

# What the sections hold, for ``findall``: a tuple for each, with “” for what is missing.
ARTISTS = re.compile(_artist(keep=True))  # id, name, anv, join, role, tracks
TRACKS = re.compile(_track(_list("sub_tracks", _track(), keep=True), keep=True))  # position, title, duration,
SUB_TRACKS = re.compile(_track(keep=True))  # artists, extraartists; and sub_tracks of those that have them
LABELS = re.compile(f"<label({_ATTRIBUTES})")
ATTRIBUTES = re.compile(r' ([A-Za-z_0-9]++)="([^"<]*+)"')
IDENTIFIERS = re.compile(f"<identifier({_ATTRIBUTES})")
WORDS = re.compile("<(?:genre|style|description)>([^<]+)<")

_REFERENCE = re.compile("&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class Sections(NamedTuple):
    """What stands between the tags of a release, references and all; “” where there is nothing."""

    id: str
    artists: str
    title: str
    labels: str
    extraartists: str
    formats: str
    genres: str
    styles: str
    country: str
    released: str
    tracklist: str
    identifiers: str


def is_plain(run: bytes) -> bool:
    """Return whether bytes are UTF-8, hold only characters that XML allows, and references only to such."""
    try:
        run.decode()
    except UnicodeDecodeError:
        return False
    if (
        b"\xef\xbf\xbe" in run
        or b"\xef\xbf\xbf" in run
        or len(run.translate(None, _NO_CHARACTERS)) < len(run)
    ):
        return False
    return all(map(_is_reference, set(_AMPERSAND.findall(run))))


def usual(run: bytes, start: int) -> tuple[Sections, int, int] | None:
    """Return the release that begins there, and where it does and ends; None if its layout is another one.

    White space may come before it. The run is plain (``is_plain``): only then is what matches well-formed.
    """
    match = _RELEASE.match(run, start)
    if match is None:
        return None
    sections = Sections._make([section.decode() for section in match.groups(b"")])
    return sections, match.start(1) - len(_RELEASE_START), match.end()


def unescaped(text: str) -> str:
    """Return text with its references to characters replaced."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def rewritten(release: etree._Element) -> Sections:
    """Return the sections of a release that lxml has parsed, whatever its layout. Its id is a number."""
    parts = "".join(_written(part) for part in _parts(release, tuple(_SECTIONS), many=False))
    found = usual(f'<release id="{release.get("id", "").strip()}">{parts}</release>'.encode(), 0)
    if found is None:
        raise ValueError("what was written in the usual layout is not in it")
    return found[0]


def _character(match: re.Match[str]) -> str:
    hexadecimal, decimal, name = match.groups()
    return _NAMED[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))


@lru_cache(maxsize=1 << 14)
def _is_reference(text: bytes) -> bool:
    """Return whether an ampersand and what follows it is a reference to a character that XML allows."""
    match = _REFERENCE.fullmatch(text.decode())
    if match is None:
        return False
    hexadecimal, decimal, name = match.groups()
    if name:
        return name in _NAMED
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return (
        code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    )


# What is inside of what, in the order of the patterns above, and whether there may be many of it.
_INSIDE: dict[str, tuple[tuple[str, ...], bool]] = {
    "artists": (("artist",), True),
    "extraartists": (("artist",), True),
    "labels": (("label",), True),
    "formats": (("format",), True),
    "format": (("descriptions",), False),
    "descriptions": (("description",), True),
    "genres": (("genre",), True),
    "styles": (("style",), True),
    "tracklist": (("track",), True),
    "sub_tracks": (("track",), True),
    "identifiers": (("identifier",), True),
    "label": ((), True),
    "identifier": ((), True),
    "artist": (("id", "name", "anv", "join", "role", "tracks"), False),
    "track": (("position", "title", "duration", "artists", "extraartists", "sub_tracks"), False),
}
_WITH_ATTRIBUTES = ("label", "identifier", "format")


def _written(element: etree._Element) -> str:
    tag = element.tag
    if tag not in _INSIDE:
        return f"<{tag}>{escape(str(element.xpath('string()')), quote=False)}</{tag}>"
    attributes = ""
    if tag in _WITH_ATTRIBUTES:
        named = ((name, value) for name, value in element.items() if name.isascii() and name.isidentifier())
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in named)
    if tag == "sub_tracks":  # one level of them is read: deeper ones are brought up
        inside = [track for track in element.iter("track") if track.find("sub_tracks") is None]
    else:
        inside = _parts(element, *_INSIDE[tag])
    return f"<{tag}{attributes}>{''.join(map(_written, inside))}</{tag}>"


def _parts(element: etree._Element, tags: tuple[str, ...], many: bool) -> list[etree._Element]:
    if many:
        return [child for child in element if child.tag in tags]
    return [child for tag in tags if (child := element.find(tag)) is not None]
