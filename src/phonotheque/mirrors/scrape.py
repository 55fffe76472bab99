"""Asking trackers how many seeders torrents have: over HTTP (BEP 48) and UDP (BEP 15).

What a tracker says, it was told by whoever announced there: a claim. A hybrid torrent is known there by two
infohashes, and a client that seeds it may announce both or one of them: the larger number counts.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from phonotheque.editions.bencode import decode
from phonotheque.model.batches import batched
from phonotheque.model.errors import NetworkError, VerificationError

_PATIENCE: Final = 10.0  # seconds for each answer
_TRIES: Final = 2  # datagrams are lost
_IN_A_DATAGRAM: Final = 70  # infohashes; BEP 15 allows about 74
_IN_AN_ADDRESS: Final = 40  # infohashes of 60 characters: servers take addresses of some 4,000
_LONGEST: Final = 1024 * 1024  # bytes of an answer
_PROTOCOL: Final = 0x41727101980
_CONNECT, _SCRAPE, _ERROR = 0, 2, 3
_MOST: Final = 10_000_000  # seeders; whoever says more is not believed

Ask = Callable[[Sequence[bytes]], Mapping[bytes, int]]


@dataclass(frozen=True, slots=True)
class Hashes:
    """A torrent's infohashes, as hex."""

    v1: str
    v2: str

    def known_as(self) -> tuple[bytes, bytes]:
        """Return by which 20 bytes trackers know it (BEP 52: of the second hash the first 20)."""
        return bytes.fromhex(self.v1), bytes.fromhex(self.v2)[:20]


@dataclass(frozen=True, slots=True)
class Scraped:
    """Seeders by name, and what was wrong with trackers that did not tell them all."""

    seeders: dict[str, int]
    failures: tuple[tuple[str, str], ...]


def scrape(
    trackers: Iterable[str], torrents: Mapping[str, Hashes], *, patience: float = _PATIENCE
) -> Scraped:
    """Ask each tracker for all torrents; of several answers about one the largest counts.

    A torrent that no tracker told of is not in the answer. A tracker that fails is named, and not asked on.
    """
    names = defaultdict[bytes, list[str]](list)
    for name, hashes in torrents.items():
        for key in hashes.known_as():
            names[key].append(name)
    found, failures = dict[str, int](), []
    for tracker in dict.fromkeys(trackers):
        try:
            ask, most = _asking(tracker, patience)
            for some in batched(sorted(names), most):
                for key, seeders in ask(some).items():
                    for name in names.get(key, ()):
                        found[name] = max(found.get(name, 0), seeders)
        except (NetworkError, VerificationError) as error:
            failures.append((tracker, error.message))
    return Scraped(found, tuple(failures))


def scrape_address(tracker: str) -> str | None:
    """Return where an HTTP tracker answers for scrapes; None where its address follows no convention."""
    parts = urlsplit(tracker)
    head, slash, last = parts.path.rpartition("/")
    if not slash or not last.startswith("announce"):
        return None
    return parts._replace(path=f"{head}/scrape{last.removeprefix('announce')}").geturl()


def _asking(tracker: str, patience: float) -> tuple[Ask, int]:
    """Return how a tracker is asked, and for how many hashes at once."""
    try:
        parts = urlsplit(tracker)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NetworkError(f"{tracker} is no address of a tracker: {error}.") from error
    if parts.scheme in ("http", "https") and host:
        address = scrape_address(tracker)
        if address is None:
            raise NetworkError(f"{tracker} does not end in “announce”, so it cannot be asked (BEP 48).")
        return lambda hashes: _ask_http(address, hashes, patience), _IN_AN_ADDRESS
    if parts.scheme == "udp" and host and port:
        return lambda hashes: _ask_udp(host, port, hashes, patience), _IN_A_DATAGRAM
    raise NetworkError(f"{tracker} is no address of a tracker that is understood here.")


