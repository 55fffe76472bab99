"""What a mirror and its swarm process tell each other: plain values that pickle. See :mod:`.swarm`."""

from __future__ import annotations

from dataclasses import dataclass

from phonotheque.model.proxies import Proxy
from phonotheque.model.schedule import Limits


@dataclass(frozen=True, slots=True)
class SwarmSettings:
    """How the swarm reaches the world. Limits are bytes per second, 0 for none.

    With a proxy, all goes through it or not at all: no discovery, no listening, no UDP.
    """

    listen: tuple[str, ...] = ("0.0.0.0:6881", "[::]:6881")  # port 0: any free one
    trackers: tuple[str, ...] = ()  # besides those in the torrents
    dht: bool = True
    lsd: bool = True  # peers on the same local network (BEP 14)
    pex: bool = True  # peers tell of other peers (BEP 11)
    port_mapping: bool = True  # ask the router for an open port (UPnP, NAT-PMP)
    web_seed: bool = True  # fetch from the origin's web server, too
    upload_limit: int = 0
    download_limit: int = 0
    connections: int = 200
    proxy: Proxy | None = None
    dht_nodes: tuple[str, ...] = ()  # HOST:PORT of those to begin with; none: libtorrent's own

    @property
    def limits(self) -> Limits:
        """The limits that hold until others are set."""
        return Limits(self.upload_limit, self.download_limit, self.connections)

    @property
    def through_http(self) -> bool:
        """Whether libtorrent would look up names here: it leaves them to SOCKS proxies only."""
        return self.proxy is not None and self.proxy.kind == "http"

    @property
    def local(self) -> bool:
        """Whether it listens on this machine only, where every peer has the same address."""
        return all(address.startswith(("127.", "[::1]")) for address in self.listen)


@dataclass(frozen=True, slots=True)
class Add:
    """Transfer or seed a bag. ``have`` has one byte (0 or 1) per piece; None means all, taken as verified.

    ``wanted`` has one byte per piece, too: those marked 0 are not fetched; None means all are.
    """

    bag: str
    torrent: bytes
    save_path: str  # the folder in which the bag's folder lies
    have: bytes | None
    web_seeds: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()  # IP address and port
    wanted: bytes | None = None

    @property
    def downloading(self) -> bool:
        """Whether anything is to be fetched for it."""
        if self.have is None:
            return False
        # With all there that is wanted, libtorrent would call it finished at once, and we ask for nothing.
        return self.wanted is None or any(
            want > had for want, had in zip(self.wanted, self.have, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Magnet:
    """Fetch all of a torrent of which only the v1 infohash is known, unless it is more than ``max_bytes``.

    Nothing else about it is known to be right: what comes has to be verified by other means.
    """

    bag: str  # the name that it has to have
    infohash: str  # hex
    save_path: str
    max_bytes: int
    peers: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Stop with a bag; its files stay."""

    bag: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Change what transfers may take from now on; stop them all, or go on."""

    limits: Limits


@dataclass(frozen=True, slots=True)
class Stop:
    """Bring everything to the disk and end."""


Command = Add | Magnet | Remove | Limit | Stop


@dataclass(frozen=True, slots=True)
class Listening:
    """Peers can connect to this port."""

    port: int


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a bag is: ``done`` counts bytes of right pieces; the other counts begin when it was added."""

    bag: str
    done: int
    downloaded: int
    uploaded: int
    download_rate: int  # bytes per second
    upload_rate: int
    peers: int
    seeds: int = -1  # others that have all of it, as far as trackers and peers tell; -1: nobody told


@dataclass(frozen=True, slots=True)
class Finished:
    """Every wanted piece of the bag came, and was handed to the operating system."""

    bag: str


@dataclass(frozen=True, slots=True)
class Removed:
    """Nobody is given anything of the bag any more, and its files are closed."""

    bag: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong. ``errno`` is set for errors of the disk; ``bag`` is None for the session."""

    bag: str | None
    what: str
    errno: int | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The answer to :class:`Stop`."""


Report = Listening | Moved | Finished | Removed | Trouble | Stopped
