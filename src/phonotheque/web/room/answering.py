"""Answering what a server asks over a socket (web.room.frames), by an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Scope

from phonotheque.web.room.frames import Frame, answered, read_frame, scope_of

_LOG = logging.getLogger("phonotheque.web")


async def work(app: ASGIApp, connection: socket.socket) -> None:
    """Answer what comes over a socket until its other end is closed."""
    reader, writer = await asyncio.open_connection(sock=connection)
    logged = _Logged(writer)
    logging.getLogger().addHandler(logged)
    under_way = set[asyncio.Task[None]]()
    try:
        writer.write(Frame({"ready": True}).packed())
        while (frame := await read_frame(reader)) is not None:
            kept = _Kept(frame.told["number"], writer)
            task = asyncio.create_task(_answer(app, scope_of(frame), kept))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(kept.end)
    finally:
        logging.getLogger().removeHandler(logged)
        writer.close()


async def _answer(app: ASGIApp, scope: Scope, kept: _Kept) -> None:
    await app(scope, kept.receive, kept.send)


@dataclass(slots=True)
class _Kept:
    """An answer while it is made. What is asked has no body."""

    number: int
    writer: asyncio.StreamWriter
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    asked: bool = False

    async def receive(self) -> Message:
        if self.asked:
            await asyncio.Event().wait()  # nobody goes away: an answer is made to its end
        self.asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.body.append(message.get("body", b""))

    def end(self, made: asyncio.Task[None]) -> None:
        """Send it, also if it went wrong, which is then said in it."""
        if made.cancelled():  # the server is gone
            return
        if error := made.exception():
            _LOG.error("A page could not be made.", exc_info=error)
        self.writer.write(answered(self.number, self.status, self.headers, b"".join(self.body)).packed())


class _Logged(logging.Handler):
    """Hands what is logged to the server, in whose log it belongs."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._writer, self._loop = writer, asyncio.get_running_loop()
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        told = {"logger": record.name, "level": record.levelno, "message": self.format(record)}
        try:
            self._loop.call_soon_threadsafe(self._writer.write, Frame(told).packed())
        except RuntimeError:  # the loop is closed: nobody hears it any more
            self.handleError(record)
