"""python -m benchmarks.catalogue: make a catalogue of some size, do everything with it, and say what it cost.

    python -m benchmarks.catalogue --tracks 10000000 --results results.jsonl
    python -m benchmarks.catalogue --table results.jsonl

The second prints what several runs measured side by side, and how it grows. Steps can be named to run only
those on what is in --folder already.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalogue.generate import is_made
from benchmarks.catalogue.placing import room, room_needed
from benchmarks.catalogue.tables import print_tables, read_results
from benchmarks.catalogue.watching import watch
from benchmarks.measure import adopt_orphans

_STEPS = ("snapshot", "index", "isrc", "search", "coverage")
_COLD = 40  # processes, each for one code from the disk


def main() -> None:
    """Parse the arguments and measure, or print what was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.catalogue",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"which of {', '.join(_STEPS)}; all by default"
    )
    parser.add_argument("--tracks", type=int, default=1_000_000, help="rows of facts (default: a million)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--generated", type=Path, help="where the generated facts are, or are to be")
    parser.add_argument("--keep", action="store_true", help="keep the catalogue that was made in --folder")
    parser.add_argument("--memory", default="6GB", help="limit of the engine (default: 6GB)")
    parser.add_argument("--results", type=Path, help="file of JSON lines to add the figures to")
    parser.add_argument("--table", type=Path, help="only print what such a file holds")
    parser.add_argument("--anyway", action="store_true", help="do not ask first whether the disk has room")
    arguments = parser.parse_args()
    if arguments.table:
        print_tables(read_results(arguments.table))
        return
    if unknown := set(arguments.steps) - set(_STEPS):
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    if arguments.tracks < 1:
        parser.error("--tracks must be at least 1")
    adopt_orphans()
    if arguments.folder:
        _run(arguments, arguments.folder.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as folder:
        _run(arguments, Path(folder))


def _run(arguments: argparse.Namespace, folder: Path) -> None:
    steps = arguments.steps or _STEPS
    catalogue = folder / f"catalogue-{arguments.tracks}-{arguments.seed}"
    generated = arguments.generated or folder / f"generated-{arguments.tracks}-{arguments.seed}"
    figures: dict[str, Any] = {
        "tracks": arguments.tracks,
        "seed": arguments.seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "memory_limit": arguments.memory,
    }
    if "snapshot" in steps:
        _check_room(arguments, folder, generated)
        figures |= _generate(arguments, generated)
        shutil.rmtree(catalogue, ignore_errors=True)
        watch("place", catalogue, "--generated", str(generated))
    for step in steps:
        print(f"{step}, {arguments.tracks:,} tracks", file=sys.stderr, flush=True)
        figures[step] = watch(step, catalogue, "--memory", arguments.memory, "--seed", str(arguments.seed))
        if step == "isrc":
            figures[step] |= _cold(catalogue, figures[step].pop("codes"))
        if step in ("snapshot", "index"):
            figures["sizes"] = watch("sizes", catalogue)["sizes"]
    if arguments.results:
        with arguments.results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(figures, ensure_ascii=False) + "\n")
    print_tables([figures])
    if not arguments.keep:
        shutil.rmtree(catalogue)


def _check_room(arguments: argparse.Namespace, folder: Path, generated: Path) -> None:
    there = is_made(generated, arguments.tracks, arguments.seed)
    needed, free = room_needed(arguments.tracks, generated=there), room(folder)
    if needed > free and not arguments.anyway:
        raise SystemExit(
            f"{folder}: {arguments.tracks:,} tracks may need {needed / 1e9:.0f} GB at once, and "
            f"{free / 1e9:.0f} GB are free. Make room, give a --folder on another disk, or fewer --tracks; "
            "--anyway tries all the same."
        )


def _generate(arguments: argparse.Namespace, generated: Path) -> dict[str, Any]:
    if is_made(generated, arguments.tracks, arguments.seed):
        return {}
    start = time.perf_counter()
    size = ("--tracks", str(arguments.tracks), "--seed", str(arguments.seed))
    subprocess.run(
        [sys.executable, "-m", "benchmarks.catalogue.generate", str(generated), *size],
        check=True,
        stdout=sys.stderr,
    )
    return {"generate": {"wall": time.perf_counter() - start}}


def _cold(catalogue: Path, codes: list[str]) -> dict[str, Any]:
    """Look codes up one by one, each in a new process with the files out of the page cache."""
    plain = [watch("isrc-cold", catalogue, "--key", code) for code in codes[:_COLD]]
    shown = [watch("isrc-cold", catalogue, "--key", code, "--shown") for code in codes[_COLD : 2 * _COLD]]
    return {
        "cold": _spread(plain, "asking"),
        "cold, shown": _spread(shown, "asking"),
        "opening": _spread(plain + shown, "opening"),
    }


def _spread(runs: Sequence[Mapping[str, Any]], what: str) -> dict[str, float]:
    p50, p95 = np.percentile([run[what] for run in runs], [50, 95])
    return {"p50": float(p50), "p95": float(p95), "asked": len(runs)}


if __name__ == "__main__":
    main()
