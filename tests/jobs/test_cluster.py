"""A real cluster, of worker processes on this machine: the same work, whatever happens to workers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.access import make_access_copies
from phonotheque.jobs.cluster import cluster_pool, compare_versions
from phonotheque.jobs.cluster_worker import Meeting, meet
from phonotheque.jobs.pool import Poison, run_batches, run_lists
from phonotheque.ledger.files import each_file
from phonotheque.model.errors import NetworkError, UsageError
from phonotheque.model.progress import QUIET
from phonotheque.model.settings import JobsSettings, Settings
from phonotheque.sources import spread
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from tests.conftest import MakeArchive
from tests.jobs.cluster_work import (
    HELD,
    poison,
    take_in_haltingly,
    wait_to_be_killed,
    worker_and_child_have,
    workers,
)
from tests.jobs.local_cluster import Cluster, local_cluster
from tests.jobs.pool_work import BROKEN, double
from tests.jobs.processes import gone
from tests.sources.looking import assert_sound, master, reasons, state
from tests.tones import flac, wav

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture
def make_pool(cluster: Cluster, tmp_path: Path) -> Callable[[], Any]:
    return lambda: cluster_pool(cluster.address, shared=tmp_path)


def flat(batches: Iterator[list[Any]]) -> list[Any]:
    return [result for batch in batches for result in batch]


def test_everything_is_done_once(make_pool: Callable[[], Any], tmp_path: Path) -> None:
    assert sorted(flat(run_batches(double, range(50), batch=7, make_pool=make_pool))) == [*range(0, 100, 2)]
    assert list(tmp_path.iterdir()) == []


def test_endless_input_is_read_only_as_far_as_it_is_worked_on(make_pool: Callable[[], Any]) -> None:
    given: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            given.append(number)
            yield number

    batches = run_batches(double, endless(), batch=5, make_pool=make_pool)
    for _ in range(20):
        next(batches)
    batches.close()
    assert len(given) <= 5 * (20 + 4)


def test_what_dask_sets_for_its_own_memory_does_not_slow_the_work(make_pool: Callable[[], Any]) -> None:
    work = (worker_and_child_have, ["MALLOC_TRIM_THRESHOLD_"])
    assert flat(run_batches(*work, batch=1, make_pool=make_pool)) == [(True, False)]


def test_an_exception_in_the_work_comes_out(make_pool: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="broken item"):
        flat(run_batches(double, [1, BROKEN, 2], batch=1, make_pool=make_pool))


def test_what_kills_its_process_is_set_aside_and_costs_the_cluster_no_worker(
    make_pool: Callable[[], Any],
) -> None:
    before = set(flat(run_batches(workers, range(8), batch=1, make_pool=make_pool)))
    done = flat(run_batches(poison, [*range(10), -1, *range(10)], batch=4, make_pool=make_pool))
    assert [one for one in done if isinstance(one, Poison)] == [Poison(-1, "it ended by SIGSEGV")]
    assert len(done) == 21
    assert set(done) - {Poison(-1, "it ended by SIGSEGV")} <= before
    assert not any(gone(worker) for worker in before)


@contextmanager
def killing_workers(folder: Path, most: int) -> Iterator[list[int]]:
    """Kill, outright, each worker that left its mark in a folder; give the numbers of those that were."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        seen: set[Path] = set()
        while not ended.is_set() and len(killed) < most:
            for mark in set(folder.glob(f"{HELD}*")) - seen:
                seen.add(mark)
                killed.append(int(mark.read_text()))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def test_what_a_killed_worker_had_is_done_by_another(make_pool: Callable[[], Any], tmp_path: Path) -> None:
    lists = [[(tmp_path, number)] for number in range(2)]
    with killing_workers(tmp_path, 2) as killed:
        done = flat(run_lists(wait_to_be_killed, lists, make_pool=make_pool))
    assert sorted(done) == [0, 1]
    assert len(killed) == 2
    assert all(gone(worker) for worker in killed)


# --- adding on a cluster ---


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    music = tmp_path / "music"
    for number in range(21):
        flac(music / f"disc {number % 3}" / f"{number:02}.flac", number)
    wav(music / "same.wav", 50)
    wav(music / "same again.wav", 50)
    (music / "text.txt").write_text("no music")
    return music


def on(archive: Archive, cluster: Cluster) -> Archive:
    return replace(archive, settings=replace(archive.settings, jobs=JobsSettings(cluster.address)))


@pytest.fixture
def clustered(archive: Archive, cluster: Cluster) -> Iterator[Archive]:
    there = on(archive, cluster)
    yield there
    there.ledger.dispose()


@pytest.fixture
def whole(make_archive: MakeArchive, collection: Path) -> tuple[object, ...]:
    """What adding comes to on this machine alone."""
    alone = make_archive("alone", mandate="Tests keep everything.")
    add_folder(alone, collection)
    return state(alone)


def hashes(archive: Archive) -> list[str]:
    with archive.ledger.connect() as ledger:
        return [row.sha256 for row in each_file(ledger)]


def test_workers_killed_during_an_add_change_nothing_of_what_it_comes_to(
    clustered: Archive, collection: Path, whole: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "take_in_batch", take_in_haltingly)
    monkeypatch.setattr(spread, "_THERE", 3)
    clustered.incoming.mkdir(parents=True)
    with killing_workers(clustered.incoming.parent, 2) as killed:
        result = add_folder(clustered, collection)
    assert len(killed) == 2  # by 5.flac and 15.flac
    assert (result.held, result.again) == (22, 1)
    assert len(hashes(clustered)) == len(set(hashes(clustered))) == 22
    assert state(clustered) == whole
    assert not list(clustered.incoming.glob(".taking-*"))
    for mark in clustered.incoming.parent.glob(f"{HELD}*"):
        mark.unlink()
    assert_sound(clustered)


