"""Asking the DHT for a mutable item, and putting one there: BEP 5, BEP 44; itself it answers nobody (BEP 43).

Nothing that nodes say is believed but an item with its key's signature. What they may cost is bounded:
datagrams, questions, time. Putting needs no private key: whoever has the signed item may put it again.
"""

from __future__ import annotations

import ipaddress
import os
import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from phonotheque.editions.bencode import Bencoded, Encodable, decode, encode
from phonotheque.editions.signpost import Signpost, as_signpost, check_signpost, target_of
from phonotheque.model.errors import NetworkError, VerificationError

NODES = ("dht.libtorrent.org:25401", "router.bittorrent.com:6881", "dht.transmissionbt.com:6881")
_NEAREST = 8  # nodes that keep an item (BEP 5: K)
_AT_ONCE = 8
_ANSWER = 2.0  # seconds for a node to answer
_PATIENCE = 30.0  # seconds for a whole search
_MOST = 400  # questions of a search
_DATAGRAM = 4096

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: the newest item that its key signed, and the nearest nodes with their tokens."""

    item: Signpost | None
    tokens: tuple[tuple[Address, bytes], ...]


@dataclass(slots=True)
class _Search:
    """One search for the nodes nearest to a target."""

    target: bytes
    key: bytes
    local: bool  # whether nodes on private addresses count
    item: Signpost | None = None
    known: dict[Address, bytes | None] = field(default_factory=dict)  # ids; None for nodes to begin with
    asked: dict[bytes, tuple[Address, float]] = field(default_factory=dict)  # by transaction, until when
    tried: set[Address] = field(default_factory=set)
    tokens: dict[Address, bytes] = field(default_factory=dict)

    def distance(self, address: Address) -> int:
        node = self.known[address]
        return 0 if node is None else int.from_bytes(node) ^ int.from_bytes(self.target)

    def nearest(self) -> list[Address]:
        """The nodes that are, or may be, among those that keep the item, nearest first."""
        return sorted(self.known, key=self.distance)

    def whom_next(self) -> Address | None:
        """Whom to ask next: of the nearest that have answered or may, the nearest not asked yet."""
        alive = [one for one in self.nearest() if one not in self.tried or one in self.tokens]
        beginning = [one for one in alive if self.known[one] is None]
        for address in [*beginning, *[one for one in alive if one not in beginning][:_NEAREST]]:
            if address not in self.tried:
                return address
        return None


def find(key: bytes, nodes: Sequence[Address]) -> Found:
    """Search the DHT for the item of a key. Raises NetworkError when no node answers at all."""
    search = _Search(target_of(key), key, local=any(_is_local(host) for host, _ in nodes))
    for address in nodes:
        search.known[address] = None
    with _socket() as sock, selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        myself, end = os.urandom(20), time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            now = time.monotonic()
            search.asked = {at: (who, until) for at, (who, until) in search.asked.items() if until > now}
            while len(search.asked) < _AT_ONCE and len(search.tried) < _MOST and (one := search.whom_next()):
                _ask(sock, search, one, myself)
            if not search.asked:
                break
            if selector.select(min(until for _, until in search.asked.values()) - now):
                _hear(sock, search)
    if not search.tokens:
        raise NetworkError(
            "No node of the DHT answered.", "Is UDP let through? Name a node that you know with --dht-node."
        )
    near = [one for one in search.nearest() if one in search.tokens][:_NEAREST]
    return Found(search.item, tuple((one, search.tokens[one]) for one in near))


def put(item: Signpost, nodes: Sequence[Address]) -> int:
    """Put a signed item on the nodes nearest to it; return how many keep it.

    Raises NetworkError when none does, VerificationError when a newer one is there.
    """
    check_signpost(item)
    found = find(item.key, nodes)
    if found.item is not None and found.item.sequence > item.sequence:
        raise VerificationError(
            f"The DHT has a newer signpost of this key: {found.item.sequence}, here {item.sequence}.",
            "Look at the origin first; does somebody else publish with this key?",
        )
    waiting = {}
    kept, myself = 0, os.urandom(20)
    with _socket() as sock:
        for number, (address, token) in enumerate(found.tokens):
            transaction = number.to_bytes(2)
            waiting[transaction] = address
            arguments: dict[bytes, Encodable] = {
                b"id": myself,
                b"k": item.key,
                b"seq": item.sequence,
                b"sig": item.signature,
                b"token": token,
                b"v": _encodable(decode(item.value)),
            }
            _send(sock, transaction, b"put", arguments, address)
        end = time.monotonic() + 2 * _ANSWER
        while waiting and (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data, sender = sock.recvfrom(_DATAGRAM)
            except OSError:
                break
            said = _message(data)
            answered = said.get(b"t") if said else None
            if isinstance(answered, bytes) and waiting.get(answered) == sender:
                del waiting[answered]
                kept += said is not None and said.get(b"y") == b"r"
    if not kept:
        raise NetworkError("No node of the DHT keeps the signpost.", "It is tried again; or run it again.")
    return kept


def resolve_nodes(texts: Iterable[str]) -> list[Address]:
    """Return the IPv4 addresses of nodes, given as HOST:PORT. Those whose names are not known are left out.

    Raises NetworkError when none is known.
    """
    found = list[Address]()
    for text in texts:
        host, _, port = text.rpartition(":")
        try:
            known = socket.getaddrinfo(host, int(port), family=socket.AF_INET, type=socket.SOCK_DGRAM)
        except (OSError, ValueError, UnicodeError):
            continue
        found += [(str(address[0]), int(address[1])) for *_, address in known]
    if not found:
        raise NetworkError("No node of the DHT is known by its name.", "Name one with --dht-node HOST:PORT.")
    return list(dict.fromkeys(found))


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 0))
    return sock


def _ask(sock: socket.socket, search: _Search, address: Address, myself: bytes) -> None:
    transaction = os.urandom(4)
    search.tried.add(address)
    search.asked[transaction] = (address, time.monotonic() + _ANSWER)
    _send(sock, transaction, b"get", {b"id": myself, b"target": search.target}, address)


def _send(
    sock: socket.socket, transaction: bytes, query: bytes, arguments: dict[bytes, Encodable], to: Address
) -> None:
    message: dict[bytes, Encodable] = {b"a": arguments, b"q": query, b"ro": 1, b"t": transaction, b"y": b"q"}
    with suppress(OSError):  # one that cannot be reached from here will not answer
        sock.sendto(encode(message), to)


def _hear(sock: socket.socket, search: _Search) -> None:
    try:
        data, sender = sock.recvfrom(_DATAGRAM)
    except OSError:
        return  # an earlier datagram could not be delivered (ICMP)
    said = _message(data)
    transaction = said.get(b"t") if said else None
    if said is None or not isinstance(transaction, bytes):
        return
    address, _ = search.asked.get(transaction, (None, 0.0))
    if address is None or address != sender:
        return
    del search.asked[transaction]
    answer = said.get(b"r")
    if said.get(b"y") != b"r" or not isinstance(answer, dict):
        return
    token, node, nodes = answer.get(b"token"), answer.get(b"id"), answer.get(b"nodes")
    if isinstance(node, bytes) and len(node) == 20:
        search.known[address] = node
        if isinstance(token, bytes) and len(token) <= 100:
            search.tokens[address] = token
    if isinstance(nodes, bytes):
        _learn(search, nodes)
    if b"sig" in answer:
        _weigh(search, answer)


def _learn(search: _Search, nodes: bytes) -> None:
    """Remember nodes that were named: 26 bytes each, id, IPv4 address and port (BEP 5)."""
    for start in range(0, min(len(nodes), 26 * 4 * _NEAREST) - 25, 26):
        node, host = nodes[start : start + 20], str(ipaddress.IPv4Address(nodes[start + 20 : start + 24]))
        address = (host, int.from_bytes(nodes[start + 24 : start + 26]))
        # Only where we were told to begin on a private network are others there asked, too.
        if len(search.known) < _MOST and address[1] and (search.local or not _is_local(host)):
            search.known.setdefault(address, node)


def _weigh(search: _Search, answer: dict[bytes, Bencoded]) -> None:
    try:
        item = as_signpost(answer)
        if item.key != search.key:
            return
        check_signpost(item)
    except VerificationError:
        return  # who sends what is not signed has nothing
    if search.item is None or item.sequence > search.item.sequence:
        search.item = item


def _message(data: bytes) -> dict[bytes, Bencoded] | None:
    try:
        said = decode(data, max_bytes=_DATAGRAM)
    except VerificationError:
        return None
    return said if isinstance(said, dict) else None


def _encodable(value: Bencoded) -> Encodable:
    return value


def _is_local(host: str) -> bool:
    return not ipaddress.ip_address(host).is_global
