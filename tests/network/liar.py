"""A peer that says it has everything and sends noise: hostile, and not to be told by its manners."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.network.asking import PROTOCOL, listening, message
from tests.network.lab import Host

_UNCHOKE, _INTERESTED, _BITFIELD, _REQUEST, _PIECE = 1, 2, 5, 6, 7  # BEP 3
_NO_EXTENSIONS = bytes(8)  # no fast peers, no v2: only the v1 hashes are there to catch it
_ID = b"-LI0100-nothing_true"
_LARGEST = 1 << 17


@dataclass
class Liar:
    """What it knows (the number of pieces by v1 infohash), and how many blocks of noise it has sent."""

    pieces: dict[bytes, int]
    blocks: int = 0
    called: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def talk(self, peer: socket.socket) -> None:
        """Answer one peer until it hangs up."""
        with peer:
            try:
                self._talk(peer)
            except (OSError, EOFError, struct.error):
                return

    def _talk(self, peer: socket.socket) -> None:
        peer.settimeout(30)
        stream = peer.makefile("rb")
        hello = stream.read(68)
        infohash = hello[28:48]
        count = self.pieces.get(infohash)
        if not hello.startswith(PROTOCOL) or count is None:
            return
        self.called += 1
        field = bytearray(
            b"\xff" * (count // 8) + (bytes([0xFF00 >> count % 8 & 0xFF]) if count % 8 else b"")
        )
        peer.sendall(PROTOCOL + _NO_EXTENSIONS + infohash + _ID + message(_BITFIELD, bytes(field)))
        peer.sendall(message(_UNCHOKE))
        while not self._over.is_set():
            (length,) = struct.unpack(">I", stream.read(4))
            if not length:
                continue
            if length > _LARGEST:
                return
            body = stream.read(length)
            if body[0] == _REQUEST:
                index, begin, size = struct.unpack(">III", body[1:13])
                noise = hashlib.shake_128(body).digest(min(size, _LARGEST))
                peer.sendall(message(_PIECE, struct.pack(">II", index, begin) + noise))
                self.blocks += 1


@contextmanager
def lying(there: Host, port: int, pieces: dict[bytes, int]) -> Iterator[Liar]:
    """Let a liar listen on a host."""
    liar = Liar(pieces)
    with listening(there, port) as server:
        server.settimeout(0.2)

        def accept() -> None:
            while not liar._over.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=liar.talk, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield liar
        finally:
            liar._over.set()
            thread.join()
