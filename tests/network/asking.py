"""What anybody can ask of a mirror, over HTTP and as a BitTorrent peer, written without our own code."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import quote

from tests.network.lab import Host

PROTOCOL: Final = b"\x13BitTorrent protocol"  # BEP 3
PEERS, PAGES = 6881, 8750  # where mirrors of these tests listen
_PATIENCE = 20.0
_BITFIELD, _HAVE_ALL = 5, 14  # BEP 3; BEP 6
_FAST: Final = bytes([0, 0, 0, 0, 0, 0, 0, 4])


def status(there: Host, host: Host, path: str, port: int = PAGES) -> int:
    """Return the HTTP status that ``host`` answers to a GET from ``there``."""
    return page(there, host, path, port)[0]


def page(there: Host, host: Host, path: str, port: int = PAGES) -> tuple[int, bytes]:
    """Return the status and the body."""
    with there.inside(), closing(http.client.HTTPConnection(host.address, port, _PATIENCE)) as connection:
        connection.request("GET", "/" + quote(path))
        answer = connection.getresponse()
        return answer.status, answer.read()


def offers(there: Host, host: Host, infohash: bytes, port: int = PEERS) -> bool:
    """Tell whether a peer at ``host`` takes part in a torrent (20 bytes; of a v2 hash, its first 20)."""
    with there.inside(), closing(socket.create_connection((host.address, port), _PATIENCE)) as peer:
        peer.sendall(PROTOCOL + _FAST + infohash + b"-XX0000-ask_anything")
        try:
            answer = _exactly(peer, 68)
        except (ConnectionError, EOFError):
            return False
    assert answer.startswith(PROTOCOL)
    return answer[28:48] == infohash


def _exactly(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise EOFError("the peer hung up")
        data += more
    return data


@contextmanager
def listening(there: Host, port: int) -> Iterator[socket.socket]:
    """A socket on a host that others can connect to."""
    with there.inside():
        server = socket.create_server((there.address, port))
    with server:
        yield server


def message(kind: int, body: bytes = b"") -> bytes:
    """A message of a peer (BEP 3)."""
    return struct.pack(">IB", 1 + len(body), kind) + body
