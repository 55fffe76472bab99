"""Spreading batches over worker processes: bounded memory, and no poison file stops the rest.

Written against ``concurrent.futures.Executor``, so that a cluster's executor can take the place of the
process pool.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Poison(Generic[Item]):
    """An item that killed its worker, alone, after it had already killed one in company."""

    item: Item


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def process_pool(workers: int | None = None) -> ProcessPoolExecutor:
    """Return a pool of long-lived worker processes, one per core unless told otherwise."""
    # forkserver: workers share no locks, threads or database connections with the process that asks.
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(workers or cores(), mp_context=context, initializer=_prepare_worker)


def run_batches(
    work: Callable[[list[Item]], list[Result]],
    items: Iterable[Item],
    *,
    batch: int,
    make_pool: Callable[[], Executor] = process_pool,
    ahead: int | None = None,
) -> Iterator[list[Result | Poison[Item]]]:
    """Yield the results of ``work`` over batches of ``items``, as they finish.

    At most ``ahead`` batches (default: two per core) are in flight, so ``items`` may be endless. When a
    worker dies, the batches in flight are run again item by item in a fresh pool; an item that kills its
    worker alone is yielded as Poison. An exception that ``work`` raises is raised here.
    """
    ahead = ahead or 2 * cores()
    source = iter(items)
    pool = make_pool()
    running: dict[Future[list[Result]], list[Item]] = {}
    try:
        while True:
            while len(running) < ahead and (chunk := _take(source, batch)):
                running[pool.submit(work, chunk)] = chunk
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            suspects: list[list[Item]] = []
            for future in done:
                chunk = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(chunk)
                else:
                    yield list(future.result())
            if suspects:
                suspects += list(running.values())
                running.clear()
                pool.shutdown(wait=True, cancel_futures=True)
                for chunk in suspects:
                    yield from _one_by_one(work, chunk, make_pool)
                pool = make_pool()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(
    work: Callable[[list[Item]], list[Result]], chunk: list[Item], make_pool: Callable[[], Executor]
) -> Iterator[list[Result | Poison[Item]]]:
    pool = make_pool()
    try:
        for item in chunk:
            try:
                yield list(pool.submit(work, [item]).result())
            except BrokenProcessPool:
                yield [Poison(item)]
                pool.shutdown(wait=True, cancel_futures=True)
                pool = make_pool()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _take(source: Iterator[Item], count: int) -> list[Item]:
    return list(islice(source, count))


def _prepare_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent decides what to finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
