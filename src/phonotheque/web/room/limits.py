"""How much anybody may ask of the room: so often, so long an address, so large a body, in so much time.

Each client has a bucket for each kind of request, which fills again while it waits (a token bucket). A client
is an address, of IPv6 a network of 64 bits (web.crowd); this machine and private networks are not counted: a
proxy there stands for everybody, unless it is trusted to say for whom it asks (web.proxied). The public tree
is not counted: web seeds are asked for thousands of ranges, and its connections have limits of their own.
"""

from __future__ import annotations

import asyncio
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonotheque.mirrors.reporting import REPORTS
from phonotheque.web.api.problems import problem
from phonotheque.web.crowd import place_of
from phonotheque.web.room.languages import LANGUAGES
from phonotheque.web.room.pages import page

LONGEST: Final = 14_000  # bytes of a path and its query: a thousand characters that are escaped, and more
LARGEST: Final = 512 * 1024  # bytes of a body
LARGEST_FORM: Final = 12 * 1024**2  # of a form's, which may have a document with it
SECONDS: Final = 60.0  # that a body may take to arrive
SECONDS_FORM: Final = 300.0  # that a form's may take: a document by a slow line
_CLIENTS: Final = 20_000  # that are remembered, for each kind of request


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests a second in the long run, and so many at once."""

    per_second: float
    at_once: int


LIMITS: Final[Mapping[str, Limit]] = {
    "page": Limit(5, 120),
    "search": Limit(5, 60),  # whoever types asks with every letter
    "api": Limit(5, 100),
    "oai": Limit(2, 30),
    "rest": Limit(20, 400),  # players ask for whole albums with their covers
    "media": Limit(20, 200),
}
_LANGUAGE: Final = "|".join(LANGUAGES)
_KINDS: Final = (
    (re.compile(rf"/(?:{_LANGUAGE})/(?:search|random)\b|/api/v1/search\b"), "search"),
    (re.compile(rf"/(?:{_LANGUAGE})(?:/|$)|/feeds/|/sitemap"), "page"),
    (re.compile(r"/api/"), "api"),
    (re.compile(r"/oai$"), "oai"),
    (re.compile(r"/rest/"), "rest"),
    (re.compile(r"/(?:stream|cover|download)/"), "media"),
)
_FORMS: Final = re.compile(rf"/(?:{_LANGUAGE})/(?:correct|request|staff)(?:/|$)")


def kind_of(path: str) -> str | None:
    """Return what kind of request counts for a path, None for one that is not counted."""
    return next((kind for pattern, kind in _KINDS if pattern.match(path)), None)


class Buckets:
    """A bucket for each client, of those that asked last. May be used by several threads."""

    def __init__(self, limit: Limit, clients: int = _CLIENTS) -> None:
        self._limit, self._clients = limit, clients
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, at: float) -> float:
        """Take one at a moment in seconds; return 0, or in how many seconds there will be one again."""
        full, rate = float(self._limit.at_once), self._limit.per_second
        with self._lock:
            left, since = self._left.pop(client, (full, at))
            left = min(full, left + max(0.0, at - since) * rate)
            wait = 0.0 if left >= 1 else (1 - left) / rate
            self._left[client] = (left if wait else left - 1, at)
            if len(self._left) > self._clients:
                self._left.popitem(last=False)
        return wait


class Protection:
    """Refuses what is too much, in words, before anything is done for it."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Mapping[str, Limit] = LIMITS,
        clock: Callable[[], float] = time.monotonic,
        place: Callable[[str], str] = place_of,
    ) -> None:
        self._app, self._clock, self._place = app, clock, place
        self._buckets = {kind: Buckets(limit) for kind, limit in limits.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
        elif scope["path"] == f"/{REPORTS}":  # it has limits of its own (web.reports)
            await self._app(scope, receive, send)
        else:
            form = _FORMS.match(scope["path"])
            largest, seconds = (LARGEST_FORM, SECONDS_FORM) if form else (LARGEST, SECONDS)
            await self._app(scope, _bounded(receive, largest, seconds), send)

    def _refused(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if len(scope.get("raw_path") or path) + len(scope["query_string"]) > LONGEST:
            return _said(scope, 414, f"An address has at most {LONGEST} bytes here.")
        kind = kind_of(path)
        client = self._place(scope["client"][0]) if scope.get("client") else ""
        if kind is None or not client:
            return None
        wait = self._buckets[kind].take(client, self._clock())
        if not wait:
            return None
        seconds = math.ceil(wait)
        words = f"Too many requests came from where you are. Try again in {seconds} s."
        return _said(scope, 429, words, {"Retry-After": str(seconds)})


def _bounded(receive: Receive, largest: int, seconds: float) -> Callable[[], Awaitable[Message]]:
    """Return what gives a body of so many bytes at most, and no later than in time."""
    left, whole = largest, False
    until: float | None = None

    async def receiving() -> Message:
        nonlocal left, whole, until
        if whole:  # what comes now is that the client is gone
            return await receive()
        until = until or time.monotonic() + seconds
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
        except TimeoutError as error:
            raise HTTPException(408, f"A request must arrive within {seconds:.0f} seconds.") from error
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left < 0:
                raise HTTPException(413, f"A request has at most {largest} bytes here.")
        return message

    return receiving


def _said(scope: Scope, status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    """Return a refusal as who asks can read it: a page, a problem in JSON, or a line of text."""
    request = Request(scope)
    if scope["path"].startswith("/api/"):
        return problem(request, status, words, headers=headers)
    if kind_of(scope["path"]) in ("page", "search") and scope["path"].split("/")[1] in LANGUAGES:
        return page(request, "error.html.j2", status=status, number=status, error=None, headers=headers)
    return PlainTextResponse(f"{words}\n", status_code=status, headers=headers)
