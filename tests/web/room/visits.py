"""Visiting a reading room as a program does: over a socket, without following where it leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.room.app import reading_room
from phonotheque.web.server import Beside


@dataclass(frozen=True, slots=True)
class Visit:
    """A room that answers at ``url`` (which ends with a slash)."""

    url: str

    def ask(self, path: str, method: str = "GET", **more: Any) -> urllib3.BaseHTTPResponse:
        """Return the answer to a request for a path without a slash at its beginning."""
        patience = more.pop("timeout", 60)  # seconds; on a busy machine anything may take long
        return urllib3.request(
            method, self.url + path, redirect=False, retries=False, timeout=patience, **more
        )

    def text(self, path: str, **more: Any) -> str:
        """Return the page at a path, which there must be."""
        answer = self.ask(path, **more)
        assert answer.status == 200, (answer.status, answer.data[:300])
        return answer.data.decode()


@contextmanager
def visiting(archive: Archive, visitors: Visitors = ANYBODY) -> Iterator[Visit]:
    """Open the room of an archive."""
    with Beside(reading_room(archive, visitors), "127.0.0.1", 0) as server:
        yield Visit(server.url)
