"""Keeping an archive's signpost standing: it is put into the DHT each hour, and its tree goes to who asks.

Anybody who has the signed item can do this, without the key (BEP 44): the publisher, and every mirror that
serves. Nodes forget an item after two hours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from phonotheque.editions.bencode import MAX_BYTES
from phonotheque.editions.signpost import MAX_ITEM, Signpost, check_signpost, read_signpost, write_signpost
from phonotheque.editions.torrent import TorrentMeta, read_torrent
from phonotheque.editions.tree import ITEM, NAME, TORRENT, tree_torrent
from phonotheque.mirrors.by_key import KeyOrigin, Reach
from phonotheque.mirrors.dht import NODES, put, resolve_nodes
from phonotheque.mirrors.follow import Followed
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.origins import each
from phonotheque.mirrors.standing import look
from phonotheque.mirrors.swarm import Swarm, SwarmLostError
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError
from phonotheque.vault.place import write_durably

EVERY = 3600.0  # seconds between two puts
_AGAIN = 300.0  # after one that failed
_TURN = 1.0


@dataclass(slots=True)
class Signposting:
    """The signpost of one public tree. ``told`` is given how many nodes keep it, after each put."""

    public: Path
    reach: Reach
    say: Callable[[str], None]
    told: Callable[[Signpost, int], None] = lambda _post, _nodes: None
    _swarm: Swarm | None = None
    _item: bytes = b""
    _next: float = field(default=0.0)

    def tend(self) -> None:
        """Do what is due: take up a new signpost, put it, seed its tree."""
        try:
            item = (self.public / ITEM).read_bytes()
        except FileNotFoundError:
            return
        if item != self._item:
            self._seed(item)
            self._item, self._next = item, 0.0
        self._listen()
        if time.monotonic() < self._next:
            return
        post = read_signpost(item)
        try:
            nodes = put(post, resolve_nodes(self.reach.nodes or NODES))
        except (NetworkError, VerificationError) as error:
            self._next = time.monotonic() + _AGAIN
            self.say(error.message)
            return
        self._next = time.monotonic() + EVERY
        self.told(post, nodes)

    @property
    def port(self) -> int:
        """Where peers are given the tree; 0 while nothing is seeded."""
        return self._swarm.port if self._swarm else 0

    def close(self) -> None:
        """End the seeding."""
        if self._swarm:
            self._swarm.close()
            self._swarm = None

    def _seed(self, item: bytes) -> None:
        torrent, meta = _torrent(self.public, item)
        stands = look(self.public, meta)
        if self._swarm is None:
            self._swarm = Swarm(self.reach.apart)
        else:
            self._swarm.remove(NAME)
        have = stands.have if stands.lacking else None
        self._swarm.add(
            NAME, torrent, str(self.public.parent), have=have, wanted=have, peers=self.reach.peers
        )

    def _listen(self) -> None:
        """Empty what the process reports; start another one if it was lost."""
        if self._swarm is None:
            return
        try:
            self._swarm.poll(0)
        except SwarmLostError as error:
            self.say(f"{error.message} It is started again.")
            self._swarm.kill()
            self._swarm = None
            self._seed(self._item)


def _torrent(public: Path, item: bytes) -> tuple[bytes, TorrentMeta]:
    data = (public / TORRENT).read_bytes()
    meta = read_torrent(data)
    infohash = check_signpost(read_signpost(item)).infohash
    if (meta.infohash_v1, meta.name) != (infohash, NAME):
        raise VerificationError(
            f"{public / TORRENT} is not the torrent that {ITEM} names.", "Publish, or mirror, again."
        )
    return data, meta


@contextmanager
def standing_signpost(public: Path, reach: Reach, say: Callable[[str], None]) -> Iterator[Signposting]:
    """Keep a signpost standing beside other work."""
    stop, posting = threading.Event(), Signposting(public, reach, say)

    def work() -> None:
        while not stop.wait(_TURN):
            try:
                posting.tend()
            except (PhonothequeError, OSError) as error:
                say(f"The signpost of {public} is not kept up: {error}")
                stop.wait(_AGAIN)

    thread = threading.Thread(target=work, name="signpost", daemon=True)
    thread.start()
    try:
        yield posting
    finally:
        stop.set()
        thread.join()
        posting.close()


def keep_signpost(origin: Origin, public: Path, followed: Followed, say: Callable[[str], None]) -> None:
    """Take over an archive's signpost into a mirror's public tree, if it is one that the archive names.

    What is not, or is of another state of the tree, is left out, and a wrong one is told. Nothing is asked
    for while no origin answers, or once the one of this state is here.
    """
    if followed.offline or _is_kept(public, followed):
        return
    try:
        post, torrent = _offered(origin, public, followed)
    except (NetworkError, NotFoundError):
        return
    except VerificationError as error:
        say(error.message)
        return
    if post is None:
        return
    for name, data in ((TORRENT, torrent), (ITEM, write_signpost(post))):
        place = public / name
        if not place.exists() or place.read_bytes() != data:
            write_durably(place, data)


def _is_kept(public: Path, followed: Followed) -> bool:
    try:
        item = (public / ITEM).read_bytes()
        post = read_signpost(item)
        fingerprint = check_signpost(post).fingerprint
        _torrent(public, item)
    except (FileNotFoundError, VerificationError):
        return False
    named = post.key.hex() in followed.signposts and fingerprint == followed.fingerprint
    return named and post.sequence == followed.version


def _offered(origin: Origin, public: Path, followed: Followed) -> tuple[Signpost | None, bytes]:
    post = next((one.post for one in each(origin) if isinstance(one, KeyOrigin)), None)
    given = None if post else read_signpost(fetch(origin, ITEM, MAX_ITEM))
    post = post or given
    assert post is not None
    directions = check_signpost(post)
    if post.key.hex() not in followed.signposts or directions.fingerprint != followed.fingerprint:
        raise VerificationError(f"{ITEM} at {origin.where} is none that the archive names.")
    if post.sequence != followed.version:
        return None, b""
    torrent = fetch(origin, TORRENT, MAX_BYTES) if given else tree_torrent(public).data
    meta = read_torrent(torrent)
    if (meta.infohash_v1, meta.name) != (directions.infohash, NAME):
        if given:
            raise VerificationError(f"{TORRENT} at {origin.where} is not the one that {ITEM} names.")
        return None, b""  # what lies here is not all of it
    return post, torrent
