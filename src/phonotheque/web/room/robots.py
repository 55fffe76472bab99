"""What robots and whoever looks after a site ask for first: robots.txt and security.txt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from phonotheque.web.room.addresses import site
from phonotheque.web.room.contact import contact_uri
from phonotheque.web.room.languages import LANGUAGES
from phonotheque.web.room.pages import room_of

ROUTES: Final = APIRouter(include_in_schema=False)
_VALID: Final = timedelta(days=180)
_CLOSED: Final = ("/stream/", "/download/", "/rest/", "/reports", "/oai", "/api/v1/search")
_CLOSED_PAGES: Final = ("search", "random", "staff", "request")


@ROUTES.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots(request: Request) -> Response:
    """Answer RFC 9309's rules: music, searches, and what is of single people is not crawled."""
    if own := _own(request, "robots.txt"):
        return own
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _CLOSED)]
    lines += [f"Disallow: /{language}/{path}" for language in LANGUAGES for path in _CLOSED_PAGES]
    lines += ["", f"Sitemap: {site(request)}sitemap.xml"]
    return PlainTextResponse("\n".join(lines) + "\n")


@ROUTES.api_route("/.well-known/security.txt", methods=["GET", "HEAD"])
def security(request: Request) -> Response:
    """Answer RFC 9116's file, where the settings say whom to tell."""
    if own := _own(request, ".well-known/security.txt"):
        return own
    contact = contact_uri(room_of(request).archive.settings.serve.contact)
    if not contact:
        raise HTTPException(404)
    address = site(request)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [f"Contact: {contact}", f"Expires: {midnight + _VALID:%Y-%m-%dT%H:%M:%SZ}"]
    lines.append(f"Preferred-Languages: {', '.join(LANGUAGES)}")
    if address.startswith("https://"):
        lines.append(f"Canonical: {address}.well-known/security.txt")
    return PlainTextResponse("\n".join(lines) + "\n")


def _own(request: Request, name: str) -> Response | None:
    """Return what somebody has put into the public tree in place of ours."""
    file = room_of(request).archive.public / name
    return FileResponse(file, media_type="text/plain; charset=utf-8") if file.is_file() else None
