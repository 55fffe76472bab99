"""Pages are made so many at a time, in the order in which they were asked for; all else does not wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from phonotheque.web.room.line import Line


class Room:
    """An application that begins each answer when it is told to, and ends it when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begin: dict[str, asyncio.Event] = {}
        self.end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.asked.append(scope["path"])
        await self.begin.setdefault(scope["path"], asyncio.Event()).wait()
        if scope["path"].endswith("fails"):
            raise LookupError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.end.wait()


def _asking(line: Line, path: str, method: str = "GET") -> asyncio.Task[Any]:
    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(_message: Message) -> None:
        pass

    async def ask() -> None:
        await line({"type": "http", "method": method, "path": path}, receive, send)

    return asyncio.create_task(ask())


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_pages_wait_in_line_and_go_on_when_an_answer_begins() -> None:
    """The third of three is asked for when the first begins to arrive, however slowly it is taken."""

    async def visit() -> None:
        room = Room()
        line = Line(room, at_once=2)
        asked = [_asking(line, f"/en/{name}") for name in "abc"]
        await _settle()
        assert room.asked == ["/en/a", "/en/b"]
        room.begin["/en/a"].set()
        await _settle()
        assert room.asked == ["/en/a", "/en/b", "/en/c"]
        for event in room.begin.values():
            event.set()
        room.end.set()
        await asyncio.gather(*asked)

    asyncio.run(visit())


def test_what_goes_wrong_or_is_given_up_leaves_its_place() -> None:
    """Neither a failure nor a visitor who leaves takes a place away for good."""

    async def visit() -> None:
        room = Room()
        line = Line(room, at_once=1)
        failing = _asking(line, "/en/fails")
        await _settle()
        room.begin["/en/fails"].set()
        with pytest.raises(LookupError):
            await failing
        for name in ("answered", "waiting"):
            leaving = _asking(line, f"/en/{name}")
            await _settle()
            leaving.cancel()
            await _settle()
        _last = _asking(line, "/en/last")
        await _settle()
        assert room.asked[-1] == "/en/last"
        _last.cancel()

    asyncio.run(visit())


@pytest.mark.parametrize(
    ("path", "method"),
    [("/stream/a", "GET"), ("/static/a", "GET"), ("/bags/a", "GET"), ("/en/correct", "POST")],
)
def test_music_files_and_forms_do_not_wait(path: str, method: str) -> None:
    """Whoever sends a form slowly holds up no page, and pages hold up no music."""

    async def visit() -> None:
        room = Room()
        line = Line(room, at_once=1)
        first, second = _asking(line, "/fr/a"), _asking(line, path, method)
        await _settle()
        assert room.asked == ["/fr/a", path]
        for event in room.begin.values():
            event.set()
        room.end.set()
        await asyncio.gather(first, second)

    asyncio.run(visit())
