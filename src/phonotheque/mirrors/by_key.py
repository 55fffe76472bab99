"""Following by a public key alone: the DHT says where the newest public tree is, and a torrent brings it.

The key's owner signs both: which torrent it is, and the fingerprint of the archive's first root
(:mod:`phonotheque.editions.signpost`). What comes is verified as that of any origin is.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from phonotheque.editions.signpost import (
    MAX_ITEM,
    Directions,
    Signpost,
    check_signpost,
    read_signpost,
    write_signpost,
)
from phonotheque.editions.tree import NAME
from phonotheque.mirrors.dht import NODES, find, resolve_nodes
from phonotheque.mirrors.messages import Finished, Magnet, Moved, Report, SwarmSettings, Trouble
from phonotheque.mirrors.origin import FolderOrigin, Origin, Stamp, fetch
from phonotheque.mirrors.swarm import Swarm, SwarmLostError
from phonotheque.mirrors.tuf_client import BehindError
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from phonotheque.vault.place import link_or_copy, write_durably

SCHEME = "btpk:"
_MAGNET = "urn:btpk:"  # BEP 46
_MOST = 100 * 1024**3  # bytes of small files
_TURN = 0.5  # seconds
_PIECE = 64 * 1024  # bytes for which patience is given once more

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reach:
    """How a key's torrent is reached. ``nodes`` are those of the DHT to begin with, HOST:PORT."""

    swarm: SwarmSettings
    nodes: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    patience: float = 120.0  # seconds without any data
    most: int = _MOST

    @property
    def apart(self) -> SwarmSettings:
        """Settings for a process of its own beside the one that has the port."""
        listen = ("127.0.0.1:0",) if self.swarm.local else ("0.0.0.0:0", "[::]:0")
        return replace(self.swarm, listen=listen, dht_nodes=self.nodes)


def parse_key(text: str) -> bytes | None:
    """Return the key in ``btpk:HEX`` or ``magnet:?xs=urn:btpk:HEX`` (BEP 46), None for anything else.

    Raises UsageError where that is meant and the key is none.
    """
    found = text
    if text.startswith("magnet:"):
        parts = parse_qs(urlsplit(text).query)
        found = next((xs for xs in parts.get("xs", ()) if xs.startswith(_MAGNET)), "")
        if "s" in parts:
            raise UsageError("The magnet link has a salt, which no archive's has.", "Ask for the link again.")
        if not found:
            raise UsageError(f"{text:.200} names no public key.", "Write it as magnet:?xs=urn:btpk:HEX")
    elif not text.startswith(SCHEME):
        return None
    digits = found.removeprefix("urn:").removeprefix(SCHEME)
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise UsageError(f"{text:.200} names no public key.", "A key is 64 hexadecimal digits.")
    return bytes.fromhex(digits)


def magnet_link(key: str) -> str:
    """Return the link by which others follow a key, given in hex."""
    return f"magnet:?xs={_MAGNET}{key}"