def _ask_http(address: str, hashes: Sequence[bytes], patience: float) -> dict[bytes, int]:
    query = "&".join(f"info_hash={quote_from_bytes(key, safe='')}" for key in hashes)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=patience), retries=False)
    try:
        answer = pool.request(
            "GET",
            f"{address}{'&' if '?' in address else '?'}{query}",
            preload_content=False,
            redirect=False,
            headers={"User-Agent": "Phonotheque", "Accept-Encoding": "identity"},
        )
        try:
            data = _body(answer, address, patience)
        finally:
            answer.close()
    except HTTPError as error:
        raise NetworkError(f"{address} did not answer: {error}.") from error
    if answer.status != 200:
        raise NetworkError(f"{address} answered {answer.status}.")
    return _files(data, address, set(hashes))


def _body(answer: urllib3.BaseHTTPResponse, address: str, patience: float) -> bytes:
    """Read an answer that is bounded in size and time: a trickle would never run into a time-out."""
    data, end = bytearray(), time.monotonic() + 2 * patience
    for chunk in answer.stream(16 * 1024, decode_content=False):
        data += chunk
        if len(data) > _LONGEST or time.monotonic() > end:
            raise NetworkError(f"{address} does not come to an end.")
    return bytes(data)


def _files(data: bytes, address: str, asked: set[bytes]) -> dict[bytes, int]:
    value = decode(data, max_bytes=_LONGEST, ordered=False)
    if isinstance(value, dict) and isinstance(reason := value.get(b"failure reason"), bytes):
        raise NetworkError(f"{address} refuses: {reason[:200].decode('utf-8', 'replace')}.")
    files = value.get(b"files") if isinstance(value, dict) else None
    if not isinstance(files, dict):
        raise VerificationError(f"{address} answered something else than a scrape (BEP 48).")
    found = {}
    for key, told in files.items():
        seeders = told.get(b"complete") if isinstance(told, dict) else None
        if key in asked and isinstance(seeders, int) and 0 <= seeders <= _MOST:
            found[key] = seeders
    return found


def _ask_udp(host: str, port: int, hashes: Sequence[bytes], patience: float) -> dict[bytes, int]:
    where = f"udp://{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as line:
            line.connect(address)  # the system then drops what others send
            talk = _Talk(line, where, patience / _TRIES)
            (connection,) = struct.unpack(">Q", talk.ask(struct.pack(">Q", _PROTOCOL), _CONNECT, b"", 8))
            said = talk.ask(struct.pack(">Q", connection), _SCRAPE, b"".join(hashes), 12 * len(hashes))
    except OSError as error:
        raise NetworkError(f"{where} did not answer: {error.strerror or error}.") from error
    numbers = [entry[0] for entry in struct.iter_unpack(">III", said)]
    return {key: seeders for key, seeders in zip(hashes, numbers, strict=True) if seeders <= _MOST}


@dataclass(frozen=True, slots=True)
class _Talk:
    """One exchange of datagrams with a tracker (BEP 15)."""

    line: socket.socket
    where: str
    patience: float

    def ask(self, head: bytes, action: int, body: bytes, length: int) -> bytes:
        """Return the ``length`` bytes that answer; NetworkError if they do not come."""
        number = secrets.token_bytes(4)
        for _ in range(_TRIES):
            self.line.send(head + struct.pack(">I", action) + number + body)
            end = time.monotonic() + self.patience
            while (left := end - time.monotonic()) > 0:
                self.line.settimeout(left)
                try:
                    answer = self.line.recv(64 * 1024)
                except TimeoutError:
                    break
                if len(answer) < 8 or answer[4:8] != number:
                    continue  # of another exchange, or of somebody else
                if struct.unpack(">I", answer[:4])[0] == _ERROR:
                    said = answer[8:208].decode("utf-8", "replace")
                    raise NetworkError(f"{self.where} refuses: {said}.")
                if struct.unpack(">I", answer[:4])[0] != action or len(answer) < 8 + length:
                    raise NetworkError(f"{self.where} answered something that is no answer (BEP 15).")
                return answer[8 : 8 + length]
        raise NetworkError(f"{self.where} did not answer.")
