"""python -m benchmarks.catalogue.work STEP CATALOGUE …: do a step of the benchmark, print figures as JSON.

A process for each, so that memory and caches are the step's own.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalogue.placing import place
from benchmarks.catalogue.questions import codes, searches
from benchmarks.catalogue.watching import Stages
from phonotheque.catalogue import index, manifest
from phonotheque.catalogue.listening import listening
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.catalogue.views import Hit
from phonotheque.model.errors import UsageError

_MADE_AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
_CODES, _SHOWN, _SEARCHES = 1000, 100, 200
_POINTS = 200  # of the coverage curve


def main() -> None:
    """Do the step that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue.work", description=__doc__)
    parser.add_argument("step", choices=_STEPS)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--generated", type=Path)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--key", default="")
    parser.add_argument("--shown", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(_STEPS[arguments.step](arguments), ensure_ascii=False))


def forget(snapshot: Snapshot) -> None:
    """Ask the system to drop a snapshot and its index from the page cache."""
    for path in snapshot.path.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _place(arguments: argparse.Namespace) -> dict[str, Any]:
    place(arguments.generated, arguments.catalogue)
    return {}


def _snapshot(arguments: argparse.Namespace) -> dict[str, Any]:
    stages = Stages()
    made = write_snapshot(
        arguments.catalogue, made_at=_MADE_AT, memory_limit=arguments.memory, progress=stages
    )
    stages.end()
    return {"stages": stages.taken, "counts": made.counts, "merged": dict(made.merged)}


def _index(arguments: argparse.Namespace) -> dict[str, Any]:
    stages, snapshot = Stages(), _current(arguments)
    start = time.perf_counter()
    index.rebuild(snapshot, memory_limit=arguments.memory, progress=stages)
    stages.end()
    return {"seconds": time.perf_counter() - start, "stages": stages.taken}


def _sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    snapshot = _current(arguments)
    sizes = {name: sum(part.bytes for part in parts) for name, parts in snapshot.tables.items() if parts}
    files = (arguments.catalogue / "facts").glob("*/listens-*.parquet")
    sizes["listens as told"] = sum(path.stat().st_size for path in files)
    for path in snapshot.path.glob("*.sqlite"):
        sizes[path.name] = path.stat().st_size
    return {"sizes": sizes}


def _isrc(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look many codes up twice, and time the second time; then some with all that was ever told of them."""
    snapshot = _current(arguments)
    asked = codes(snapshot, _CODES, arguments.seed)
    found: dict[str, Any] = {"codes": asked[:_SHOWN]}
    with closing(Catalogue.open(arguments.catalogue)) as catalogue:
        for what, ask, questions in (
            ("warm", catalogue.by_isrc, asked),
            ("warm, shown", catalogue.show, asked[:_SHOWN]),
        ):
            _times(ask, questions)
            found[what] = _spread(_times(ask, questions)[0])
    return found


def _isrc_cold(arguments: argparse.Namespace) -> dict[str, Any]:
    """Look one code up, in a new process and from the disk."""
    forget(_current(arguments))
    start = time.perf_counter()
    with closing(Catalogue.open(arguments.catalogue)) as catalogue:
        opened = time.perf_counter()
        (catalogue.show if arguments.shown else catalogue.by_isrc)(arguments.key)
        return {"opening": opened - start, "asking": time.perf_counter() - opened}


def _search(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    asked = searches(_current(arguments), _SEARCHES, arguments.seed)
    with closing(Catalogue.open(arguments.catalogue)) as catalogue:
        for kind, queries in asked.items():

            def ask(query: str) -> list[Hit] | None:
                try:
                    return catalogue.search(query)
                except UsageError:  # it would have taken too long
                    return None

            _times(ask, queries)
            times, hits = _times(ask, queries)
            slowest = queries[int(np.argmax(times))]
            found[kind] = _spread(times) | {
                "answered": sum(map(bool, hits)) / len(queries),
                "given_up": sum(hit is None for hit in hits),
                "slowest": slowest,
            }
    return {"kinds": found}


def _coverage(arguments: argparse.Namespace) -> dict[str, Any]:
    start = time.perf_counter()
    found = listening(_current(arguments), points=_POINTS, memory_limit=arguments.memory)
    marks = {str(mark.share): mark.weight.recordings for mark in found.marks}
    return {"seconds": time.perf_counter() - start, "marks": marks}


def _current(arguments: argparse.Namespace) -> Snapshot:
    snapshot = manifest.current(arguments.catalogue)
    if snapshot is None:
        raise SystemExit(f"{arguments.catalogue}: no snapshot was made here yet.")
    return snapshot


def _times(ask: Callable[[str], Any], questions: list[str]) -> tuple[list[float], list[Any]]:
    times, answers = [], []
    for question in questions:
        start = time.perf_counter()
        answers.append(ask(question))
        times.append(time.perf_counter() - start)
    return times, answers


def _spread(times: list[float]) -> dict[str, Any]:
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "longest": max(times), "asked": len(times)}


_STEPS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "place": _place,
    "snapshot": _snapshot,
    "index": _index,
    "sizes": _sizes,
    "isrc": _isrc,
    "isrc-cold": _isrc_cold,
    "search": _search,
    "coverage": _coverage,
}

if __name__ == "__main__":
    main()
