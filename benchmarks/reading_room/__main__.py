"""python -m benchmarks.reading_room: a large catalogue served to many visitors at once.

    python -m benchmarks.reading_room --tracks 10000000 --folder bench
    python -m benchmarks.reading_room pages --seconds 5

An archive with a made-up catalogue and some published music is made in --folder, once, and served by
“phono serve” in a process of its own. wrk asks for its pages, first as fast as 50 connections can, then as 50
visitors do who read for a second; 200 listeners take ranges of songs. Beside it, Datasette serves the same
recordings.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.reading_room.loads import Load, Loaded, load
from benchmarks.reading_room.making import archive_of, datasette_of
from benchmarks.reading_room.questions import asked_of_datasette, asked_of_us
from benchmarks.reading_room.servers import Server, datasette, phonotheque
from benchmarks.reading_room.songs import bench_songs
from benchmarks.reading_room.weight import bench_weight
from benchmarks.results import print_heading

_STEPS: Final = ("pages", "songs", "weight", "datasette")
_TARGET: Final = 150.0  # ms that 95 of 100 visitors who read wait at most


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading_room",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"which of {', '.join(_STEPS)}; all by default"
    )
    parser.add_argument("--tracks", type=int, default=1_000_000, help="rows of facts (default: a million)")
    parser.add_argument("--songs", type=int, default=12, help="that are published (default: 12)")
    parser.add_argument("--seconds", type=int, default=15, help="of each measurement (default: 15)")
    parser.add_argument("--listeners", type=int, default=200, help="at once (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work; what is served is made there only once")
    arguments = parser.parse_args()
    if unknown := set(arguments.steps) - set(_STEPS):
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    if not shutil.which("wrk"):
        parser.error("wrk is not installed: sh scripts/bench-tools.sh")
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        _measure(arguments, arguments.steps or _STEPS, folder)


def _measure(arguments: argparse.Namespace, steps: Sequence[str], folder: Path) -> None:
    archive = archive_of(folder, arguments.tracks, arguments.songs, arguments.seed)
    with phonotheque(archive) as server:
        if "weight" in steps:
            bench_weight(server.url)
        if "pages" in steps:
            print_heading(
                "pages", f"{arguments.tracks:,} tracks, {arguments.seconds} s each after a warm-up."
            )
            _bench_pages(server, asked_of_us(archive, arguments.seed), arguments.seconds)
        if "songs" in steps:
            bench_songs(server, archive, arguments.listeners, arguments.seconds)
    if "datasette" not in steps:
        return
    database = datasette_of(folder, archive, arguments.tracks, arguments.seed)
    if database is None:
        print("Datasette is not there to compare with: sh scripts/bench-tools.sh", file=sys.stderr)
        return
    with datasette(database) as server:
        print_heading("datasette", f"The same recordings in SQLite with FTS5, {arguments.seconds} s each.")
        _bench_pages(server, asked_of_datasette(archive, arguments.seed), arguments.seconds)


def _bench_pages(server: Server, pages: Mapping[str, Sequence[str]], seconds: int) -> None:
    """Measure each kind of page by itself under both loads, after as long a warm-up with other addresses."""
    before = server.memory()
    print("| page | asked by | requests/s | p50 ms | p95 ms | p99 ms | CPU ms each | not 200 | broken | MB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    found: dict[tuple[str, Load], Loaded] = {}
    for what, paths in pages.items():
        third = len(paths) // (1 + len(Load))
        load(server, paths[:third], Load.CLOSED, max(2, seconds // 3))
        for number, how in enumerate(Load, start=1):
            some = paths[number * third : (number + 1) * third]
            one = found[what, how] = load(server, some, how, seconds)
            times = " | ".join(f"{time:.0f}" for time in (one.p50, one.p95, one.p99))
            print(
                f"| {what} | {how} | {one.rate:.0f} | {times} | {one.cpu:.1f} | {one.other} | {one.broken} "
                f"| {server.memory():.0f} |",
                flush=True,
            )
    longest = max(one.p95 for (_, how), one in found.items() if how is Load.READING)
    verdict = "met" if longest <= _TARGET else "**missed**"
    print(
        f"\nOf visitors who read, 95 of 100 wait at most {longest:.0f} ms for any kind of page; target "
        f"{_TARGET:.0f} ms: {verdict}. Memory: {before:.0f} MB before, {server.memory():.0f} MB after. Other "
        f"programs, wrk included, used up to {max(one.others for one in found.values()):.0%} of the "
        "processors meanwhile.",
        flush=True,
    )


if __name__ == "__main__":
    main()
