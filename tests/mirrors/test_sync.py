from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phonotheque.editions.edition import Withdrawal
from phonotheque.ledger.holdings import reopen, verified_files
from phonotheque.mirrors.holdings import expected_bags
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.model.bags import PIECE
from phonotheque.model.errors import PhonothequeError, UsageError
from tests.mirrors.mirror_publisher import LOCAL, Publisher, music, served, tree, wait_for
from tests.mirrors.mirror_runs import ALL, PACE, assert_complete, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one


def test_a_folder_is_mirrored_and_the_mirror_can_be_mirrored(published: Publisher, tmp_path: Path) -> None:
    first = open_mirror(tmp_path / "first", str(published.folder))
    result = run(first)
    assert result.complete == ALL
    assert result.fetched == sum(bag.bytes for bag in published.bags)
    assert_complete(first, published, ALL)
    second = open_mirror(tmp_path / "second", str(first.folder))
    assert run(second).fingerprint == result.fingerprint
    assert_complete(second, published, ALL)
    for part in ("metadata", "targets"):
        assert tree(second.public / part) == tree(first.public / part)
        assert tree(first.public / part).items() <= tree(published.public / part).items()


def test_a_second_run_fetches_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    result = run(mirror)
    assert result.complete == ALL
    assert result.fetched == 0
    assert result.verified_already == sum(bag.bytes for bag in published.bags)


def test_a_web_server_is_mirrored_through_its_web_seed(published: Publisher, tmp_path: Path) -> None:
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        result = run(mirror)
        assert result.complete == ALL
        assert_complete(mirror, published, ALL)
        sent = web.bag_bytes
        assert run(mirror).fetched == 0
        assert web.bag_bytes == sent


def test_two_mirrors_exchange_bags_with_no_web_seed(published: Publisher, tmp_path: Path) -> None:
    seeder = open_mirror(tmp_path / "seeder", str(published.folder))
    with served(published.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == set(ALL))
        leecher = open_mirror(tmp_path / "leecher", web.url)
        result = run(leecher, peers=[f"127.0.0.1:{ports[0]}"], swarm=replace(LOCAL, web_seed=False))
        assert result.complete == ALL
        assert web.bag_bytes == 0
        assert_complete(leecher, published, ALL)


