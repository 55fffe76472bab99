"""A TCP proxy that breaks things on purpose: connections cut, bytes flipped, errors answered, silence.

Made for one client at a time to say what is to happen next; what was not asked for passes unharmed.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BUFFER = 65536


@dataclass(slots=True)
class Trouble:
    """What happens to the next connections in whose first line (“PUT /bucket/key …”) ``match`` is found.

    ``cut_up`` and ``cut_down`` end the connection after so many bytes of the body of the request or of the
    answer (``cut_up=0``: before the server hears of it);
    ``flip_up`` and ``flip_down`` change the byte at that place; ``answer`` is sent instead of asking the
    server; ``silent`` lets no byte of the answer through until the client goes away; ``lose`` passes the
    request on, waits for the answer, and throws it away.
    """

    match: str = ""
    times: int = 1
    cut_up: int | None = None
    cut_down: int | None = None
    flip_up: int | None = None
    flip_down: int | None = None
    answer: bytes = b""
    silent: bool = False
    lose: bool = False


def status(code: int, name: str) -> bytes:
    """Return an error of S3's as an HTTP answer."""
    body = f"<Error><Code>{name}</Code><Message>Made by a test.</Message></Error>".encode()
    head = f"HTTP/1.1 {code} {name}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


@dataclass
class Proxy:
    """Passes connections on to ``port``, one request each. ``requests`` are the lines they began with."""

    port: int
    requests: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    happened: int = 0  # troubles that came about
    on_request: Callable[[str], None] | None = None
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def trouble(self, trouble: Trouble) -> None:
        """Let this happen from now on, as often as it says."""
        with self._lock:
            self.troubles.append(trouble)

    def count(self, pattern: str) -> int:
        """Return in how many first lines this was found."""
        with self._lock:
            return sum(bool(re.search(pattern, line)) for line in self.requests)

    def take(self, line: str) -> Trouble:
        """Note a request; return what is to happen to it."""
        if self.on_request:
            self.on_request(line)
        with self._lock:
            self.requests.append(line)
            for trouble in self.troubles:
                if trouble.times and re.search(trouble.match, line):
                    trouble.times -= 1
                    self.happened += 1
                    return trouble
        return Trouble()


@contextmanager
def proxying(port: int) -> Iterator[Proxy]:
    """Run a proxy in front of a port of this machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        proxy = Proxy(port, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        threading.Thread(target=_accept, args=(proxy, listening), daemon=True).start()
        try:
            yield proxy
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _accept(proxy: Proxy, listening: socket.socket) -> None:
    with suppress(OSError):  # it was closed: the test has ended
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_pass_on, args=(proxy, client), daemon=True).start()


def _pass_on(proxy: Proxy, client: socket.socket) -> None:
    """Handle one request: its head is read first, so that it can be told which it is."""
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", proxy.port)) as server:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(_BUFFER)
            if not data:
                return
            head += data
        line = head.partition(b"\r\n")[0].decode()
        trouble = proxy.take(line)
        if trouble.answer:
            _answer(client, head, trouble.answer)
            return
        if trouble.cut_up == 0:  # a server that had the head might answer before the cut
            return
        # One request for a connection: the next one may be in trouble.
        first, _, rest = head.partition(b"\r\n")
        lines, _, body = rest.partition(b"\r\n\r\n")
        kept = [each for each in lines.split(b"\r\n") if not each.lower().startswith(b"connection:")]
        head = first + b"\r\n" + b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n"
        server.sendall(head)
        up = threading.Thread(target=_upwards, args=(trouble, client, server, body), daemon=True)
        up.start()
        _downwards(trouble, server, client)


def _answer(client: socket.socket, head: bytes, answer: bytes) -> None:
    """Take the body in, so that it is the answer that is read and not a lost connection, and answer."""
    lines, _, body = head.partition(b"\r\n\r\n")
    length = 0
    for line in lines.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
        if line.startswith(b"expect:"):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = length - len(body)
    while left > 0 and (data := client.recv(_BUFFER)):
        left -= len(data)
    client.sendall(answer)


def _upwards(trouble: Trouble, client: socket.socket, server: socket.socket, data: bytes) -> None:
    """Pass on the body of a request."""
    passed = 0
    with suppress(OSError):
        while True:
            data, end = _changed(data, passed, trouble.cut_up, trouble.flip_up)
            if data:
                server.sendall(data)
                passed += len(data)
            if end:
                _end(client, server)
                return
            data = client.recv(_BUFFER)
            if not data:
                return


def _downwards(trouble: Trouble, server: socket.socket, client: socket.socket) -> None:
    """Pass on an answer: its head, and its body, whose bytes are counted."""
    body, passed = False, 0
    head = b""
    while data := server.recv(_BUFFER):
        if trouble.silent:
            continue
        if trouble.lose:
            head += data
            continue
        if not body:
            head += data
            if b"\r\n\r\n" not in head or head.startswith(b"HTTP/1.1 100"):
                if head.startswith(b"HTTP/1.1 100") and head.endswith(b"\r\n\r\n"):
                    client.sendall(head)
                    head = b""
                continue
            lines, gap, data = head.partition(b"\r\n\r\n")
            client.sendall(lines + gap)
            body = True
        data, end = _changed(data, passed, trouble.cut_down, trouble.flip_down)
        client.sendall(data)
        passed += len(data)
        if end:
            break
    if trouble.silent:
        client.recv(1)  # until the client has had enough
    _end(client, server)


def _changed(data: bytes, passed: int, cut: int | None, flip: int | None) -> tuple[bytes, bool]:
    """Return what is to be passed on of some bytes, and whether the connection ends after them."""
    if flip is not None and passed <= flip < passed + len(data):
        at = flip - passed
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    if cut is not None and passed + len(data) >= cut:
        return data[: cut - passed], True
    return data, False


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
