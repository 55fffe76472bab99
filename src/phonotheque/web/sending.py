"""Sending bytes for as long as they may be shown: what stops being shown on its way is cut off."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_LOOK = 0.1  # seconds between looks whether what is being sent may still be shown
_PIECE = 256 * 1024  # bytes, as in torrents

Answering: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def _for_everybody() -> bool:
    return True


def _uncounted(_size: int) -> None:
    return


class _HiddenError(Exception):
    """What is being sent may not be shown any more."""


class SentFile(FileResponse):
    """A file, or ranges of it (RFC 9110 §14).

    ``is_shown`` says, again and again, whether who asked may still be given it; ``sent`` is told the bytes of
    each piece of the body.
    """

    chunk_size = _PIECE
    is_shown: Callable[[], bool] = staticmethod(_for_everybody)
    sent: Callable[[int], None] = staticmethod(_uncounted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await _cut_off(super().__call__, self.is_shown, self.sent, scope, receive, send)


class SentStream(StreamingResponse):
    """Bytes as they come from elsewhere, cut off and counted as a file's are."""

    def __init__(
        self,
        content: Iterator[bytes],
        status_code: int,
        headers: Mapping[str, str],
        *,
        is_shown: Callable[[], bool] = _for_everybody,
        sent: Callable[[int], None] = _uncounted,
    ) -> None:
        super().__init__(content, status_code, headers)
        self._is_shown, self._sent = is_shown, sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await _cut_off(super().__call__, self._is_shown, self._sent, scope, receive, send)


async def _cut_off(
    answering: Answering,
    is_shown: Callable[[], bool],
    sent: Callable[[int], None],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    looked = time.monotonic()

    async def sending(message: Message) -> None:
        nonlocal looked
        body = message.get("body")
        if body and time.monotonic() - looked >= _LOOK:
            if not await to_thread.run_sync(is_shown):
                raise _HiddenError
            looked = time.monotonic()
        await send(message)
        if body:
            sent(len(body))

    # It was withdrawn meanwhile: the connection closes, and who asked sees that bytes lack.
    with suppress(_HiddenError):
        await answering(scope, receive, sending)


def is_known(request: Request, headers: Headers) -> bool:
    """Whether the client's copy is current (RFC 9110 §13.2.2: a date counts only where no ETag is given)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return bool({"*", headers["etag"]} & known)
    since = request.headers.get("if-modified-since")
    return since is not None and since == headers.get("last-modified")
