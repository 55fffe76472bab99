"""Spreading work: everything is done once, whatever dies, and no process is left behind."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from phonotheque.jobs.child import Child, WorkerDied
from phonotheque.jobs.limits import processor_time
from phonotheque.jobs.pool import Poison, process_pool, run_batches, run_lists
from tests.jobs.pool_work import (
    BROKEN,
    LATE_POISON,
    POISON,
    SPINNING,
    double,
    hold,
    process,
    speak,
    spin,
    unspeakable,
)
from tests.jobs.processes import children, gone

ENDED = "it ended by itself, with status 1"


@pytest.fixture
def others() -> set[int]:
    """The processes that other tests have started and keep: a virtual machine, a cluster."""
    return children()


def two_workers() -> Executor:
    return process_pool(2)


def one_thread() -> Executor:
    return ThreadPoolExecutor(1)


def flat(batches: Iterator[list[Any]]) -> list[Any]:
    return [result for batch in batches for result in batch]


def test_everything_is_done_once_in_whatever_order(others: set[int]) -> None:
    done = flat(run_batches(double, range(50), batch=7, make_pool=two_workers))
    assert sorted(done) == [2 * n for n in range(50)]
    assert children() <= others


def test_nothing_to_do_is_no_trouble() -> None:
    assert flat(run_batches(double, [], batch=3, make_pool=one_thread)) == []


def test_a_list_with_nothing_to_do_is_not_the_last() -> None:
    done = flat(run_lists(double, [[], [1], [], [2, 3], []], make_pool=one_thread))
    assert sorted(done) == [2, 4, 6]


def test_an_item_that_kills_its_worker_is_set_aside_and_the_rest_is_done(others: set[int]) -> None:
    items = [*range(10), POISON, *range(10, 20), POISON, *range(20, 25)]
    done = flat(run_batches(double, items, batch=3, make_pool=two_workers))
    assert [result for result in done if isinstance(result, Poison)] == [Poison(POISON, ENDED)] * 2
    assert sorted(result for result in done if isinstance(result, int)) == [2 * n for n in range(25)]
    assert children() <= others


def test_a_worker_that_dies_of_the_item_before_does_not_make_the_next_one_poison() -> None:
    items = [POISON, LATE_POISON, *range(12)]
    done = flat(run_batches(double, items, batch=1, make_pool=lambda: process_pool(1)))
    assert [result for result in done if isinstance(result, Poison)] == [Poison(POISON, ENDED)]
    assert sorted(result for result in done if isinstance(result, int)) == [
        2 * LATE_POISON,
        *(2 * n for n in range(12)),
    ]


def test_endless_input_is_read_only_as_far_as_it_is_worked_on() -> None:
    given: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            given.append(number)
            yield number

    batches = run_batches(double, endless(), batch=5, make_pool=one_thread, ahead=3)
    for _ in range(20):
        next(batches)
    batches.close()
    assert len(given) <= 5 * (20 + 3)


def test_an_exception_in_the_work_comes_out_and_leaves_no_process_behind(others: set[int]) -> None:
    with pytest.raises(ValueError, match="broken item"):
        flat(run_batches(double, [*range(9), BROKEN, *range(9)], batch=2, make_pool=two_workers))
    assert children() <= others


def test_an_exception_in_the_input_comes_out_and_leaves_no_process_behind(others: set[int]) -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise OSError("the walk failed")

    with pytest.raises(OSError, match="the walk failed"):
        flat(run_batches(double, failing(), batch=1, make_pool=two_workers))
    assert children() <= others


def test_stopping_early_leaves_no_process_behind(others: set[int]) -> None:
    batches = run_batches(process, count(), batch=2, make_pool=two_workers)
    workers = set(next(batches))
    batches.close()
    assert workers
    assert children() <= others


def test_workers_end_with_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"working\n"
    parent.send_signal(signal.SIGKILL)
    # Workers hold the other end of this pipe: it ends when the last of them has ended.
    parent.communicate(timeout=30)


_PARENT = """
from itertools import count
from phonotheque.jobs.pool import process_pool, run_batches
from tests.jobs.pool_work import process

if __name__ == "__main__":
    for number, _ in enumerate(run_batches(process, count(), batch=1, make_pool=lambda: process_pool(2))):
        if number == 4:
            print("working", flush=True)
"""


def test_an_item_that_never_ends_kills_its_worker() -> None:
    child = Child()
    with pytest.raises(WorkerDied, match="processor time"):
        child.call(spin, [SPINNING])
    child.stop()


def test_only_what_a_worker_had_is_lost_with_it(tmp_path: Path) -> None:
    """The other one is at work all the while, on something that is done only once."""
    done = flat(run_lists(hold, [[(tmp_path, "killer")], [(tmp_path, "holder")]], make_pool=two_workers))
    (poison,) = (result for result in done if isinstance(result, Poison))
    assert poison.item == (tmp_path, "killer")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("began")] == ["began"]
    assert "held" in done


def test_work_nobody_waits_for_is_ended_at_once(tmp_path: Path) -> None:
    batches = run_lists(hold, [[(tmp_path, "never")], [(tmp_path, "quick")]], make_pool=two_workers)
    assert next(batches) == ["quick"]
    began = int((tmp_path / "never").read_text())
    batches.close()
    assert gone(began)


def test_how_a_worker_died_is_told(others: set[int]) -> None:
    child = Child()
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        child.call(spin, [-signal.SIGSEGV])
    with pytest.raises(WorkerDied, match="want of memory"):
        child.call(spin, [-signal.SIGKILL])
    with pytest.raises(WorkerDied, match="with status 1"):
        child.call(double, [POISON])
    assert child.call(double, [4]) == [8]
    child.stop()
    with pytest.raises(WorkerDied, match="stopped"):
        child.call(double, [4])
    assert children() <= others


def test_what_is_printed_in_a_worker_is_no_output_of_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child()
    child.call(speak, ["words"])
    child.stop()
    assert capfd.readouterr() == ("", "words\n")


def test_an_exception_that_cannot_be_sent_is_told_in_words() -> None:
    child = Child()
    with pytest.raises(RuntimeError, match="UnspeakableError: no words"):
        child.call(unspeakable, [])
    child.stop()


def test_a_limit_on_processor_time_holds_only_for_its_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    with processor_time(100):
        soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
        assert 100 <= soft <= time.process_time() + 101
    assert resource.getrlimit(resource.RLIMIT_CPU) == before
