"""Who is connected to a web server: so many, so many from one place, and nobody for long without asking.

uvicorn waits without end for the first request of a connection, and for the rest of one that was begun; its
limit is of answers. Whoever opens connections and says nothing would keep out all others, and use up the
files that this process may open. So who has asked for nothing yet is let go in time, and makes room for
newcomers at once: first whoever is of the place from which most are waiting.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from phonotheque.web.proxied import NO_PROXIES, Proxies

T = TypeVar("T")
_FILES: Final = 65536  # open files that are enough for a server
_SHARE: Final = 4  # of the files that may be open, at most one part of so many are connections
_IN_LINE: Final = 128  # connections let in at a time before any is looked at, at most
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be, ``each`` from one place, and how long nothing may come, in seconds.

    ``asking`` is for all of a request's first part, ``taking`` for taking some of an answer.
    """

    total: int = 1000
    each: int = 100
    asking: float = 20.0
    taking: float = 300.0


@dataclass(slots=True)
class _Place(Generic[T]):
    here: set[T] = field(default_factory=set)
    waiting: dict[T, None] = field(default_factory=dict)  # without a request, the longest first


class Crowd(Generic[T]):
    """Connections, by where they come from. In a place of its own, ``""``, are those that nobody counts."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._count = 0
        self._places: dict[str, _Place[T]] = {}

    def come(self, one: T, place: str) -> T | None:
        """Let a connection in; return who has to go for it: another one that waits, or itself; None: nobody.

        Who has to go is in the crowd no more.
        """
        leaves = None
        if place and place in self._places and len(self._places[place].here) >= self._each:
            leaves = self._longest(place)
        elif self._count >= self._total:
            leaves = self._longest(max(self._places, key=lambda name: len(self._places[name].waiting)))
        else:
            self._add(one, place)
            return None
        if leaves is None:
            return one
        self.go(*leaves)
        self._add(one, place)
        return leaves[0]

    def asks(self, one: T, place: str) -> None:
        """Note that a connection has a request that is answered now."""
        if place in self._places:
            self._places[place].waiting.pop(one, None)

    def waits(self, one: T, place: str) -> None:
        """Note that a connection that is here has nothing to be answered."""
        if place in self._places and one in self._places[place].here:
            self._places[place].waiting[one] = None

    def go(self, one: T, place: str) -> None:
        """Forget a connection, if it is here."""
        found = self._places.get(place)
        if found and one in found.here:
            found.here.remove(one)
            found.waiting.pop(one, None)
            self._count -= 1
            if not found.here:
                del self._places[place]

    def _add(self, one: T, place: str) -> None:
        found = self._places.setdefault(place, _Place())
        found.here.add(one)
        found.waiting[one] = None
        self._count += 1

    def _longest(self, place: str) -> tuple[T, str] | None:
        return next(((one, place) for one in self._places[place].waiting), None)


def place_of(address: str) -> str:
    """Return what an address counts with: itself, an IPv6 network of 64 bits; "" for what is not counted.

    That is this machine and private networks: a proxy there stands for everybody.
    """
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # no address, but a socket of this machine
        return ""
    if isinstance(number, ipaddress.IPv6Address):
        tunnel = number.teredo[1] if number.teredo else number.sixtofour  # whoever has one has many networks
        number = number.ipv4_mapped or tunnel or number
    if number.is_private or number.is_link_local:
        return ""
    if isinstance(number, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((number, 64), strict=False))
    return str(number)


def open_files() -> int:
    """Let this process open as many files as it may; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return _FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


class CrowdConfig(uvicorn.Config):
    """Settings of a server that lets in no more connections than ``limits`` say, nor than there are files."""

    def __init__(
        self, application: Any, limits: Limits, proxies: Proxies = NO_PROXIES, **options: Any
    ) -> None:
        files = open_files()
        total = max(1, min(limits.total, files // _SHARE))
        super().__init__(
            application,
            http=Connection,
            limit_concurrency=2 * total,  # answers that outlast their connections count, too
            # asyncio lets in so many at a time, several times before any of them can be sent away.
            backlog=max(1, min(files // _SHARE // 4, _IN_LINE)),
            **options,
        )
        self.limits, self.proxies = limits, proxies
        self.crowd = Crowd[Connection](total, limits.each)


class Connection(H11Protocol):
    """A connection that is let go when it asks for nothing, or takes nothing, for long."""

    _until: asyncio.TimerHandle | None = None  # when it is let go if it does not ask
    _stalled: asyncio.TimerHandle | None = None  # when it is broken off if it does not take
    _place = ""

    @property
    def _settings(self) -> CrowdConfig:
        assert isinstance(self.config, CrowdConfig)
        return self.config

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or send somebody away."""
        super().connection_made(transport)
        known = self.client is not None and self.client[0] not in self._settings.proxies
        self._place = place_of(self.client[0]) if self.client and known else ""
        leaves = self._settings.crowd.come(self, self._place)
        if leaves is self:
            transport.write(_BUSY)
            transport.close()
            return
        if leaves is not None:
            leaves.transport.close()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._settings.crowd.go(self, self._place)
        for timer in (self._until, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See whether it has asked for something."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Wait until something is taken."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._settings.limits.taking, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: something was taken."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look(self) -> None:
        """Begin to wait for a request, or end it: bytes that make no whole one do not."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._settings.crowd.asks(self, self._place)
            if self._until is not None:
                self._until.cancel()
                self._until = None
        elif self._until is None and not self.transport.is_closing():
            self._settings.crowd.waits(self, self._place)
            self._until = self.loop.call_later(self._settings.limits.asking, self.transport.close)
