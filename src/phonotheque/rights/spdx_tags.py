"""SPDX tags in the text of a file or of its ``.license`` companion (REUSE 3.3; SPDX 3.0.1, Annex E)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_IGNORED = re.compile(r"REUSE-IgnoreStart.*?(?:REUSE-IgnoreEnd|\Z)", re.DOTALL)
_TAG = re.compile(
    r"^[^\n]{0,40}?SPDX-(?P<name>License-Identifier|FileCopyrightText):[ \t]*(?P<value>[^\n\r]*)",
    re.MULTILINE,
)
_COMMENT_END = re.compile(r"(?:\*/|-->|\*\)|#}|%>)\s*$")
_YEARS = re.compile(r"^(?:\W|©|℗|\bcopyright\b|\b(?:c|p)\b(?=\W)|\b\d{4}\b|[-–,])*", re.IGNORECASE)
_CONTACT = re.compile(r"\s*<[^<>]*>")


@dataclass(frozen=True, slots=True)
class SpdxTags:
    """The tags of one text: licence expressions as written, and the holder as far as one is named."""

    expressions: tuple[str, ...] = ()
    holder: str | None = None


def find_spdx_tags(text: str) -> SpdxTags:
    """Return the SPDX tags of a text, without those between REUSE-IgnoreStart and REUSE-IgnoreEnd."""
    if "SPDX-" not in text:
        return SpdxTags()
    found: dict[str, list[str]] = {"License-Identifier": [], "FileCopyrightText": []}
    for tag in _TAG.finditer(_IGNORED.sub("", text)):
        value = _COMMENT_END.sub("", tag["value"]).strip()
        if value:
            found[tag["name"]].append(value)
    holders = dict.fromkeys(filter(None, map(holder_of, found["FileCopyrightText"])))
    return SpdxTags(tuple(dict.fromkeys(found["License-Identifier"])), "; ".join(holders) or None)


def holder_of(notice: str) -> str | None:
    """Return the name in a copyright notice, without "©", years and addresses; None if nothing is left."""
    name = " ".join(_CONTACT.sub("", _YEARS.sub("", notice)).split()).strip(" .,;")
    return name[:300] or None
