"""``/api/v1``: where everything begins, and a page for people who write programs."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.mirrors.telling_health import FEED
from phonotheque.web.api import lists, models, things
from phonotheque.web.api.answering import answer, reading
from phonotheque.web.room.addresses import site
from phonotheque.web.room.pages import page, room_of

ROUTES: Final = APIRouter()
PAGES: Final = APIRouter()
_BEGIN: Final = APIRouter(prefix="/api/v1")
_LINKS: Final = (
    "search",
    "recordings",
    "editions",
    "bags",
    "withdrawals",
    "accessions",
    "decisions",
    "sources",
)


@reading(_BEGIN, "/", models.Start, tags=["start"])
def start(request: Request) -> Response:
    """What this is, and where its lists are."""
    room, address = room_of(request), site(request)
    current, catalogue = room.published.current(), room.catalogue
    told = models.Start(
        archive=room.name,
        id=current.edition.archive.id if current else room.archive.settings.archive.id,
        mirror=room.archive.is_mirror,
        edition=current.edition.number if current else None,
        catalogue=catalogue.snapshot.stamp if catalogue else None,
        links={name: f"{address}api/v1/{name}" for name in _LINKS},
    )
    return answer(request, told)


def _nothing(path: str) -> Response:
    """Answer below /api that there is nothing: the public tree has no such folder."""
    raise HTTPException(404, "There is nothing here. See /api/v1/.")


def _asked_first(path: str) -> Response:
    """Answer a browser that asks, for a page of another site, whether that may ask (CORS)."""
    del path
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "If-None-Match",
        "Access-Control-Max-Age": "86400",
    }
    return Response(status_code=204, headers=allowed)


@PAGES.api_route("/api", methods=["GET", "HEAD"])
def explained(request: Request) -> Response:
    """Answer the page that explains the interfaces."""
    described = request.app.openapi()["paths"]
    found = [
        {"path": path, "told": one["get"]["description"], "tag": one["get"]["tags"][0]}
        for path, one in described.items()
        if path.startswith("/api/v1/") and "get" in one
    ]
    alerts = (room_of(request).archive.public / FEED).is_file()
    return page(request, "api.html.j2", endpoints=found, site=site(request), alerts=alerts)


for _routes in (_BEGIN, things.ROUTES, lists.ROUTES):
    ROUTES.include_router(_routes)
ROUTES.add_api_route("/api/{path:path}", _asked_first, methods=["OPTIONS"], include_in_schema=False)
ROUTES.add_api_route("/api/{path:path}", _nothing, methods=["GET", "HEAD"], include_in_schema=False)
