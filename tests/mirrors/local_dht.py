"""A DHT on loopback: some nodes of libtorrent that know only each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libtorrent as lt

from phonotheque.mirrors.dht import find, resolve_nodes
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.swarm_magnets import _GUARDS
from tests.mirrors.mirror_publisher import wait_for


@contextmanager
def local_dht(count: int = 4) -> Iterator[tuple[list[lt.session], tuple[str, ...]]]:
    """Yield the sessions and their addresses, once they know each other."""
    sessions: list[lt.session] = []
    nodes: list[str] = []
    try:
        for _ in range(count):
            settings: Any = {
                "listen_interfaces": "127.0.0.1:0",
                "enable_dht": True,
                "dht_bootstrap_nodes": "",  # those that are named here are never kept, nor told to others
                **dict.fromkeys(("enable_lsd", "enable_upnp", "enable_natpmp"), False),
                **dict.fromkeys(_GUARDS, False),
                "dht_upload_rate_limit": 1_000_000,
                "dht_block_ratelimit": 10_000,
            }
            session = lt.session(settings)
            sessions.append(session)
            nodes.append(f"127.0.0.1:{session.listen_port()}")
        for session in sessions:
            for node in nodes:
                session.add_dht_node(("127.0.0.1", int(node.rpartition(":")[2])))
        addresses = resolve_nodes(nodes)
        wait_for(lambda: all(len(find(bytes(32), [one]).tokens) >= count - 1 for one in addresses))
        yield sessions, tuple(nodes)
    finally:
        for session in sessions:
            session.pause()
        sessions.clear()


def on_dht(nodes: tuple[str, ...]) -> SwarmSettings:
    """Settings of a mirror on this machine that uses that DHT and nothing else."""
    return SwarmSettings(
        listen=("127.0.0.1:0",), dht=True, lsd=False, pex=False, port_mapping=False, dht_nodes=nodes
    )