class Interrupting:
    """Progress that breaks off when the first files are done."""

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        pass

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        raise KeyboardInterrupt

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def say(self, message: str) -> None:
        pass


def test_interrupted_the_next_run_completes_the_same(
    clustered: Archive, collection: Path, whole: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "_THERE", 3)
    with pytest.raises(KeyboardInterrupt):
        add_folder(clustered, collection, progress=Interrupting())
    acknowledged = set(hashes(clustered))
    assert acknowledged
    result = add_folder(clustered, collection)
    assert result.unchanged >= len(acknowledged)
    assert acknowledged <= set(hashes(clustered))
    assert state(clustered) == whole
    assert_sound(clustered)


def test_a_scheduler_that_is_lost_is_said_so_and_the_next_run_completes_the_same(
    archive: Archive, collection: Path, whole: tuple[object, ...], tmp_path: Path
) -> None:
    with local_cluster(1, tmp_path / "dask") as short:
        there = on(archive, short)

        class Killing(Interrupting):
            def advance(self, *, files: int = 0, size: int = 0) -> None:
                short.process.kill()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(spread, "_THERE", 1)
            with pytest.raises(NetworkError, match=f"the scheduler {short.address} was lost"):
                add_folder(there, collection, progress=Killing())
    there.ledger.dispose()
    assert not list(archive.incoming.glob(".taking-*"))
    add_folder(archive, collection)
    assert state(archive) == whole


def test_access_copies_are_made_there(clustered: Archive, tmp_path: Path) -> None:
    source = flac(tmp_path / "music" / "a.flac", 1)
    add_folder(replace(clustered, settings=Settings(mandate=clustered.settings.mandate)), source.parent)
    with clustered.ledger.connect() as ledger:
        masters = [(row, master(clustered, source.parent / row.name)) for row in each_file(ledger)]
    assert make_access_copies(clustered, masters, at="2026-11-26T00:00:00Z", progress=QUIET) == []
    with clustered.ledger.connect() as ledger:
        copies = list(each_file(ledger, kind="access"))
    assert [(row.name, row.codec) for row in copies] == [("a.flac", "opus")]
    assert incoming_path(clustered.incoming, copies[0].sha256).is_file()


def test_a_folder_that_workers_cannot_read_is_not_taken_for_an_empty_one(
    clustered: Archive, collection: Path, cluster: Cluster
) -> None:
    absent = collection / "absent"
    with pytest.raises(UsageError, match=rf"worker on .* does not see {absent}") as caught:
        cluster_pool(cluster.address, shared=collection, folders=[absent])
    assert "same path" in caught.value.advice
    assert not list(collection.glob(".taking-*"))
    assert reasons(clustered) == {}


# --- what is said when something is not as it should be ---


def test_an_address_where_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonotheque.jobs.cluster._PATIENCE", 0.2)
    with pytest.raises(NetworkError, match=r"scheduler tcp://127\.0\.0\.1:9 does not answer"):
        cluster_pool("tcp://127.0.0.1:9", shared=tmp_path)


@pytest.mark.parametrize("address", ["nonsense://here", "tls://127.0.0.1:9"])
def test_an_address_that_cannot_be_used(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="No cluster can be reached") as caught:
        cluster_pool(address, shared=tmp_path)
    assert "tls://" in caught.value.advice


def test_dask_is_asked_for_only_with_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught:
        cluster_pool("tcp://127.0.0.1:9", shared=tmp_path)
    assert caught.value.advice == "pip install 'phonotheque[cluster]'"


def about(phonotheque: str | None = "1.0", distributed: str = "2.0", python: str = "3.11.2.final.0") -> Any:
    packages = {"phonotheque": phonotheque, "distributed": distributed}
    return {"packages": packages, "host": {"python": python}}


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (about(None), "worker tcp://a, phonotheque is not installed"),
        (about("1.1"), "phonotheque is version 1.1, and here 1.0"),
        (about(distributed="3.0"), "distributed is version 3.0, and here 2.0"),
        (about(python="3.12.0.final.0"), "Python is version 3.12, and here 3.11"),
    ],
)
def test_machines_with_other_versions_are_named(theirs: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compare_versions({"client": about(), "scheduler": about(), "workers": {"tcp://a": theirs}})
    with pytest.raises(UsageError, match="scheduler"):
        compare_versions({"client": about(), "scheduler": theirs, "workers": {}})
    compare_versions({"client": about(), "scheduler": about(), "workers": {"tcp://a": about()}})


def meeting(folder: Path, word: str) -> Meeting:
    token = folder / f"token-{word}"
    token.write_text(word)
    return Meeting(token, word, token.stat().st_ino, (folder,))


def test_a_worker_says_what_it_does_not_find(tmp_path: Path) -> None:
    right = meeting(tmp_path, "found once")
    meet(right)
    meet(replace(right, folders=(tmp_path / "absent",)))  # it has met: it does not look again
    for wrong, said in (
        (replace(meeting(tmp_path, "a"), token=tmp_path / "absent" / "token"), "does not see"),
        (replace(meeting(tmp_path, "b"), word="c"), "sees another"),
        (replace(meeting(tmp_path, "d"), folders=(tmp_path / "absent",)), "does not see"),
        (replace(meeting(tmp_path, "e"), inode=1), "other inode numbers"),
    ):
        with pytest.raises(UsageError, match=said):
            meet(wrong)
