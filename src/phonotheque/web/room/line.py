"""Making so many pages at a time; who asks meanwhile waits in line.

Python computes on one core at a time. Many threads that compute at once take turns at it, get in each other's
way and all end late: one after another, each page costs less and comes sooner. Who waits here waits without a
thread, so that music goes on meanwhile. A place is free again when an answer begins: who is slow to send a
form or to take a page holds up nobody. Where there are workers (web.room.workers), they make the pages.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonotheque.web.room.frames import headers_of
from phonotheque.web.room.languages import LANGUAGES
from phonotheque.web.room.workers import Workers, is_shared

AT_ONCE: Final = 16
_COMPUTED: Final = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/|/api/v1/")


class Line:
    """Lets ``at_once`` requests for pages and their JSON be answered at a time, in the order they came."""

    def __init__(self, app: ASGIApp, workers: Workers | None = None, at_once: int = AT_ONCE) -> None:
        self._app, self._workers = app, workers
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when it is this request's turn."""
        computed = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not computed or not _COMPUTED.match(scope["path"]):
            await self._app(scope, receive, send)
        elif not await self._worked(scope, send):
            await self._in_line(scope, receive, send)

    async def _worked(self, scope: Scope, send: Send) -> bool:
        """Let a worker answer; return whether one did."""
        if self._workers is None or not is_shared(scope):
            return False
        answer = await self._workers.ask(scope)
        if answer is None:
            return False
        start = {"status": answer.told["status"], "headers": headers_of(answer)}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": answer.body})
        return True

    async def _in_line(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._places.acquire()
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                self._places.release()

        async def sending(message: Message) -> None:
            leave()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            leave()
