from __future__ import annotations

from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import libtorrent as lt
import pytest

from phonotheque.editions.metainfo import read_torrent
from phonotheque.mirrors.messages import Add, Removed, SwarmSettings, Trouble
from phonotheque.mirrors.swarm import Swarm
from phonotheque.mirrors.swarm_process import _add, _Session
from tests.mirrors.mirror_publisher import LOCAL, Publisher, served, wait_for

EVERYWHERE = SwarmSettings(trackers=("udp://tracker.example:6969",))
_QUIET = lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
SONG = {"a.ogg": b"song" * 99_000}


class _Recorder:
    """Takes the place of libtorrent's session, to see what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def add_torrent(self, parameters: Any) -> SimpleNamespace:
        self.asked.append(parameters)
        return SimpleNamespace(connect_peer=lambda peer: None)


@pytest.mark.parametrize(("audience", "private"), [("WORLD", False), ("FR", True)])
def test_what_is_for_some_countries_is_announced_nowhere(
    publisher: Publisher, audience: str, private: bool
) -> None:
    entry = publisher.bag("audio-1", SONG, audience=audience)
    torrent = (publisher.public / "targets" / entry.torrent.path).read_bytes()
    ours, theirs = Pipe()
    session: Any = _Recorder()
    swarm = _Session(ours, EVERYWHERE, session)
    _add(swarm, Add("audio-1", torrent, str(publisher.folder), None, ("http://seed.example/bags/",)))
    ours.close()
    theirs.close()
    (asked,) = session.asked
    assert bool(asked.flags & _QUIET == _QUIET) is private
    assert bool(asked.flags & _QUIET) is private
    assert asked.url_seeds == ([] if private else ["http://seed.example/bags/"])
    assert asked.trackers == ([] if private else ["udp://tracker.example:6969"])


def test_it_is_told_when_a_bag_is_served_no_more(publisher: Publisher) -> None:
    entry = publisher.bag("audio-1", SONG)
    torrent = (publisher.public / "targets" / entry.torrent.path).read_bytes()
    with Swarm(LOCAL) as swarm:
        swarm.add("audio-1", torrent, str(publisher.folder / "vault" / "bags"), have=None)
        swarm.remove("audio-1")
        heard: list[Any] = []

        def told() -> bool:
            heard.extend(swarm.poll(0.1))
            return Removed("audio-1") in heard

        wait_for(told)


def test_what_a_web_seed_answered_is_told(publisher: Publisher) -> None:
    entry = publisher.bag("audio-1", SONG)
    torrent = (publisher.public / "targets" / entry.torrent.path).read_bytes()
    last = read_torrent(torrent).files[-1]
    pieces, arriving = last.first_piece + last.pieces, publisher.folder / "arriving"
    with served(publisher.public, bags=False) as web, Swarm(LOCAL) as swarm:
        seeds = [f"{web.url}/bags/"]
        swarm.add("audio-1", torrent, str(arriving), have=bytes(pieces), web_seeds=seeds)
        heard: list[Any] = []

        def told() -> bool:
            heard.extend(swarm.poll(0.1))
            return any(isinstance(report, Trouble) for report in heard)

        wait_for(told)
    (trouble, *_) = (report for report in heard if isinstance(report, Trouble))
    assert trouble == Trouble("audio-1", f"the web seed {seeds[0]} failed: 404 Not Found")
