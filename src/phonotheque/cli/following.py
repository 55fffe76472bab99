"""What a mirror follows: its origin, others that are asked where that fails, or a public key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from phonotheque.cli.common import messages, safe
from phonotheque.cli.transfer import Transfer
from phonotheque.mirrors.by_key import SCHEME, KeyOrigin, Reach, parse_key
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import Origin, open_origin
from phonotheque.mirrors.origins import open_origins
from phonotheque.mirrors.signposting import standing_signpost
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.model.errors import NetworkError, UsageError
from phonotheque.vault.archive import Archive


def origin_of(
    mirror: Archive,
    swarm: SwarmSettings,
    transfer: Transfer,
    also: Sequence[str],
    say: Callable[[str], None],
    stop: threading.Event,
    *,
    budget: int,
) -> Origin:
    """Return what a mirror follows; ``also`` are addresses and folders of others that hold the same archive.

    The small files to which a key leads may have ``budget`` bytes.
    Raises UsageError for what is no address, NotFoundError when there is nothing at all to begin with.
    """
    ours = mirror.settings.mirror
    coming = bool(also) or trust_dir(mirror).exists()  # what is held is served without a folder, too

    def opened(text: str) -> Origin:
        key = parse_key(text)
        if key is None:
            return open_origin(text, country=ours.country, proxy=swarm.proxy, coming=coming)
        if swarm.proxy is not None or not swarm.dht:
            raise UsageError(
                f"{SCHEME} is followed through the DHT, which is not used with a proxy, with --no-discovery, "
                "or when listening on this machine only.",
                "Leave that out, or name a node of a DHT of your own: --dht-node HOST:PORT",
            )
        reach = replace(reach_of(swarm, transfer), most=budget)
        return KeyOrigin(key, mirror.folder / "signpost" / key.hex(), reach, say, stop)

    return open_origins((ours.origin, *also), opened)


def known_peers(transfer: Transfer, swarm: SwarmSettings) -> Transfer:
    """Leave out peers whose names nobody knows now, and say so: what is held is served without them."""
    if swarm.proxy is not None:  # by which no names are looked up
        return transfer
    known = []
    for peer in transfer.peers:
        try:
            resolve_peers([peer])
        except NetworkError as error:
            messages.print(safe(f"{error.message} It is left out."))
        else:
            known.append(peer)
    return replace(transfer, peers=tuple(known))


def reach_of(swarm: SwarmSettings, transfer: Transfer) -> Reach:
    """Return how the torrent of a public tree is reached, and given to others."""
    peers = resolve_peers(transfer.peers)
    return Reach(swarm, swarm.dht_nodes, peers, patience=transfer.patience)


@contextmanager
def keeping_signpost(
    mirror: Archive, swarm: SwarmSettings, transfer: Transfer, say: Callable[[str], None], *, once: bool
) -> Iterator[None]:
    """Keep the signpost of the archive standing in the DHT while a mirror serves, if it has one."""
    with ExitStack() as stack:
        if swarm.dht and not once:
            stack.enter_context(standing_signpost(mirror.public, reach_of(swarm, transfer), say))
        yield


def web_addresses(also: Sequence[str]) -> tuple[str, ...]:
    """Return those of them that are web servers, which bags may be fetched from, too."""
    return tuple(text for text in also if "://" in text)
