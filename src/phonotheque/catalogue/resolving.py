"""Where the resolve job runs: here in DuckDB, or on a cluster. Both read the same facts and say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from phonotheque.catalogue import spark_needs
from phonotheque.catalogue.engine import Engine
from phonotheque.catalogue.manifest import TableFile
from phonotheque.catalogue.resolve import resolve
from phonotheque.model.progress import Progress

_FACTS_A_PASS = 24_000_000  # what a pass of a step groups in memory


@dataclass(frozen=True, slots=True)
class Unresolved:
    """What is to be resolved: the views ``fact``, ``outdated`` and ``link`` of ``engine``.

    The facts lie in ``folder``, in ``parts``, one after another. ``work`` is an empty folder for whatever a
    resolver writes; it is removed afterwards. ``memory_limit`` is as DuckDB writes it.
    """

    engine: Engine
    folder: Path
    parts: tuple[TableFile, ...]
    work: Path
    memory_limit: str
    progress: Progress


# Leaves the tables ``member``, ``named_fact`` and ``doubt`` in the engine; returns the merges by step.
Resolver = Callable[[Unresolved], dict[str, int]]


def in_place(job: Unresolved) -> dict[str, int]:
    """Resolve in the engine that has the facts."""
    passes = 1 + sum(part.rows for part in job.parts) // _FACTS_A_PASS
    return resolve(job.engine, passes=passes, progress=job.progress)


def resolver_at(master: str) -> Resolver:
    """Return the resolver for a Spark master such as ``spark://host:7077`` or ``local[2]``; ``""`` is here.

    Raises UsageError when that is no master's name, NotFoundError when something is not installed,
    NetworkError when nobody answers there.
    """
    if not master:
        return in_place
    spark_needs.check(master)
    from phonotheque.catalogue.spark import resolve_at  # imports what not everybody has

    return partial(resolve_at, master)
