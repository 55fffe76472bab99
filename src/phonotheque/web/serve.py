"""The public tree over HTTP: static files with byte ranges, so that it is every torrent's web seed (BEP 19).

Nothing outside ``public/`` is served, except sealed bags, which ``public/bags`` links to; they may lie in a
storage. What comes from a bag was written by others, so it is never served as something that a browser would
run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from errno import ELOOP, ENAMETOOLONG
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonotheque.editions.shelves import shelved
from phonotheque.editions.site import ROOM
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.web.counting import Traffic, counting
from phonotheque.web.distant import answer_from_storage
from phonotheque.web.guard import ANYBODY, WITHDRAWALS, Guard, Visitors
from phonotheque.web.reports import reports_route
from phonotheque.web.sending import SentFile, is_known

_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Of the reading room as plain files: its page for looking up runs a script of ours and reads tables.
_ROOM_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Ask again each time: what was withdrawn must not live on in caches. An unchanged file costs a 304.
    "Cache-Control": "no-cache",
}


def public_application(
    archive: Archive,
    visitors: Visitors = ANYBODY,
    *,
    traffic: Traffic | None = None,
    trouble: Callable[[], str] = lambda: "",
) -> Starlette:
    """Return the ASGI application over the public tree of an archive or a mirror: GET and HEAD only, but that
    an archive takes reports of mirrors (web.reports).

    Answers ranges (RFC 9110 §14: 206, 416, If-Range) and validators (304 by ETag or date). What may be had in
    some countries only is 451 for others (RFC 7725), what was withdrawn 410. Everything else, whatever the
    reason, is 404. What stops being shown while it is on its way is cut off.

    ``/healthz`` is 200 while ``trouble`` returns nothing, else 503. ``traffic`` counts what is sent.
    """
    public, bags = archive.public, archive.bags
    guard = Guard(archive, visitors)

    def answer(request: Request) -> Response:
        path = request.path_params["path"]
        response = guard.refusal(request, path) or found(request, path)
        response.headers.update(guard.vary(path))
        return response

    def found(request: Request, path: str) -> Response:
        def may_have() -> bool:
            return guard.refusal(request, path) is None

        file = locate(public, bags, path)
        if file is None and (distant := answer_from_storage(archive, request, path, may_have)):
            return distant
        if file is None and path == WITHDRAWALS and (said := guard.withdrawals()):
            return said
        if file is None:
            return PlainTextResponse("There is nothing here.\n", status_code=404)
        status = file.stat()
        response = SentFile(file, media_type=media_type(path or "index.html"), stat_result=status)
        response.is_shown = lambda: may_have() and locate(public, bags, path) == file
        if is_known(request, response.headers):
            kept = {name: response.headers[name] for name in ("etag", "last-modified")}
            return Response(status_code=304, headers=kept)
        return response

    # A plain function: Starlette runs it in a thread, so that a slow disk does not stop other transfers.
    routes = [health_route(trouble), Route("/{path:path}", answer, methods=["GET", "HEAD"])]
    if not archive.is_mirror:
        routes.insert(0, reports_route(archive))
    watching = [Middleware(counting, traffic=traffic)] if traffic else []
    return Starlette(routes=routes, middleware=[*watching, Middleware(_SecurityHeaders)])


def health_route(trouble: Callable[[], str]) -> Route:
    """Return the route for those who watch whether a server works; it tells nothing else of it."""

    def answer(_request: Request) -> Response:
        wrong = trouble()
        return PlainTextResponse(f"{wrong or 'ok'}\n", status_code=503 if wrong else 200)

    return Route("/healthz", answer, methods=["GET", "HEAD"])


def locate(public: Path, bags: Path, path: str) -> Path | None:
    """Return the regular file that a URL path (decoded, no leading slash) names, or None.

    Dotfiles do not exist, except ``.well-known``. Links count only where they end in the public tree itself
    or in the sealed bag of their own name.
    """
    segments = path.split("/") if path else ["index.html"]
    hidden = segments[1:] if segments[0] == ".well-known" else segments
    if any(not name or name.startswith(".") or "\0" in name for name in hidden):
        return None
    inside = shelved(path)
    homes = [public, bags / inside.bag] if inside and inside.path else [public]
    try:
        # Not Path.resolve, which reports a loop of links as a RuntimeError.
        file = Path(os.path.realpath(public.joinpath(*segments), strict=True))
        if not stat.S_ISREG(file.stat().st_mode):
            return None
    except (FileNotFoundError, NotADirectoryError, UnicodeEncodeError):
        return None
    except OSError as error:
        if error.errno in (ELOOP, ENAMETOOLONG):
            return None
        raise
    return file if any(file.is_relative_to(home.resolve()) for home in homes) else None


class _SecurityHeaders:
    """Adds the same headers to every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].lstrip("/").partition("/")[0] in ROOM:
                    headers["Content-Security-Policy"] = _ROOM_POLICY
            await send(message)

        await self._app(scope, receive, sending)
