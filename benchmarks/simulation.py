"""python -m benchmarks.simulation: phono simulate at full size, on one core, against its limit."""

from __future__ import annotations

import argparse
import os
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks.adding import PHONO
from benchmarks.measure import command, measure
from benchmarks.results import Figure, print_figures, print_heading

_LIMIT = 60.0  # seconds for 10,000 bags, 1,000 mirrors, 10 years
_SIZES = ((1_000, 100), (10_000, 100), (10_000, 1_000))
_OPTIONS = ("--budget", "4TB", "--years", "10", "--publisher-lost-after", "2", "--json")


def bench_simulation(sizes: tuple[tuple[int, int], ...] = _SIZES) -> None:
    """Measure ten years at several sizes; the last one has the limit."""
    print_heading("simulation", "Ten years in steps of a day, one run each, on one core, start-up included.")
    figures = []
    for bags, mirrors in sizes:
        words = (*PHONO, "simulate", "--bags", bags, "--mirrors", mirrors, *_OPTIONS)
        cost = measure(command(*words))
        memory = getrusage(RUSAGE_CHILDREN).ru_maxrss * 1024  # the largest so far: sizes grow
        what = f"{bags:,} bags × {mirrors:,} mirrors"
        limited = (bags, mirrors) == _SIZES[-1]
        share = f" ({cost.cpu / _LIMIT:.2f} of the limit)" if limited else ""
        figures.append(
            Figure(
                what,
                f"{cost.wall:.1f} s, {cost.cpu:.1f} CPU s{share}, {memory / 1e6:.0f} MB",
                f"≤ {_LIMIT:.0f} CPU s" if limited else "",
                met=not limited or cost.cpu <= _LIMIT,
            )
        )
    print_figures(figures)


def main() -> None:
    """Measure on one core."""
    argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__).parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    bench_simulation()


if __name__ == "__main__":
    main()
