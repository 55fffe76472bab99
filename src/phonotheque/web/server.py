"""Running a web application: alone until interrupted, or in a thread of its own beside other work."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.web.crowd import CrowdConfig, Limits
from phonotheque.web.proxied import NO_PROXIES, Proxies

_PATIENCE = 2  # seconds that transfers under way are given when a server is stopped
_END = 10.0  # seconds for its thread to end after that
_HERE = "127.0.0.1"
_IN_LINE: Final = 128  # connections that wait to be let in
_HEAD: Final = 16 * 1024  # bytes of a request before its body, at most
_IDLE: Final = 5  # seconds from an answer to the next request on the same connection
_SILENCE: Final = 600.0  # seconds until it is said again that no more files can be opened
_LIMITS: Final = Limits()
_LOG = logging.getLogger("phonotheque.web")


def parse_address(text: str, where: str) -> tuple[str, int]:
    """Return host and port of “ADDRESS:PORT”, “[IPv6]:PORT”, or a port alone, which is on this machine only.

    Raises UsageError, which names ``where`` it was given.
    """
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    number = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535
    if not number or (":" in host and bare == host) or (colon and not bare):
        raise UsageError(
            f"{where}: “{text:.60}” is no address to listen on.",
            "Write ADDRESS:PORT, such as 0.0.0.0:8750 or [::]:8750, or a port alone for this machine only.",
        )
    return bare or _HERE, int(port)


def url_of(host: str, port: int) -> str:
    """Return the address under which a server listens, for people and browsers."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any that is free. Raises PhonothequeError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_IN_LINE)
    except (OSError, OverflowError) as error:
        raise PhonothequeError(
            f"{host}:{port} cannot be listened on: {error}.",
            "Choose another address or another port; port 0 takes any that is free.",
        ) from error


def run(
    application: ASGIApp,
    listening: socket.socket,
    ready: Callable[[], None],
    proxies: Proxies = NO_PROXIES,
) -> None:
    """Answer until interrupted, which must be in the main thread; ``ready`` is called once it answers.

    Connections of ``proxies``, which ask for many, are not counted by where they come from.
    """
    server = _Server(_config(application, _LIMITS, proxies), ready)
    # Ctrl-C is how serving ends: uvicorn closes its connections, then hands the signal on.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


class Beside:
    """A server in a thread of its own. It answers on ``port`` until the context is left."""

    def __init__(self, application: ASGIApp, host: str, port: int, *, limits: Limits = _LIMITS) -> None:
        self._listening = listen(host, port)
        self.host, self.port = host, int(self._listening.getsockname()[1])
        self._server = _Server(_config(application, limits), lambda: None)
        # A daemon: whoever ends the process at once does not wait for it.
        self._thread = threading.Thread(target=self._run, name=f"web server, port {self.port}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return url_of(self.host, self.port)

    @property
    def running(self) -> bool:
        """Whether it still answers; if it does not and nobody has closed it, it has failed."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Answer no more; transfers under way get two seconds."""
        self._server.should_exit = True
        self._thread.join(_END)
        self._listening.close()

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(Trouble())
        await super().startup(sockets)
        for one in sockets or ():  # asyncio lets only as many wait as it lets in at a time
            one.listen(_IN_LINE)
        self._ready()


class Trouble:
    """Logs what goes wrong in an event loop; once in ten minutes, if it is that no more files can be opened.

    asyncio tells that of every connection that waits, and tries again each second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log it, as an event loop's handler of exceptions."""
        if "out of system resource" not in str(context.get("message")):
            loop.default_exception_handler(context)
        elif self._said is None or self._clock() - self._said >= _SILENCE:
            self._said = self._clock()
            _LOG.error("Visitors have to wait: %s.", context.get("exception"))


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Drop what uvicorn says of an answer that was cut off on purpose (web.serve)."""
    return "without completing response" not in record.getMessage()


def _config(application: ASGIApp, limits: Limits, proxies: Proxies = NO_PROXIES) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
    return CrowdConfig(
        application,
        limits,
        proxies,
        lifespan="off",
        ws="none",
        log_config=None,  # what it has to say goes where all else is logged
        log_level="error",  # what strangers send wrongly is no news, and must not fill a disk
        access_log=False,  # nobody's address is written down
        server_header=False,
        proxy_headers=False,  # web.proxied: only who is trusted is believed
        timeout_graceful_shutdown=_PATIENCE,
        timeout_keep_alive=_IDLE,
        h11_max_incomplete_event_size=_HEAD,
    )
