"""The process that runs libtorrent, alone: whatever happens in it cannot hurt the mirror that started it.

It is started by :class:`phonotheque.mirrors.swarm.Swarm` with one connected socket. It believes what it is
told about pieces on the disk, is not believed when it says that a bag is finished, and ends with its parent.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import libtorrent as lt

from phonotheque.mirrors.messages import (
    Add,
    Command,
    Finished,
    Limit,
    Listening,
    Magnet,
    Moved,
    Remove,
    Removed,
    Report,
    Stop,
    Stopped,
    SwarmSettings,
    Trouble,
)
from phonotheque.mirrors.swarm_magnets import dht_settings, enter_dht, magnet_parameters, unwanted
from phonotheque.model.proxies import Proxy

_TICK = 0.05  # seconds between looks at commands and alerts
_REPORT = 0.5  # seconds between reports of progress
_MAY_ENCRYPT = 1  # of libtorrent's pex_flags_t, without its pex_utp
_RECONNECT = 2.0  # seconds between attempts to reach a bag's own peers
_OUTBOX = 1000  # reports of trouble kept for a parent that does not listen
_FLUSH = 30.0  # seconds to bring everything to the disk at the end
_USUAL = 4  # libtorrent's priority of a piece that is wanted
_FIRST, _LAST = ("0.0.0.0", "::"), ("255.255.255.255", ":".join(["ffff"] * 8))  # noqa: S104
_LIMITS = {"max_buffer_size": 256 * 1024**2, "max_pieces": 2**22, "max_decode_tokens": 2**24}
_HEARD = (
    lt.alert.category_t.error_notification
    | lt.alert.category_t.status_notification
    | lt.alert.category_t.storage_notification
)


@dataclass(slots=True)
class _Bag:
    handle: lt.torrent_handle
    peers: tuple[tuple[str, int], ...]
    downloading: bool
    flushing: bool = False
    last: Moved | None = None
    magnet: Magnet | None = None


@dataclass(slots=True)
class _Session:
    connection: Connection
    settings: SwarmSettings
    session: lt.session
    bags: dict[str, _Bag] = field(default_factory=dict)
    names: dict[lt.sha1_hash, str] = field(default_factory=dict)  # of bags, by their v1 infohash
    removing: Counter[str] = field(default_factory=Counter)  # bags whose files are not closed yet
    outbox: deque[Report] = field(default_factory=deque)
    stopping: float | None = None  # when to end even if not all is flushed
    report_at: float = 0.0
    reconnect_at: float = 0.0

    def tell(self, report: Report) -> None:
        """Report, later if the parent is busy: waiting for it while it waits for us would never end."""
        if len(self.outbox) < _OUTBOX or not isinstance(report, Trouble):
            self.outbox.append(report)

    def send(self) -> None:
        """Send what the parent has room for."""
        while self.outbox and select.select([], [self.connection], [], 0)[1]:
            self.connection.send(self.outbox.popleft())


def main() -> None:
    """Serve the connection whose descriptor is the first argument, until told to stop or left alone."""
    # Ctrl-C reaches the whole terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    parent = os.getppid()
    try:
        settings = connection.recv()
        session = lt.session(_session_settings(settings))
        session.set_peer_class_filter(_everybody())
        enter_dht(session, settings)
        swarm = _Session(connection, settings, session)
        swarm.tell(Listening(swarm.session.listen_port()))
        while os.getppid() == parent and _turn(swarm):
            pass
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone: so are we


def _everybody() -> lt.ip_filter:
    """Return that everybody is in the class which has the limits: libtorrent leaves out nearby addresses."""
    everybody = lt.ip_filter()
    for first, last in zip(_FIRST, _LAST, strict=True):
        everybody.add_rule(first, last, 1 << lt.session.global_peer_class_id)
    return everybody


def _through(proxy: Proxy) -> dict[str, Any]:
    """Return settings with which nothing goes around a proxy, and no name is looked up here."""
    kinds = {
        ("socks5", False): lt.proxy_type_t.socks5,
        ("socks5", True): lt.proxy_type_t.socks5_pw,
        ("http", False): lt.proxy_type_t.http,
        ("http", True): lt.proxy_type_t.http_pw,
    }
    return {
        "proxy_type": int(kinds[proxy.kind, bool(proxy.user)]),
        "proxy_hostname": proxy.host,
        "proxy_port": proxy.port,
        "proxy_username": proxy.user,
        "proxy_password": proxy.password,
        "proxy_hostnames": True,
        "proxy_peer_connections": True,
        "proxy_tracker_connections": True,
        **dict.fromkeys(("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"), False),
        **dict.fromkeys(("enable_incoming_tcp", "enable_incoming_utp", "enable_outgoing_utp"), False),
    }


def _session_settings(settings: SwarmSettings) -> lt.settings_pack:
    found = _usual_settings(settings)
    found.update(dht_settings(settings))
    if settings.proxy:
        found.update(_through(settings.proxy))  # type: ignore[typeddict-item]
    return found


def _usual_settings(settings: SwarmSettings) -> lt.settings_pack:
    return {
        "user_agent": f"Phonotheque libtorrent/{lt.version}",
        "listen_interfaces": ",".join(settings.listen),
        "enable_dht": settings.dht,
        "enable_lsd": settings.lsd,
        "enable_upnp": settings.port_mapping,
        "enable_natpmp": settings.port_mapping,
        "upload_rate_limit": settings.upload_limit,
        "download_rate_limit": settings.download_limit,
        "connections_limit": settings.connections,
        "allow_multiple_connections_per_ip": settings.local,
        "alert_mask": _HEARD,
        "alert_queue_size": 100_000,
        "urlseed_wait_retry": 5,  # seconds after which a web seed that failed is asked again
        "min_reconnect_time": 5,
    }


def _turn(swarm: _Session) -> bool:
    """Do one round of work; False when it is time to end."""
    if swarm.connection.poll(_TICK):
        _obey(swarm, swarm.connection.recv())
    for alert in swarm.session.pop_alerts():
        _hear(swarm, alert)  # an alert is dead after the next pop_alerts
    now = time.monotonic()
    if now >= swarm.report_at and not swarm.outbox:
        swarm.report_at = now + _REPORT
        _report(swarm, now)
    swarm.send()
    if swarm.stopping is None:
        return True
    flushed = not any(bag.flushing for bag in swarm.bags.values())
    if not flushed and now < swarm.stopping:
        return True
    swarm.connection.send(Stopped())
    return False


def _obey(swarm: _Session, command: Command) -> None:
    match command:
        case Add():
            _add(swarm, command)
        case Magnet():
            _add_magnet(swarm, command)
        case Remove(bag) if bag in swarm.bags:
            swarm.removing[bag] += 1
            swarm.session.remove_torrent(swarm.bags.pop(bag).handle)
        case Remove(bag) if not swarm.removing[bag]:
            swarm.tell(Removed(bag))  # it could not be added, or is gone
        case Limit(limits):
            swarm.session.apply_settings(
                {
                    "upload_rate_limit": limits.upload,
                    "download_rate_limit": limits.download,
                    "connections_limit": limits.connections,
                }
            )
            (swarm.session.pause if limits.paused else swarm.session.resume)()
        case Stop():
            swarm.session.pause()
            swarm.stopping = time.monotonic() + _FLUSH
            for entry in swarm.bags.values():
                if entry.downloading:
                    _flush(entry)


def _add(swarm: _Session, command: Add) -> None:
    load: Any = lt.load_torrent_buffer  # its stub does not know the limits
    parameters = load(command.torrent, _LIMITS)
    private = parameters.ti.priv()
    parameters.save_path = command.save_path
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if command.have is None:
        # We have verified it. A full check by libtorrent would keep 32 bytes in memory for each block.
        parameters.flags |= lt.torrent_flags.seed_mode
    else:
        parameters.have_pieces = [bool(there) for there in command.have]
        parameters.flags |= lt.torrent_flags.no_verify_files
    if command.wanted is not None:  # every file begins a piece, so that pieces choose files
        parameters.piece_priorities = [_USUAL if wanted else 0 for wanted in command.wanted]
    for flag, wanted in (
        (lt.torrent_flags.disable_dht, swarm.settings.dht),
        (lt.torrent_flags.disable_lsd, swarm.settings.lsd),
        (lt.torrent_flags.disable_pex, swarm.settings.pex),
    ):
        # A private torrent's peers come from its trackers, and from those we were told of (BEP 27).
        if not wanted or private:
            parameters.flags |= flag
    # The web seed of what not everybody may have wants to know where we are, which libtorrent cannot say.
    seeds = swarm.settings.web_seed and not private and not swarm.settings.through_http
    parameters.url_seeds = [*parameters.url_seeds, *command.web_seeds] if seeds else []
    trackers = [*parameters.trackers, *([] if private else swarm.settings.trackers)]
    parameters.trackers = [url for url in trackers if _goes_through(swarm.settings, url)]
    try:
        handle = swarm.session.add_torrent(parameters)
    except RuntimeError as error:  # what libtorrent's C++ exceptions become
        swarm.tell(Trouble(command.bag, str(error)))
        return
    swarm.names[parameters.ti.info_hashes().v1] = command.bag
    swarm.bags[command.bag] = _Bag(handle, command.peers, downloading=command.downloading)
    _call_peers(swarm.bags[command.bag])


def _add_magnet(swarm: _Session, command: Magnet) -> None:
    handle = swarm.session.add_torrent(magnet_parameters(command, swarm.settings))
    swarm.names[handle.info_hashes().v1] = command.bag
    swarm.bags[command.bag] = _Bag(handle, command.peers, downloading=True, magnet=command)
    _call_peers(swarm.bags[command.bag])


def _goes_through(settings: SwarmSettings, tracker: str) -> bool:
    """Tell whether a tracker can be asked with nothing going around the proxy, if there is one."""
    if settings.proxy is None:
        return True
    # Not every proxy carries UDP. With one for HTTP, libtorrent looks up the names of https addresses here,
    # and those to which any tracker may send it on.
    return not settings.through_http and tracker.startswith(("http:", "https:"))


def _call_peers(bag: _Bag) -> None:
    for peer in bag.peers:
        bag.handle.connect_peer(peer)


def _call_peers_again(bag: _Bag) -> None:
    """Call without saying that they speak uTP: if the last try found that they do not, this one is by TCP."""
    for peer in bag.peers:
        bag.handle.connect_peer(peer, 0, _MAY_ENCRYPT)


def _flush(bag: _Bag) -> None:
    bag.flushing = True
    bag.handle.flush_cache()


def _hear(swarm: _Session, alert: lt.alert) -> None:
    tell = swarm.tell
    match alert:
        case lt.torrent_finished_alert():
            bag = swarm.bags.get(alert.torrent_name)
            if bag and bag.downloading:
                # Until the cache is flushed, files of a “finished” bag can be wrong on the disk.
                _flush(bag)
        case lt.metadata_received_alert():
            bag = swarm.bags.get(swarm.names.get(alert.handle.info_hashes().v1, ""))
            if bag and bag.magnet and (why := unwanted(alert.handle, bag.magnet)):
                swarm.session.remove_torrent(swarm.bags.pop(bag.magnet.bag).handle)
                tell(Trouble(bag.magnet.bag, why))
            elif bag:
                alert.handle.unset_flags(lt.torrent_flags.upload_mode)
        case lt.cache_flushed_alert():
            bag = swarm.bags.get(alert.torrent_name)
            if bag and bag.flushing:
                bag.flushing = False
                if swarm.stopping is None:
                    bag.downloading = False
                    _tell_moved(swarm, alert.torrent_name, bag, bag.handle.status(0))
                    tell(Finished(alert.torrent_name))
        case lt.state_update_alert():
            for status in alert.status:
                name = swarm.names.get(status.info_hashes.v1, "")
                bag = swarm.bags.get(name)
                if bag and not bag.downloading:
                    _tell_moved(swarm, name, bag, status)
        case lt.torrent_removed_alert():
            swarm.removing[alert.torrent_name] -= 1
            if not swarm.removing[alert.torrent_name]:
                tell(Removed(alert.torrent_name))
        case lt.file_error_alert():
            system = alert.error.category().name() in ("system", "generic")
            what = f"{alert.filename()}: {alert.error.message()}"
            tell(Trouble(alert.torrent_name, what, alert.error.value() if system else None))
        case lt.url_seed_alert():
            # What a server answered, as “404 Not Found”, is not in the alert's own message.
            why = alert.error_message() or alert.error.message()
            tell(Trouble(alert.torrent_name, f"the web seed {alert.server_url()} failed: {why}"))
        case lt.torrent_error_alert() | lt.hash_failed_alert():
            tell(Trouble(alert.torrent_name, alert.message()))
        case lt.peer_ban_alert():
            # Who it was goes into nobody's log.
            tell(Trouble(alert.torrent_name, "a peer sent wrong pieces, and is asked no more"))
        case lt.tracker_error_alert():
            tell(Trouble(alert.torrent_name, alert.message()))
        case lt.listen_failed_alert() | lt.alerts_dropped_alert():
            tell(Trouble(None, alert.message()))


def _report(swarm: _Session, now: float) -> None:
    """Tell how far each bag is, where that has changed, and call the peers of those that have none."""
    # Bags on their way are few; of all others only what has changed is asked for.
    swarm.session.post_torrent_updates(0)
    reconnect = now >= swarm.reconnect_at
    if reconnect:
        swarm.reconnect_at = now + _RECONNECT
    for name, bag in swarm.bags.items():
        if not bag.downloading:
            continue
        status = bag.handle.status(0)
        if reconnect and not status.num_peers:
            _call_peers_again(bag)
        _tell_moved(swarm, name, bag, status)


def _tell_moved(swarm: _Session, name: str, bag: _Bag, status: lt.torrent_status) -> None:
    moved = _moved(name, status)
    if moved != bag.last:
        bag.last = moved
        swarm.tell(moved)


def _moved(name: str, status: lt.torrent_status) -> Moved:
    return Moved(
        bag=name,
        done=status.total_done,
        downloaded=status.total_payload_download,
        uploaded=status.total_payload_upload,
        download_rate=status.download_payload_rate,
        upload_rate=status.upload_payload_rate,
        peers=status.num_peers,
        seeds=max(status.num_complete, status.list_seeds or -1),
    )


if __name__ == "__main__":
    main()
