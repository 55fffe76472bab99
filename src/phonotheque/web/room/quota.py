"""How much of what is heard one client is sent in an hour: enough for any listener, and none of bulk.

Bulk is what torrents are for. Nothing of this is written down; what is known of a client is forgotten when
its hour is over.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from starlette.requests import Request

from phonotheque.web.crowd import place_of

HOUR: Final = 3600.0
_MOST: Final = 20_000  # clients that are remembered; the ones that were quiet longest are forgotten first


@dataclass(slots=True)
class _Client:
    since: float
    size: int = 0  # bytes
    starts: int = 0
    last: str = ""  # what was begun last


class Quota:
    """Counts what each client is sent: ``size`` bytes and ``starts`` of files an hour; 0 for no limit."""

    def __init__(
        self,
        size: int,
        starts: int,
        clock: Callable[[], float] = time.monotonic,
        place: Callable[[str], str] = place_of,
    ) -> None:
        self._size, self._starts, self._clock, self._place = size, starts, clock, place
        self._lock = threading.Lock()
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    def client(self, request: Request) -> str:
        """Return whom a request counts for (web.crowd.place_of); "" for what is not counted."""
        return self._place(request.client.host) if request.client else ""

    def wait(self, client: str, what: str) -> int:
        """Return how many seconds a client has to wait before it is sent any of ``what``; 0 for none."""
        if not client:
            return 0
        with self._lock:
            known = self._known(client)
            begins = known.last != what
            spent = self._size and known.size >= self._size
            if spent or (begins and self._starts and known.starts >= self._starts):
                return max(1, ceil(known.since + HOUR - self._clock()))
            if begins:
                known.starts, known.last = known.starts + 1, what
        return 0

    def sent(self, client: str, size: int) -> None:
        """Count bytes that were sent."""
        if client:
            with self._lock:
                self._known(client).size += size

    def _known(self, client: str) -> _Client:
        at = self._clock()
        known = self._clients.get(client)
        if known is None or at - known.since >= HOUR:
            known = self._clients[client] = _Client(at)
        self._clients.move_to_end(client)
        while len(self._clients) > _MOST:
            self._clients.popitem(last=False)
        return known
