"""Taking files in on every core or on a cluster: batches go out, Arrow batches come back."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from phonotheque.jobs.cluster import cluster_pool
from phonotheque.jobs.columns import from_batch, to_batch
from phonotheque.jobs.pool import DEATHS, Poison, process_pool, run_lists
from phonotheque.jobs.stopping import stopping
from phonotheque.model.audio import Refusal, RefusalKind
from phonotheque.model.batches import batched
from phonotheque.model.progress import Progress
from phonotheque.sources.take_in import TakeIn, Taken, remove_leftovers, take_in

_HERE = 4  # files per task: about a second of work, so that Ctrl-C is not long in coming
# On a cluster a task costs some milliseconds, however small: many files, but no more than seconds of work.
_THERE, _THERE_BYTES = 100, 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Where:
    """Where files are taken in: by so many processes here (None: one per core), or by a cluster."""

    workers: int | None = None
    cluster: str = ""


def take_in_spread(
    tasks: Iterable[TakeIn], where: Where, *, incoming: Path, folder: Path, progress: Progress
) -> Generator[list[Taken], None, None]:
    """Yield what came of batches of tasks, as they finish; what kills its workers is refused as unsafe.

    ``incoming`` and ``folder`` are absolute. Raises what ``cluster_pool`` and ``take_in`` raise. After SIGINT
    it begins nothing new, yields what is under way, and then raises KeyboardInterrupt.
    """

    def make_pool() -> Executor:
        if where.cluster:
            return cluster_pool(where.cluster, shared=incoming, folders=[folder], say=progress.say)
        return process_pool(where.workers)

    lists = _together(tasks) if where.cluster else batched(tasks, _HERE)
    try:
        with (
            stopping(progress.say) as ending,
            closing(run_lists(take_in_batch, ending.until(lists), make_pool=make_pool)) as batches,
        ):
            for finished in batches:
                for part in finished:
                    yield _isolated(part) if isinstance(part, Poison) else from_batch(Taken, part)
    finally:
        remove_leftovers(incoming)  # of workers that were killed


def take_in_batch(batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Take a batch of files in; return one Arrow batch, of ``Taken``."""
    return [to_batch(Taken, take_in(batch))]


def _together(tasks: Iterable[TakeIn]) -> Iterator[list[TakeIn]]:
    together: list[TakeIn] = []
    size = 0
    for task in tasks:
        if together and (len(together) == _THERE or size + task.found.size > _THERE_BYTES):
            yield together
            together, size = [], 0
        together.append(task)
        size += task.found.size
    if together:
        yield together


def _isolated(poison: Poison[TakeIn]) -> list[Taken]:
    reason = f"killed every process that read it, {DEATHS} times alone ({poison.how}); set aside"
    return [Taken(poison.item.found, Refusal(RefusalKind.UNSAFE, reason))]
