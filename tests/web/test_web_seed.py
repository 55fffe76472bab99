"""Our server as a web seed (BEP 19), asked by libtorrent: ranges of many files over one connection."""

from __future__ import annotations

from pathlib import Path

from phonotheque.editions.metainfo import read_torrent
from phonotheque.mirrors.messages import Finished, Trouble
from phonotheque.mirrors.swarm import Swarm
from phonotheque.model.settings import Settings
from phonotheque.vault.archive import Archive
from phonotheque.web.counting import Traffic
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.mirrors.mirror_publisher import LOCAL, Publisher, noise, tree, wait_for

SIZES = {**{f"{number:02}.ogg": 70_000 for number in range(30)}, "long.wav": 9_000_000}


def test_a_bag_comes_whole_and_no_request_fails(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    publisher = Publisher(tmp_path / "archive")
    entry = publisher.bag("audio-1", {name: noise(name, size) for name, size in SIZES.items()})
    publisher.publish(1)
    torrent = (publisher.public / "targets" / entry.torrent.path).read_bytes()
    last = read_torrent(torrent).files[-1]
    heard: list[object] = []
    traffic = Traffic()
    application = public_application(Archive(publisher.folder, Settings()), traffic=traffic)
    with Beside(application, "127.0.0.1", 0) as server, Swarm(LOCAL) as swarm:
        nothing = bytes(last.first_piece + last.pieces)
        swarm.add("audio-1", torrent, str(tmp_path), have=nothing, web_seeds=[f"{server.url}bags/"])

        def whole() -> bool:
            heard.extend(swarm.poll(0.1))
            return Finished("audio-1") in heard

        wait_for(whole, 60)
    assert [report for report in heard if isinstance(report, Trouble)] == []
    answers, sent = traffic.totals()
    assert set(answers) == {206}
    assert sent["bags"] == entry.bytes  # nothing was sent twice
    assert tree(tmp_path / "audio-1") == tree(publisher.folder / "vault" / "bags" / "audio-1")