class KeyOrigin:
    """The public tree to which a key's signpost leads, kept in ``home``.

    ``home`` holds the last signpost (``item``) and the folder of its tree. A tree that is fetched takes over
    what the one before has of it.
    """

    def __init__(
        self,
        key: bytes,
        home: Path,
        reach: Reach,
        say: Callable[[str], None] = lambda _text: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._key = key
        self._home = home
        self._reach = reach
        self._say = say
        self._stop = stop or threading.Event()
        self._mended = ""
        self.post = self._kept()

    @property
    def key(self) -> str:
        """The key, in hex."""
        return self._key.hex()

    @property
    def where(self) -> str:
        """The key, as it is given to commands."""
        return SCHEME + self.key

    @property
    def web_seed(self) -> str | None:
        """Torrents are no web seeds."""
        return None

    def renew(self) -> Directions:
        """Ask the DHT for the newest signpost, and have the tree to which it leads; return what it says.

        Raises NetworkError when nobody has it, VerificationError when it cannot be what it should.
        """
        found = find(self._key, resolve_nodes(self._reach.nodes or NODES)).item
        post = self.post
        if found is not None and (post is None or found.sequence > post.sequence):
            directions = check_signpost(found)
            self._fetch(directions.infohash, check_signpost(post).infohash if post else None)
            write_durably(self._home / "item", write_signpost(found))
            self.post = post = found
            self._tidy(directions.infohash)
        if found is None or post is None:
            raise NetworkError(
                f"The DHT has no signpost of the key {self.key[:16]}…",
                "Nobody has put it there lately. Try later, or follow another mirror by its address.",
            )
        return check_signpost(post)

    def promised(self) -> str | None:
        """Return the fingerprint of the root that the key's owner signed last; None if nobody tells it."""
        try:
            found = find(self._key, resolve_nodes(self._reach.nodes or NODES)).item
            posts = [post for post in (self.post, found) if post is not None]
            return check_signpost(max(posts, key=lambda post: post.sequence)).fingerprint if posts else None
        except (NetworkError, VerificationError):
            return None  # which is raised when it is looked at

    def mend(self) -> bool:
        """Have the tree brought again, as it lies here damaged; tell whether that was done.

        Only once: what does not verify then is not damaged here. Raises NetworkError when nobody has it.
        """
        infohash = check_signpost(self.post).infohash if self.post else ""
        if self._mended == infohash:
            return False
        self._fetch(infohash, None)
        self._mended = infohash
        return True

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes of the tree; see :class:`~phonotheque.mirrors.origin.Origin`."""
        return self._tree().open_range(path, start, length)

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        """Return a file of the tree that was found when it was renewed."""
        return fetch(self._tree(), path, max_bytes), Stamp()

    def _tree(self) -> FolderOrigin:
        directions = check_signpost(self.post) if self.post else self.renew()
        return FolderOrigin(self._home / directions.infohash, coming=True)

    def _kept(self) -> Signpost | None:
        try:
            post = read_signpost((self._home / "item").read_bytes()[: MAX_ITEM + 1])
            directions = check_signpost(post)
        except FileNotFoundError:
            return None
        except VerificationError:  # torn: the DHT is asked, as at first
            return None
        return post if post.key == self._key and (self._home / directions.infohash).is_dir() else None

    def _fetch(self, infohash: str, before: str | None) -> None:
        goal = self._home / infohash
        self._tidy(infohash, before)
        if before and before != infohash and not goal.exists():
            _take_over(self._home / before, goal)
        goal.mkdir(parents=True, exist_ok=True)
        self._say(f"Fetching the public tree to which the key leads ({infohash[:16]}…).")
        why = "nobody who has it was found"
        with Swarm(self._reach.apart) as swarm:
            swarm.add_magnet(Magnet(NAME, infohash, str(goal), self._reach.most, self._reach.peers))
            since, moved = time.monotonic(), 0
            while time.monotonic() - since < self._reach.patience and not self._stop.is_set():
                for report in self._reports(swarm):
                    match report:
                        case Finished():
                            return
                        case Moved(done=done, downloaded=downloaded) if done + downloaded >= moved + _PIECE:
                            since, moved = time.monotonic(), done + downloaded
                        case Trouble(bag=bag, what=what) if bag == NAME:
                            why = what
            swarm.kill()  # there may be nothing that it could bring to the disk, and it would wait for that
        raise NetworkError(
            f"The public tree {infohash} did not come: {why}.",
            "Name a mirror that you know: --peer HOST:PORT",
        )

    @staticmethod
    def _reports(swarm: Swarm) -> list[Report]:
        try:
            return swarm.poll(_TURN)
        except SwarmLostError as error:
            raise NetworkError(error.message, error.advice) from error

    def _tidy(self, *kept: str | None) -> None:
        for entry in self._home.glob("*/"):
            if entry.name not in kept:
                shutil.rmtree(entry)


def pledged_root(origin: Origin) -> str | None:
    """Return the fingerprint that a key's owner signed, after asking for what is new; None without a key."""
    return origin.renew().fingerprint if isinstance(origin, KeyOrigin) else None


def mending(origin: Origin, look: Callable[[], T]) -> T:
    """Return what a look finds, after the tree to which a key led was brought again if it does not verify."""
    try:
        return look()
    except BehindError:
        raise
    except (VerificationError, NotFoundError):
        if not isinstance(origin, KeyOrigin) or not origin.mend():
            raise
    return look()


def _take_over(before: Path, goal: Path) -> None:
    """Begin a tree with the files of the one before: all but one or two are the same."""
    for path in sorted((before / NAME).rglob("*")):
        if path.is_file() and not path.is_symlink():
            place = goal / path.relative_to(before)
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, place)
