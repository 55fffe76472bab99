"""Spreading work: everything is done once, whatever dies, and no process is left behind."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from phonotheque.jobs.limits import processor_time
from phonotheque.jobs.pool import Poison, process_pool, run_batches, run_lists
from tests.jobs.pool_work import BROKEN, LATE_POISON, POISON, SPINNING, double, process, spin


def two_workers() -> Executor:
    return process_pool(2)


def one_thread() -> Executor:
    return ThreadPoolExecutor(1)


def flat(batches: Iterator[list[Any]]) -> list[Any]:
    return [result for batch in batches for result in batch]


def test_everything_is_done_once_in_whatever_order() -> None:
    done = flat(run_batches(double, range(50), batch=7, make_pool=two_workers))
    assert sorted(done) == [2 * n for n in range(50)]
    assert multiprocessing.active_children() == []


def test_nothing_to_do_is_no_trouble() -> None:
    assert flat(run_batches(double, [], batch=3, make_pool=one_thread)) == []


def test_a_list_with_nothing_to_do_is_not_the_last() -> None:
    done = flat(run_lists(double, [[], [1], [], [2, 3], []], make_pool=one_thread))
    assert sorted(done) == [2, 4, 6]


def test_an_item_that_kills_its_worker_is_set_aside_and_the_rest_is_done() -> None:
    items = [*range(10), POISON, *range(10, 20), POISON, *range(20, 25)]
    done = flat(run_batches(double, items, batch=3, make_pool=two_workers))
    assert [result for result in done if isinstance(result, Poison)] == [Poison(POISON)] * 2
    assert sorted(result for result in done if isinstance(result, int)) == [2 * n for n in range(25)]
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_of_the_item_before_does_not_make_the_next_one_poison() -> None:
    items = [POISON, LATE_POISON, *range(12)]
    done = flat(run_batches(double, items, batch=1, make_pool=lambda: process_pool(1)))
    assert [result for result in done if isinstance(result, Poison)] == [Poison(POISON)]
    assert sorted(result for result in done if isinstance(result, int)) == [
        2 * LATE_POISON,
        *(2 * n for n in range(12)),
    ]


class BrokenSince(ThreadPoolExecutor):
    """A pool whose worker died unnoticed: it takes two batches, then refuses."""

    taken = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self.taken += 1
        if self.taken > 2:
            raise BrokenProcessPool("a worker died")
        return super().submit(work, *args, **named)


def test_a_pool_found_broken_when_work_is_given_to_it_loses_nothing() -> None:
    pools: Iterator[Executor] = iter([BrokenSince(1), *(ThreadPoolExecutor(1) for _ in range(9))])
    done = flat(run_batches(double, range(10), batch=2, make_pool=lambda: next(pools), ahead=3))
    assert sorted(done) == [2 * n for n in range(10)]


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


def test_an_exception_in_the_work_comes_out_and_leaves_no_process_behind() -> None:
    with pytest.raises(ValueError, match="broken item"):
        flat(run_batches(double, [*range(9), BROKEN, *range(9)], batch=2, make_pool=two_workers))
    assert multiprocessing.active_children() == []


def test_an_exception_in_the_input_comes_out_and_leaves_no_process_behind() -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise OSError("the walk failed")

    with pytest.raises(OSError, match="the walk failed"):
        flat(run_batches(double, failing(), batch=1, make_pool=two_workers))
    assert multiprocessing.active_children() == []


def test_stopping_early_leaves_no_process_behind() -> None:
    batches = run_batches(process, count(), batch=2, make_pool=two_workers)
    workers = set(next(batches))
    batches.close()
    assert workers
    assert multiprocessing.active_children() == []


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
    with process_pool(1) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(spin, [SPINNING]).result(timeout=60)


def test_a_limit_on_processor_time_holds_only_for_its_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    with processor_time(100):
        soft, _ = resource.getrlimit(resource.RLIMIT_CPU)
        assert 100 <= soft <= os.times().user + os.times().system + 101
    assert resource.getrlimit(resource.RLIMIT_CPU) == before
