"""How much a server has sent: numbers, and nothing of who asked."""

from __future__ import annotations

import threading
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonotheque.editions.shelves import shelved


class Traffic:
    """What was answered since the start: answers by status, bytes of bodies by whether they are of bags."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # it is told by the server's thread, and read by others
        self._answers = Counter[int]()
        self._sent = Counter({"bags": 0, "other": 0})

    def began(self, status: int) -> None:
        """Count an answer."""
        with self._lock:
            self._answers[status] += 1

    def sent(self, size: int, *, of_a_bag: bool) -> None:
        """Count bytes of a body."""
        with self._lock:
            self._sent["bags" if of_a_bag else "other"] += size

    def totals(self) -> tuple[dict[int, int], dict[str, int]]:
        """Return the number of answers by status, and bytes sent of “bags” and of “other” things."""
        with self._lock:
            return dict(self._answers), dict(self._sent)


def counting(app: ASGIApp, traffic: Traffic) -> ASGIApp:
    """Return the application with what it sends counted."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        asked = shelved(scope["path"].lstrip("/"))
        of_a_bag = asked is not None and asked.path is not None

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                traffic.began(message["status"])
            elif message["type"] == "http.response.body" and scope["method"] != "HEAD":
                traffic.sent(len(message.get("body", b"")), of_a_bag=of_a_bag)

        await app(scope, receive, sending)

    return counted
