"""The reading room as an application: its pages, its interfaces, and the public tree behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from phonotheque import __version__
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.web.api.problems import for_programs, problem
from phonotheque.web.counting import Traffic
from phonotheque.web.guard import Visitors
from phonotheque.web.proxied import BehindProxies, trusted_proxies
from phonotheque.web.room import (
    asked_page,
    correcting,
    covers,
    front,
    looking,
    places,
    searching,
    shuffling,
    streaming,
    things_pages,
)
from phonotheque.web.room.compression import Compression
from phonotheque.web.room.desk import Desk
from phonotheque.web.room.headers import SecurityHeaders
from phonotheque.web.room.languages import preferred
from phonotheque.web.room.limits import Protection
from phonotheque.web.room.line import Line
from phonotheque.web.room.pages import page, room_of
from phonotheque.web.room.programs import PROGRAMS, PROGRAMS_EXPLAINED
from phonotheque.web.room.reservation import Reservation
from phonotheque.web.room.routing import LANGUAGE
from phonotheque.web.room.state import Room
from phonotheque.web.room.workers import Workers
from phonotheque.web.serve import public_application
from phonotheque.web.staff import deciding, login, reading
from phonotheque.web.subsonic import routes as subsonic
from phonotheque.web.subsonic.shelves import Shelves

_A_YEAR: Final = "public, max-age=31536000, immutable"


# Pages have addresses /{language}/…; each router says its own below that.
PAGES: Final[Sequence[APIRouter]] = (
    *PROGRAMS_EXPLAINED,
    front.ROUTES,
    searching.ROUTES,
    shuffling.ROUTES,
    things_pages.ROUTES,
    places.ROUTES,
    looking.ROUTES,
    correcting.ROUTES,
    asked_page.ROUTES,
    login.ROUTES,
    reading.ROUTES,
    deciding.ROUTES,
)
# Interfaces for programs, at addresses that stay.
INTERFACES: Final[Sequence[APIRouter]] = (*PROGRAMS, streaming.ROUTES, covers.ROUTES, subsonic.ROUTES)


def reading_room(
    archive: Archive,
    visitors: Visitors,
    *,
    traffic: Traffic | None = None,
    trouble: Callable[[], str] = lambda: "",
    workers: Workers | None = None,
) -> FastAPI:
    """Return the ASGI application: the room, and at all other addresses the public tree (web.serve).

    ``workers`` make its pages where there are some.
    """
    around = [
        Middleware(BehindProxies, trusted_proxies(archive.settings)),
        Middleware(SecurityHeaders),
        Middleware(Reservation, archive.public),
        Middleware(Protection),
        Middleware(Compression),
        Middleware(Line, workers),
    ]
    app = _application(Room(archive, visitors), around)
    app.state.desk = Desk(archive)
    app.mount("/", public_application(archive, visitors, traffic=traffic, trouble=trouble))
    return app


def pages_alone(archive: Archive, visitors: Visitors) -> FastAPI:
    """Return what a worker runs: what :func:`reading_room` has around its pages is left to the server."""
    return _application(Room(archive, visitors, renews=False), [Middleware(Compression)])


def _application(room: Room, around: Sequence[Middleware]) -> FastAPI:
    app = FastAPI(
        title="Phonotheque",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        middleware=around,
    )
    app.state.room = room
    app.state.shelves = Shelves(room)
    for pages in PAGES:
        app.include_router(pages, prefix=LANGUAGE, include_in_schema=False)
    for interface in INTERFACES:
        app.include_router(interface)
    app.add_api_route(f"{LANGUAGE}/{{path:path}}", _nothing, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/", _door, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route(
        "/static/{fingerprint}/{name:path}", _static, methods=["GET", "HEAD"], include_in_schema=False
    )
    app.add_exception_handler(PhonothequeError, _explained)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misasked)
    return app


def _door(request: Request) -> Response:
    """Lead a visitor to the front page in their language."""
    language = preferred(request.headers.get("accept-language", ""))
    return RedirectResponse(f"/{language}/", status_code=303, headers={"Vary": "Accept-Language"})


def _nothing(path: str) -> Response:
    """Answer for pages that there are none of; below them begins the public tree."""
    raise HTTPException(404)


def _static(fingerprint: str, name: str) -> Response:
    """Answer a file that is part of the program. Its address has its fingerprint: it never changes."""
    home = Path(str(files("phonotheque.web.room") / "static"))
    file = (home / name).resolve()
    if not file.is_relative_to(home.resolve()) or not file.is_file():
        return PlainTextResponse("There is nothing here.\n", status_code=404)
    return FileResponse(file, media_type=media_type(name), headers={"Cache-Control": _A_YEAR})


async def _explained(request: Request, error: Exception) -> Response:
    """Answer with what went wrong, in words."""
    assert isinstance(error, PhonothequeError)
    status = 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, UsageError) else 503
    words = str(error)
    if (folder := str(room_of(request).archive.folder)) != "/":  # where it lies is nobody's business
        words = words.replace(f"{folder}/", "").replace(folder, room_of(request).name)
    if for_programs(request):
        return problem(request, status, words)
    return page(request, "error.html.j2", status=status, number=status, error=words)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    number = error.status_code
    headers = dict(error.headers or {})
    if for_programs(request):
        return problem(request, number, str(error.detail), headers=headers)
    return page(request, "error.html.j2", status=number, number=number, error=None, headers=headers)


async def _misasked(request: Request, error: Exception) -> Response:
    """Answer that a parameter is not as it must be."""
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5])
    if for_programs(request):
        return problem(request, 422, told)
    return page(request, "error.html.j2", status=422, number=422, error=told)
