"""Asking an application for a page without a server: what it answers to a GET, in this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message

HOST: Final = "localhost"  # what is said to be asked; nothing that is answered may keep it


@dataclass(slots=True)
class Answer:
    """A status and a body."""

    status: int = 0
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """All that was sent."""
        return b"".join(self.parts)


async def ask(app: ASGIApp, path: str) -> Answer:
    """Return the answer to a GET of a path, which begins with a slash and is not escaped."""
    answer = Answer()

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
        elif message["type"] == "http.response.body":
            answer.parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": ("127.0.0.1", 0),
        "server": (HOST, 80),
    }
    await app(scope, receive, send)
    return answer
