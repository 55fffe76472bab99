"""Torrents known by their infohash only, in the process that runs libtorrent; and DHTs of one's own."""

from __future__ import annotations

import ipaddress
from typing import Any

import libtorrent as lt

from phonotheque.mirrors.messages import Magnet, SwarmSettings

_MOST_FILES = 100_000
# What keeps an open DHT from being poisoned keeps a private one from working at all.
_GUARDS = (
    "dht_restrict_routing_ips",
    "dht_restrict_search_ips",
    "dht_ignore_dark_internet",
    "dht_enforce_node_id",
    "dht_prefer_verified_node_ids",
)


def dht_settings(settings: SwarmSettings) -> Any:
    """Return libtorrent's settings for the nodes of the DHT that are named, if any are."""
    if not settings.dht_nodes:
        return {}
    private = all(_is_private(node) for node in settings.dht_nodes)
    return {
        # Nodes that are named here are asked, and never kept. In a small DHT of one's own that would be all.
        "dht_bootstrap_nodes": "" if private else ",".join(settings.dht_nodes),
        **(dict.fromkeys(_GUARDS, False) if private else {}),
    }


def enter_dht(session: lt.session, settings: SwarmSettings) -> None:
    """Let the session know the nodes of the DHT that are named."""
    for node in settings.dht_nodes if settings.dht and settings.proxy is None else ():
        host, _, port = node.rpartition(":")
        if port.isdecimal():
            session.add_dht_node((host.strip("[]"), int(port)))


def magnet_parameters(command: Magnet, settings: SwarmSettings) -> lt.add_torrent_params:
    """Return what libtorrent needs to fetch a torrent by its infohash."""
    parameters = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{command.infohash}")
    parameters.name = command.bag
    parameters.save_path = command.save_path
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    parameters.flags |= lt.torrent_flags.upload_mode  # nothing is fetched until it is known what it is
    for flag, wanted in (
        (lt.torrent_flags.disable_dht, settings.dht),
        (lt.torrent_flags.disable_lsd, settings.lsd),
        (lt.torrent_flags.disable_pex, settings.pex),
    ):
        if not wanted:
            parameters.flags |= flag
    parameters.trackers = list(settings.trackers)
    return parameters


def unwanted(handle: lt.torrent_handle, command: Magnet) -> str | None:
    """Return why a torrent is not to be fetched, now that it is known; None if it may be."""
    known = handle.torrent_file()
    if known is None:
        return None
    if known.name() != command.bag:
        return f"the torrent {command.infohash} is called {known.name()!r:.200}, not {command.bag}"
    if known.total_size() > command.max_bytes or known.num_files() > _MOST_FILES:
        return (
            f"the torrent {command.infohash} has {known.num_files()} files and {known.total_size()} bytes, "
            f"more than the {command.max_bytes} that it may have"
        )
    return None


def _is_private(node: str) -> bool:
    try:
        return not ipaddress.ip_address(node.rpartition(":")[0].strip("[]")).is_global
    except ValueError:
        return False  # a name
