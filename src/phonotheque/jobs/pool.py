"""Spreading batches over worker processes: bounded memory, and no poison file stops the rest.

Written against ``concurrent.futures.Executor``, so that a cluster's executor can take the place of the
process pool.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from phonotheque.model.batches import batched

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Poison(Generic[Item]):
    """An item that killed every worker it was given to, at last one that had done nothing else."""

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
) -> Generator[list[Result | Poison[Item]], None, None]:
    """Yield the results of ``work`` over batches of ``items``, as ``run_lists`` does."""
    yield from run_lists(work, batched(items, batch), make_pool=make_pool, ahead=ahead)


def run_lists(
    work: Callable[[list[Item]], list[Result]],
    lists: Iterable[list[Item]],
    *,
    make_pool: Callable[[], Executor] = process_pool,
    ahead: int | None = None,
) -> Generator[list[Result | Poison[Item]], None, None]:
    """Yield the results of ``work`` over each of the lists, as they finish.

    At most ``ahead`` lists (default: two per core) are in flight, so there may be endlessly many. When a
    worker dies, what it and its fellows had not finished is run again item by item in a fresh pool; an item
    that kills a fresh worker is yielded as Poison. An exception that ``work`` raises is raised here.
    """
    ahead = ahead or 2 * cores()
    source = filter(None, lists)
    pool = make_pool()
    running: dict[Future[list[Result]], list[Item]] = {}
    try:
        while True:
            while len(running) < ahead and (chunk := next(source, None)):
                running[_submit(pool, work, chunk)] = chunk
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            if any(map(_died, done)):
                done, _ = wait(running)  # a broken pool gives all its work back at once
            suspects: list[Item] = []
            for future in done:
                chunk = running.pop(future)
                if _died(future):
                    suspects += chunk
                else:
                    yield list(future.result())
            if suspects:
                pool.shutdown(wait=True)
                yield from _one_by_one(work, suspects, make_pool)
                pool = make_pool()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(
    work: Callable[[list[Item]], list[Result]], items: Iterable[Item], make_pool: Callable[[], Executor]
) -> Iterator[list[Result | Poison[Item]]]:
    pool = make_pool()
    try:
        for item in items:
            future = _submit(pool, work, [item])
            if _died(future):  # perhaps of what the item before left behind: only a fresh worker tells
                pool = _replaced(pool, make_pool)
                future = _submit(pool, work, [item])
            if _died(future):
                yield [Poison(item)]
                pool = _replaced(pool, make_pool)
            else:
                yield list(future.result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: Executor, work: Callable[[list[Item]], list[Result]], chunk: list[Item]
) -> Future[list[Result]]:
    try:
        return pool.submit(work, chunk)
    except BrokenProcessPool as error:  # a worker died since we last looked: say so as a running one would
        refused: Future[list[Result]] = Future()
        refused.set_exception(error)
        return refused


def _died(future: Future[list[Result]]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _replaced(pool: Executor, make_pool: Callable[[], Executor]) -> Executor:
    pool.shutdown(wait=True)
    return make_pool()


def _prepare_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent decides what to finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A worker whose parent was killed would wait for work for ever, or still be writing when the next run
    # has begun: its siblings keep the queue open.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
