"""A withdrawal in edition 1 is gone from two running mirrors after edition 2, with no audio fetched again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from phonotheque.editions.edition import Tombstone
from phonotheque.mirrors.home import leaving, open_mirror
from phonotheque.mirrors.origin import FolderOrigin, open_origin
from phonotheque.mirrors.swarm import Swarm
from phonotheque.mirrors.sync import SyncResult
from phonotheque.model.bags import BLOCK
from tests.mirrors.mirror_publisher import DATE, LOCAL, Publisher, music, served, wait_for
from tests.mirrors.mirror_runs import PACE, assert_complete, complete, mirroring, run
from tests.mirrors.test_revisions import (
    GONE,
    SONGS,
    assert_gone,
    assert_nothing_left,
    erased,
    proofs,
    sha,
    tag_bytes,
)

pytestmark = pytest.mark.ledger  # a mirror has one

OFTEN = replace(PACE, follow_every=0.2)
PEERS_ONLY = replace(LOCAL, web_seed=False)


def test_two_running_mirrors_follow_a_withdrawal_and_a_third_gets_the_rest_from_them(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    before, after = {"audio-1", "catalogue-1"}, {"audio-1-r2", "catalogue-1"}
    by_http, by_peers, third = (tmp_path / name for name in ("by-http", "by-peers", "third"))
    rounds: dict[str, list[SyncResult]] = {"http": [], "peers": []}
    with served(publisher.public) as web, served(publisher.public, bags=False) as bare:
        first, second = open_mirror(by_http, web.url), open_mirror(by_peers, bare.url)
        with mirroring(first, pace=OFTEN, on_round=rounds["http"].append) as (ports, first_pids):
            wait_for(lambda: ports and complete(first) == before, 60)
            friend = [f"127.0.0.1:{ports[0]}"]
            with mirroring(
                second, pace=OFTEN, on_round=rounds["peers"].append, peers=friend, swarm=PEERS_ONLY
            ) as (more, second_pids):
                wait_for(lambda: more and complete(second) == before, 60)
                sent = web.bag_bytes
                fresh = publisher.revise("audio-1", GONE, edition=2)
                assert fresh
                publisher.publish(2)
                wait_for(lambda: complete(first) == complete(second) == after, 60)
                wait_for(lambda: all(seen[-1].edition == 2 for seen in rounds.values()), 60)
                assert web.bag_bytes - sent <= tag_bytes(fresh)
                assert bare.bag_bytes == 0
                # Peers send whole blocks: the small tag files have one each.
                tags = (fresh.files - fresh.payload_files) * BLOCK
                for seen in rounds.values():
                    assert sum(done.fetched for done in seen if done.edition == 2) <= tags
                    assert sum(done.reused for done in seen if done.edition == 2) == fresh.payload_bytes
                peers = [f"127.0.0.1:{port}" for port in (ports[0], more[0])]
                done = run(open_mirror(third, bare.url), peers=peers, swarm=PEERS_ONLY)
                assert done.complete == tuple(sorted(after))
                assert done.fetched >= fresh.payload_bytes
                assert bare.bag_bytes == 0
                assert (
                    len(first_pids) == len(second_pids) == 1
                )  # the same processes have gone on all the while
    for mirror in (first, second):
        assert_complete(mirror, publisher, tuple(sorted(after)))
        assert_gone(mirror, SONGS[GONE])
        assert_nothing_left(mirror, "audio-1")
        assert erased(mirror) == {sha(SONGS[GONE]): ("audio-1", len(SONGS[GONE]))}
    assert_complete(open_mirror(third), publisher, tuple(sorted(after)))


def test_a_withdrawal_is_heard_of_while_a_large_bag_is_on_its_way(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", {"a.ogg": b"a" * 900})
    publisher.bag("large-1", music("large", files=6, size=1_500_000))
    publisher.publish(1)
    with served(publisher.public, slow=0.1) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        link = mirror.public / "bags" / "audio-1"
        with mirroring(mirror, pace=OFTEN):
            wait_for(lambda: complete(mirror) >= {"audio-1", "catalogue-1"}, 60)
            publisher.take_back("audio-1", edition=2)
            publisher.publish(2)
            wait_for(lambda: not link.is_symlink() and erased(mirror), 60)
            assert complete(mirror) == {"catalogue-1"}
    assert_nothing_left(mirror, "audio-1")
    with served(publisher.public) as web:
        result = run(mirror, origin=open_origin(web.url))
    assert result.complete == ("catalogue-1", "large-1")


class Changing(FolderOrigin):
    """An origin that publishes another edition as soon as somebody asks for a certain bag."""

    def __init__(self, publisher: Publisher, bag: str) -> None:
        super().__init__(publisher.folder)
        self._publisher, self._bag = publisher, bag

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if path.startswith(f"bags/{self._bag}/data/") and not self._publisher.withdrawals:
            self._publisher.take_back("audio-1", edition=2)
            self._publisher.publish(2)
        return super().open_range(path, start, length)


def test_an_edition_that_comes_out_meanwhile_is_followed_to_its_end_with_once_too(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("large-1", music("large", files=6))
    publisher.publish(1)
    total = sum(bag.bytes for bag in publisher.bags)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    result = run(mirror, origin=Changing(publisher, "large-1"), pace=replace(PACE, follow_every=0.0))
    assert (result.edition, result.complete) == (2, ("catalogue-1", "large-1"))
    assert result.fetched <= total
    assert_gone(mirror, *SONGS.values())
    assert_complete(mirror, publisher, ("catalogue-1", "large-1"))
    assert [subject for subject, _ in proofs(mirror, "digital signature validation")] == [
        "edition 1",
        "edition 2",
    ]


def test_a_bag_with_a_withdrawn_file_is_offered_no_more_before_that_is_erased(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still listed, as no revision was made of it yet."""
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    there: list[bool] = []
    remove = Swarm.remove

    def watched(swarm: Swarm, bag: str) -> None:
        there.append((leaving(mirror) / bag / "data" / GONE).exists())
        remove(swarm, bag)

    monkeypatch.setattr(Swarm, "remove", watched)
    with mirroring(mirror, pace=OFTEN):
        wait_for(lambda: complete(mirror) == {"audio-1", "catalogue-1"}, 60)
        stone = Tombstone(str(uuid4()), None, (sha(SONGS[GONE]),), "WORLD", DATE, "asked for", None)
        publisher.tombstones.append(stone)
        publisher.publish(2)
        wait_for(lambda: erased(mirror).keys() == {sha(SONGS[GONE])}, 60)
        wait_for(lambda: there, 60)
    assert there == [True]
