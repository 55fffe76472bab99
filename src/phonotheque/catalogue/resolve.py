"""Clustering facts into recordings: named steps of SQL, each followed by the same merge.

Every step says which facts it holds to be one recording (``same``); merging makes connected components of
them. The result does not depend on the number of threads, nor on the number of passes a step takes so that
what it holds in memory stays small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from phonotheque.catalogue.engine import SqlEngine
from phonotheque.model.progress import QUIET, Progress


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of evidence.

    ``guarded``: it does not overrule two different MusicBrainz ids. ``begun``: a script of its own lays out
    what is then compared in passes.
    """

    name: str
    guarded: bool
    begun: bool = False


STEPS = (
    Step("isrc", guarded=True, begun=True),
    Step("sound", guarded=False),
    Step("title", guarded=True, begun=True),
    Step("fingerprint", guarded=True),
)


def resolve(engine: SqlEngine, *, passes: int = 1, progress: Progress = QUIET) -> dict[str, int]:
    """Cluster the rows of ``fact`` with the links of ``link``; return how many merges each step made.

    Leaves the tables ``member`` (fact → cluster, for those that are not alone), ``named_fact`` and ``doubt``.
    """
    engine.run("begin")
    progress.start("Resolving by MusicBrainz id")
    engine.run("step_mbid")
    merged = {"mbid": _counting(engine, partial(merge_pairs, engine))}
    for step in STEPS:
        progress.start(f"Resolving by {step.name}")
        merged[step.name] = _counting(engine, partial(_take, engine, step, passes))
    return merged


def _take(engine: SqlEngine, step: Step, passes: int) -> None:
    engine.run("named")
    engine.run("no_pairs")
    if step.begun:
        engine.run(f"step_{step.name}_begin")
    for number in range(passes if step.begun else 1):
        engine.run(f"step_{step.name}", **{"pass": number, "passes": passes})
        engine.run("pairs")
    engine.run(f"step_{step.name}_end" if step.begun else "same_end")
    if step.guarded:
        engine.run("guard_named", step=step.name)
        merge_pairs(engine)
        engine.run("guard_unnamed", step=step.name)
    merge_pairs(engine)


def merge_pairs(engine: SqlEngine) -> None:
    """Make one cluster of every connected component of ``pair`` (a < b), named by its smallest member.

    Each round hangs every node under its smallest neighbour, follows that to the root, and goes on with the
    pairs of roots that remain; three or four rounds are usual.
    """
    if not engine.any("pair"):
        return
    engine.run("merge_begin")
    while engine.any("pair"):
        engine.run("merge_hook")
        while engine.any("parent x JOIN parent y ON y.node = x.parent"):
            engine.run("merge_climb")
        engine.run("merge_contract")
    engine.run("merge_end")


def _counting(engine: SqlEngine, work: Callable[[], None]) -> int:
    """Return by how many the clusters have become fewer: each merge makes one of two."""
    before = engine.number("SELECT count(*) - count(DISTINCT cluster) FROM member")
    work()
    return engine.number("SELECT count(*) - count(DISTINCT cluster) FROM member") - before
