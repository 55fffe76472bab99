"""Spreading batches over worker processes: bounded memory, and no poison file stops the rest.

Written against ``concurrent.futures.Executor``: the processes here, or a cluster's workers. Such an executor
outlives the death of its workers, and gives BrokenExecutor (WorkerDied) for just what died with one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from phonotheque.jobs.child import Child, WorkerDied
from phonotheque.model.batches import batched

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK = 30.0  # seconds after which the executor is asked how it is, if nothing came of it
DEATHS = 2  # of workers that had nothing but this item, before it is set aside


@dataclass(frozen=True, slots=True)
class Poison(Generic[Item]):
    """An item that killed every worker it was given to, the last two alone; how the last one ended."""

    item: Item
    how: str = ""


@runtime_checkable
class Spread(Protocol):
    """An executor that knows how much it can do at a time, which may change."""

    def slots(self) -> int:
        """Return how many pieces of work can run at once."""


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


class ProcessPool(Executor):
    """Long-lived worker processes of this machine, each replaced when it dies."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, "worker")  # each waits for a process of its own
        self._own = threading.local()
        self._children: list[Child] = []
        self._stopped = False

    def slots(self) -> int:
        """Return how many processes there are."""
        return self._workers

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a process do ``work(chunk)``. The future raises WorkerDied if it dies of that."""
        return self._threads.submit(self._do, work, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes: when they are done, or at once if their results are not wanted."""
        if cancel_futures:
            self._stopped = True
            self._stop()
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            self._stop()

    def _do(self, work: Callable[[list[Item]], Result], chunk: list[Item]) -> Result:
        if not hasattr(self._own, "child"):
            self._own.child = Child()
            self._children.append(self._own.child)
        if self._stopped:
            raise WorkerDied("it was stopped")
        child: Child = self._own.child
        return child.call(work, chunk)

    def _stop(self) -> None:
        for child in list(self._children):
            child.stop()


def process_pool(workers: int | None = None) -> ProcessPool:
    """Return a pool of worker processes, one per core unless told otherwise."""
    return ProcessPool(workers or cores())


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


@dataclass(frozen=True, slots=True)
class _Task(Generic[Item]):
    items: list[Item]
    deaths: int = 0  # of workers that had just this


def run_lists(
    work: Callable[[list[Item]], list[Result]],
    lists: Iterable[list[Item]],
    *,
    make_pool: Callable[[], Executor] = process_pool,
    ahead: int | None = None,
) -> Generator[list[Result | Poison[Item]], None, None]:
    """Yield the results of ``work`` over each of the lists, as they finish.

    At most ``ahead`` lists (default: two for each that can run at once) are in flight, so there may be
    endlessly many. When a worker dies, what it had is run again item by item; an item that kills two workers
    alone is yielded as Poison. An exception that ``work`` raises is raised here.
    """
    source = filter(None, lists)
    again: deque[_Task[Item]] = deque()
    running: dict[Future[list[Result]], _Task[Item]] = {}
    pool = make_pool()
    try:
        while True:
            limit = ahead or 2 * (pool.slots() if isinstance(pool, Spread) else cores())
            while len(running) < limit and (task := _next(again, source)):
                running[pool.submit(work, task.items)] = task
            if not running:
                return
            done, _ = wait(running, _LOOK, FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                if (death := _death(future)) is None:
                    yield list(future.result())
                elif len(task.items) > 1:
                    again.extend(_Task([item]) for item in task.items)
                elif task.deaths + 1 == DEATHS:
                    yield [Poison(task.items[0], death)]
                else:
                    again.appendleft(_Task(task.items, task.deaths + 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _next(again: deque[_Task[Item]], source: Iterator[list[Item]]) -> _Task[Item] | None:
    if again:
        return again.popleft()
    chunk = next(source, None)
    return None if chunk is None else _Task(chunk)


def _death(future: Future[Any]) -> str | None:
    """Return how the worker died that had this; None if it did not."""
    error = future.exception()
    return str(error) if isinstance(error, BrokenExecutor) else None
