from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mirror_publisher import LOCAL, NOW, Publisher, served, tree, wait_for

from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_files
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.vault.archive import Archive
from phonotheque.vault.fixity import check_bag

BUDGET = 100_000_000
PACE = Pace(stall_timeout=10.0, follow_every=3600.0)


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("audio-2")
    publisher.publish(1)
    return publisher


def run(mirror: Archive, **options: Any) -> SyncResult:
    settings: dict[str, Any] = {"budget": BUDGET, "once": True, "swarm": LOCAL, "pace": PACE}
    origin = options.pop("origin", None) or open_origin(mirror.settings.mirror.origin)
    return sync(mirror, origin, clock=lambda: NOW, **(settings | options))


def assert_complete(mirror: Archive, publisher: Publisher, bags: tuple[str, ...]) -> None:
    for bag in bags:
        assert tree(mirror.public / "bags" / bag) == tree(publisher.public / "bags" / bag)
        assert check_bag(mirror.bags / bag).findings == ()
    with mirror.ledger.connect() as connection:
        held = all_holdings(connection)
        assert {bag for bag in held if held[bag].state is HoldingState.COMPLETE} == set(bags)
        for bag in bags:
            assert set(verified_files(connection, bag)) == set(tree(mirror.bags / bag))


ALL = ("audio-1", "audio-2", "catalogue-1")


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


@contextmanager
def mirroring(mirror: Archive, **options: Any) -> Iterator[tuple[list[int], list[int]]]:
    """A mirror that keeps serving in a thread; yields its ports and the ids of its swarm processes."""
    stop, ports, pids = threading.Event(), list[int](), list[int]()

    def listening(port: int, pid: int) -> None:
        ports.append(port)
        pids.append(pid)

    options = {"once": False, "stop": stop, "on_listening": listening} | options
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run(mirror, **options)
        except BaseException as error:
            errors.append(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ports, pids
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert not errors


def complete(mirror: Archive) -> set[str]:
    with mirror.ledger.connect() as connection:
        held = all_holdings(connection)
    return {bag for bag in held if held[bag].state is HoldingState.COMPLETE}


def test_two_mirrors_exchange_bags_with_no_web_seed(published: Publisher, tmp_path: Path) -> None:
    seeder = open_mirror(tmp_path / "seeder", str(published.folder))
    with served(published.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == set(ALL))
        leecher = open_mirror(tmp_path / "leecher", web.url)
        result = run(leecher, peers=[f"127.0.0.1:{ports[0]}"], swarm=replace(LOCAL, web_seed=False))
        assert result.complete == ALL
        assert web.bag_bytes == 0
        assert_complete(leecher, published, ALL)
