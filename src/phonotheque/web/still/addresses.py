"""Addresses of a page that lies in a folder: relative, to the files that there are, and to nothing else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from lxml import etree, html

from phonotheque.web.still.asking import HOST

LOOK_UP: Final = "look-up"
_SCRIPTS: Final = ("copying.js", "look_up.js")  # the others need a server that answers
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'"
)
# Files that pages show or give away, and that are made or copied with them.
_FILE: Final = re.compile(r"/static/|/[a-z]{2}/figures/(?:drawn/[^/]+|[^/]+\.(?:svg|png|csv))$")
_EDITION: Final = re.compile(r"edition/([1-9][0-9]*)")
_GOES_ON: Final = frozenset({"after", "before"})  # of lists that a server goes on with
# Parts of the public tree, which lie beside the pages.
_BESIDE: Final = (
    "/targets/",
    "/bags/",
    "/metadata/",
    "/look-up/",
    "/feed.atom",
    "/copies.json",
    "/.well-known/",
)


def settled(
    page: bytes, path: str, pages: Collection[str], is_there: Callable[[str], bool]
) -> tuple[bytes, set[str]]:
    """Return a page as a file, and which files of the program it needs (``/static/…``).

    ``path`` is where it was asked for, ``pages`` are all that become files (``/en/bag/x``), and ``is_there``
    tells of another path of the public tree whether a file is there. What leads to a recording leads to where
    recordings are looked up, to an edition without a page to what is signed of it; what needs a server is no
    link any more, nor does a page say that it had an address where it was made.
    """
    document = html.document_fromstring(page.decode())
    needed: set[str] = set()
    for script in document.xpath("//script[@src]"):
        if not script.get("src").endswith(_SCRIPTS):
            script.drop_tree()
    for said in document.xpath("//link[@rel='canonical'] | //meta[@content]"):
        if (said.get("href") or said.get("content")).startswith(f"http://{HOST}/"):
            said.drop_tree()
    for element in document.xpath("//*[@href or @src or @srcset]"):
        name = next(name for name in ("href", "src", "srcset") if element.get(name) is not None)
        address = element.get(name)
        if _FILE.match(address):
            needed.add(address)
        found = _beside(address, path, pages, is_there)
        if found is not None:
            element.set(name, found)
        elif element.get("rel") in ("next", "prev"):
            element.drop_tree()
        elif element.tag == "a":
            del element.attrib[name]
        elif element.tag != "form":
            element.drop_tree()
    head = document.find("head")
    if head is not None:
        policy = etree.SubElement(head, "meta")
        policy.set("http-equiv", "Content-Security-Policy")
        policy.set("content", _POLICY)
        head.insert(1, policy)
    told: bytes = html.tostring(document, doctype="<!doctype html>", encoding="utf-8")
    return told + b"\n", needed


def file_of(path: str) -> str:
    """Return the file, relative to the public tree, that a page asked for at ``path`` becomes."""
    return posixpath.join(path.strip("/"), "index.html")


def _beside(address: str, path: str, pages: Collection[str], is_there: Callable[[str], bool]) -> str | None:
    """Return an address relative to the page at ``path``; None for what is not among the files."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return address
    if not parts.path.startswith("/"):
        return address
    here = unquote(parts.path)
    after = f"#{parts.fragment}" if parts.fragment else ""
    if here.rstrip("/") in pages:
        goes_on = parse_qs(parts.query).keys() & _GOES_ON
        return None if goes_on else _relative(file_of(here), path) + after
    language, _, rest = here.strip("/").partition("/")
    if rest.startswith("recording/"):
        found = _relative(file_of(f"/{language}/{LOOK_UP}"), path)
        return f"{found}?q={quote(rest.removeprefix('recording/'))}"
    if _FILE.match(here):
        return _relative(here.strip("/"), path) + after
    if edition := _EDITION.fullmatch(rest):
        here = f"/targets/editions/{edition[1]}/edition.json"
    if here.startswith(_BESIDE) and is_there(here.strip("/")):
        return _relative(here.strip("/"), path) + after
    return None


def _relative(file: str, path: str) -> str:
    return quote(posixpath.relpath(file, path.strip("/") or "."))
