"""One page of every kind that a room has, found by following its links from the first screen."""

from __future__ import annotations

import re
from collections import deque
from html import unescape

from tests.web.room.visits import Visit

_LINK = re.compile(r'href="(/(?:en|fr)/[^"#]*)"')
_MOST = 400  # pages looked at
KINDS = {
    "", "about", "accession", "accessions", "artist", "bag", "bags", "correct", "edition", "editions",
    "figures", "label", "labels", "listen", "mirror", "random", "recording", "release", "rights",
    "rights/", "search", "source", "sources",
}  # fmt: skip


def kind_of(path: str) -> str:
    """Return the kind of a page: its first part, with a slash for what is below a page that lists it."""
    first, slash, rest = path.split("?")[0].removeprefix("/").partition("/")[2].partition("/")
    return f"{first}/" if slash and rest and first in ("figures", "rights") else first


def pages_by_kind(visit: Visit, language: str = "en") -> dict[str, str]:
    """Return for each kind a path to one such page, all in a language."""
    found: dict[str, str] = {}
    waiting, seen = deque([f"/{language}/", f"/{language}/search?q=a"]), set[str]()
    while waiting and len(seen) < _MOST:
        path = waiting.popleft()
        if path in seen:
            continue
        seen.add(path)
        answer = visit.ask(path.removeprefix("/"))
        if answer.status in (303, 307, 308):
            waiting.append(answer.headers["location"])
            continue
        if answer.status != 200 or not answer.headers["content-type"].startswith("text/html"):
            continue
        found.setdefault(kind_of(path), path)
        if found.keys() >= KINDS:
            break
        links = [unescape(link) for link in _LINK.findall(answer.data.decode())]
        # Kinds that are still sought come first.
        for link in links:
            if link.startswith(f"/{language}/"):
                (waiting.appendleft if kind_of(link) not in found else waiting.append)(link)
    return found