def test_a_new_edition_brings_only_what_is_new(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    added = published.bag("audio-3", edition=2)
    published.publish(2)
    result = run(mirror)
    assert (result.edition, result.fetched) == (2, added.bytes)
    assert_complete(mirror, published, (*ALL, "audio-3"))


def test_a_budget_is_kept_and_the_catalogue_comes_first(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    room = max(bag.bytes + bag.torrent.size for bag in published.bags) + 20_000
    result = run(mirror, budget=room)
    assert len(result.complete) == 2
    assert "catalogue-1" in result.complete
    assert len(result.left_out) == 1
    assert sum(len(data) for data in tree(mirror.bags).values()) <= room
    assert run(mirror, budget=room).complete == result.complete
    with pytest.raises(UsageError, match="the index alone"):
        run(mirror, budget=100)


def test_following_goes_on_while_serving(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    with mirroring(mirror, pace=replace(PACE, follow_every=0.1)):
        wait_for(lambda: complete(mirror) == set(ALL))
        published.bag("audio-3", edition=2)
        published.publish(2)
        wait_for(lambda: "audio-3" in complete(mirror))


def test_a_withdrawn_bag_is_served_no_more(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    del published.bags[1]
    withdrawal = Withdrawal("audio-1", "2026-11-22T00:00:00Z", "asked for by its maker", None)
    published.publish(2, published.edition(2, withdrawals=(withdrawal,)))
    result = run(mirror)
    assert result.withdrawn == (("audio-1", None),)
    assert result.complete == ("audio-2", "catalogue-1")
    assert not (mirror.public / "bags" / "audio-1").is_symlink()
    assert expected_bags(mirror).keys() == {"audio-2", "catalogue-1"}
    assert run(mirror).withdrawn == (("audio-1", None),)


def test_what_is_held_is_kept_when_the_origin_is_gone(published: Publisher, tmp_path: Path) -> None:
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        run(mirror)
    result = run(mirror, origin=open_origin(web.url, retries=0))
    assert result.offline
    assert result.complete == ALL


def test_bags_are_called_served_when_peers_may_call_for_each(published: Publisher, tmp_path: Path) -> None:
    """The origin is gone, and nothing is to be fetched."""
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        run(mirror)
    happened: list[str] = []
    options: dict[str, Any] = {
        "on_listening": lambda port, pid: happened.append("listening"),
        "on_round": lambda result: happened.append(f"{len(result.complete)} served"),
    }
    with mirroring(mirror, origin=open_origin(web.url, retries=0), **options):
        wait_for(lambda: "3 served" in happened)
    assert happened[:2] == ["listening", "3 served"]


def test_files_that_were_lost_are_fetched_again_and_no_others(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    lost = next((mirror.bags / "audio-2" / "data").rglob("02*"))
    size = lost.stat().st_size
    lost.unlink()
    assert run(mirror).fetched == size
    assert_complete(mirror, published, ALL)


def test_a_kill_between_place_and_ledger_costs_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    with mirror.ledger.begin() as connection:
        reopen(connection, "audio-1", verified_files(connection, "audio-1"))
    (mirror.public / "bags" / "audio-1").unlink()
    (mirror.public / "bags" / "audio-2").unlink()
    (mirror.public / "metadata" / "timestamp.json").unlink()
    assert run(mirror).fetched == 0
    assert_complete(mirror, published, ALL)
    assert (mirror.public / "metadata" / "timestamp.json").exists()


def test_an_interrupted_transfer_goes_on_where_it_was(publisher: Publisher, tmp_path: Path) -> None:
    publisher.bag("catalogue-1", music("c", files=6))
    publisher.publish(1)
    total = publisher.bags[0].bytes
    with served(publisher.public, slow=0.02) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with mirroring(mirror):
            wait_for(lambda: web.bag_bytes > total // 4)
        assert complete(mirror) == set()
        before = web.bag_bytes
        assert before < total
        result = run(mirror)
        assert result.verified_already > total // 8
        assert result.verified_already + result.fetched <= total + 2 * PIECE
        assert_complete(mirror, publisher, ("catalogue-1",))


def test_a_killed_swarm_process_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    publisher.bag("catalogue-1", music("c", files=6))
    publisher.publish(1)
    with served(publisher.public, slow=0.02) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with mirroring(mirror) as (_, pids):
            wait_for(lambda: web.bag_bytes > publisher.bags[0].bytes // 4)
            os.kill(pids[0], signal.SIGKILL)
            wait_for(lambda: complete(mirror))
            assert len(pids) == 2
    assert_complete(mirror, publisher, ("catalogue-1",))


def test_a_killed_mirror_leaves_no_process_and_a_rerun_completes(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", music("c", files=6))
    publisher.publish(1)
    program = """
import sys
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import sync
from pathlib import Path
local = SwarmSettings(listen=("127.0.0.1:0",), dht=False, lsd=False, pex=False, port_mapping=False)
def show(port, pid):
    print(pid, flush=True)
mirror = open_mirror(Path(sys.argv[1]), sys.argv[2])
sync(mirror, open_origin(sys.argv[2]), budget=10**9, swarm=local, on_listening=show)
"""
    with served(publisher.public, slow=0.02) as web:
        command = [sys.executable, "-c", program, str(tmp_path / "mirror"), web.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            pid = int(process.stdout.readline())
            wait_for(lambda: web.bag_bytes > publisher.bags[0].bytes // 4)
            process.kill()
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in _state(pid))
        mirror = open_mirror(tmp_path / "mirror")
        assert run(mirror).complete == ("catalogue-1",)
    assert_complete(mirror, publisher, ("catalogue-1",))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def test_a_full_disk_is_said_and_a_rerun_completes(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    room = [6]
    pwrite = os.pwrite

    def full(descriptor: int, data: bytes, at: int) -> int:
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(descriptor, data, at)

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        with pytest.raises(PhonothequeError, match="The disk is full"):
            run(mirror)
    result = run(mirror)
    assert result.verified_already > 0
    assert_complete(mirror, published, ALL)


def test_a_bag_larger_than_the_disk_is_said_before_it_is_begun(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(PhonothequeError, match=r"has 1000 bytes free; the bag .* needs"):
        run(mirror)


def test_a_bag_larger_than_the_disk_hinders_no_other_and_takes_no_room(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.bag("audio-3", music("audio-3", files=8), edition=2)
    published.publish(2)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4_000_000))
    with pytest.raises(PhonothequeError, match=r"no room for audio-3 .* has 4000000 bytes free"):
        run(mirror)
    assert complete(mirror) == set(ALL)
    assert (mirror.public / "metadata" / "timestamp.json").exists()
    published.bag("audio-4", edition=3)
    published.publish(3)
    room = sum(bag.bytes + bag.torrent.size for bag in published.bags if bag.id != "audio-3") + 100_000
    result = run(mirror, budget=room)
    assert set(result.complete) == {*ALL, "audio-4"}
    assert "audio-3" in dict(result.left_out)


def test_the_room_for_the_index_is_looked_at_before_it_is_fetched(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = published.edition(2)
    published.publish(2, replace(edition, index=replace(edition.index, size=10**13)))
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with pytest.raises(UsageError, match="the index alone takes 10000000000000"):
            run(mirror)
        with pytest.raises(PhonothequeError, match=r"no room for editions/2/index\.parquet"):
            run(mirror, budget=2 * 10**13)
        assert complete(mirror) == set(ALL)
        assert not web.sent["/targets/editions/2/index.parquet"]


def test_a_mirror_keeps_to_its_origin(published: Publisher, tmp_path: Path) -> None:
    open_mirror(tmp_path / "mirror", "https://example.org/archive/")
    assert open_mirror(tmp_path / "mirror").settings.mirror.origin == "https://example.org/archive"
    with pytest.raises(UsageError, match=r"follows https://example\.org/archive, not"):
        open_mirror(tmp_path / "mirror", "https://example.org/other")
    with pytest.raises(UsageError, match="holds other files"):
        open_mirror(published.folder, "https://example.org/archive")
    with pytest.raises(UsageError, match="no mirror yet"):
        open_mirror(tmp_path / "nothing")


def test_peers_are_addresses_with_ports() -> None:
    assert resolve_peers(["127.0.0.1:80", "[::1]:81"]) == (("127.0.0.1", 80), ("::1", 81))
    for text in ("127.0.0.1", ":80", "127.0.0.1:0", "127.0.0.1:http"):
        with pytest.raises(UsageError, match="is no peer"):
            resolve_peers([text])
