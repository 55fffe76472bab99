"""Running mirrors in tests, and saying what must be true of them afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_files
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.vault.archive import Archive
from phonotheque.vault.fixity import check_bag
from tests.mirrors.mirror_publisher import LOCAL, NOW, Publisher, tree

ALL = ("audio-1", "audio-2", "catalogue-1")


BUDGET = 100_000_000
PACE = Pace(stall_timeout=10.0, follow_every=3600.0)


@dataclass
class Told:
    """A progress that hands on what is said."""

    say: Callable[[str], None]

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        pass

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass


def run(mirror: Archive, **options: Any) -> SyncResult:
    settings: dict[str, Any] = {
        "budget": BUDGET,
        "once": True,
        "swarm": LOCAL,
        "pace": PACE,
        "clock": lambda: NOW,
    }
    origin = options.pop("origin", None) or open_origin(mirror.settings.mirror.origin)
    return sync(mirror, origin, **(settings | options))


def assert_complete(mirror: Archive, publisher: Publisher, bags: tuple[str, ...]) -> None:
    for bag in bags:
        assert tree(mirror.public / "bags" / bag) == tree(publisher.public / "bags" / bag)
        assert check_bag(mirror.bags / bag).findings == ()
    with mirror.ledger.connect() as connection:
        held = all_holdings(connection)
        assert {bag for bag in held if held[bag].state is HoldingState.COMPLETE} == set(bags)
        for bag in bags:
            assert set(verified_files(connection, bag)) == set(tree(mirror.bags / bag))


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
