"""Compressing text on its way: what is the same for everybody, never what is somebody's own.

Of a compressed answer that holds both a secret and something that a stranger chose, the stranger can learn
the secret from its length (BREACH). So forms, the pages of staff, and whatever is asked for with a cookie go
out as they are; and so do ranges of files, and the public tree, whose bytes are verified as they are.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from phonotheque.web.room.languages import LANGUAGES

_LEVEL: Final = 5
_LEAST: Final = 500  # bytes
_LANGUAGE: Final = "|".join(LANGUAGES)
_SAME_FOR_ALL: Final = re.compile(
    rf"/(?:{_LANGUAGE})/(?!(?:correct|request|staff)(?:/|$))|/(?:api|static|feeds)/|/oai$|/sitemap|/robots\.txt$"
)


class Compression:
    """Lets text of the room be compressed for who accepts gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=_LEAST, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, compressed or not."""
        if scope["type"] == "http" and _SAME_FOR_ALL.match(scope["path"]):
            headers = Headers(scope=scope)
            if "cookie" not in headers and "range" not in headers and scope["method"] != "HEAD":
                await self._compressing(scope, receive, send)
                return
        await self._app(scope, receive, send)
