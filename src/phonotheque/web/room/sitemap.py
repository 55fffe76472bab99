"""Sitemaps (sitemaps.org 0.9) of what is published, in parts: each is found by key, not by going through all.

An address is there in every language, with links to the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.api.lists import dates_of
from phonotheque.web.oai import kept
from phonotheque.web.oai.protocol import moment
from phonotheque.web.room.addresses import site
from phonotheque.web.room.languages import LANGUAGES
from phonotheque.web.room.pages import room_of

ROUTES: Final = APIRouter(include_in_schema=False)
MOST: Final = 50_000  # addresses of a sitemap, by the protocol
_PART: Final = 10_000  # things of a part; each has an address in every language
_SITEMAPS: Final = 50_000  # of an index, by the protocol
_EDITIONS: Final = 5_000
_NAMESPACES: Final = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)
_PAGES: Final = ("", "listen", "rights", "figures", "mirror", "about", "api", "editions", "bags")


@ROUTES.api_route("/sitemap.xml", methods=["GET", "HEAD"])
def index(request: Request) -> Response:
    """Answer which parts there are."""
    room, address = room_of(request), site(request)
    current = room.published.current()
    parts = ["pages"]
    if current is not None:
        parts += [f"bags/{number + 1}" for number in range(-(-len(current.ids) // _PART))]
    changed = ""
    with room.records.reading() as (opened, _):
        if opened is not None:
            parts += [f"recordings/{number}" for number in kept.parts(opened)]
            stamp = kept.state(opened, "changed")
            changed = f"<lastmod>{moment(int(stamp))}</lastmod>" if stamp else ""
    lines = []
    for part in parts[:_SITEMAPS]:
        dated = "" if part == "pages" else changed
        lines.append(f"<sitemap><loc>{escape(address)}sitemap/{part}.xml</loc>{dated}</sitemap>")
    return _xml(f"<sitemapindex {_NAMESPACES}>", lines, "</sitemapindex>")


@ROUTES.api_route("/sitemap/pages.xml", methods=["GET", "HEAD"])
def pages(request: Request) -> Response:
    """Answer the pages that there are once, and those of editions."""
    numbers = sorted(dates_of(room_of(request)), reverse=True)[:_EDITIONS]
    return _addresses(request, [*_PAGES, *(f"edition/{number}" for number in numbers)])


@ROUTES.api_route("/sitemap/bags/{number}.xml", methods=["GET", "HEAD"])
def bags(request: Request, number: int) -> Response:
    """Answer the pages of some bags of the current edition."""
    current = room_of(request).published.current()
    some = current.ids[_PART * (number - 1) : _PART * number] if current and number > 0 else ()
    if not some:
        raise HTTPException(404)
    return _addresses(request, [f"bag/{quote(name)}" for name in some])


@ROUTES.api_route("/sitemap/recordings/{number}.xml", methods=["GET", "HEAD"])
def recordings(request: Request, number: int) -> Response:
    """Answer the pages of some published recordings."""
    with room_of(request).records.reading() as (opened, _):
        wanted = opened is not None and 0 < number <= _SITEMAPS
        found = kept.in_part(opened, number, MOST // len(LANGUAGES)) if opened and wanted else None
    if found is None:
        raise HTTPException(404)
    return _addresses(request, [f"recording/{one}" for one in found])


def _addresses(request: Request, paths: Iterable[str]) -> Response:
    address = escape(site(request))
    lines = []
    for path in paths:
        there = escape(path)
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{code}" href="{address}{language}/{there}"/>'
            for code, language in (*zip(LANGUAGES, LANGUAGES, strict=True), ("x-default", LANGUAGES[0]))
        )
        lines += [f"<url><loc>{address}{language}/{there}</loc>{links}</url>" for language in LANGUAGES]
    return _xml(f"<urlset {_NAMESPACES}>", lines, "</urlset>")


def _xml(begin: str, lines: list[str], end: str) -> Response:
    data = "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', begin, *lines, end, ""])
    return Response(data.encode("utf-8", "replace"), media_type="application/xml")
