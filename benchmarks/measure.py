"""What a piece of work costs: elapsed time, and processor time of all processes that it started."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds: ``wall`` on the clock, ``cpu`` user and system time summed over all processes and threads.

    ``others`` is the share of all processors that went to other programs meanwhile, which slows both.
    """

    wall: float
    cpu: float
    others: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to do a piece of work. ``prepare`` is run before each round, and not measured."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that its time is counted too.

    Worker processes commonly outlive, for a moment, the program that started them.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the time of worker processes cannot be measured here")


def alternate(contenders: Sequence[Contender], rounds: int) -> dict[str, Cost]:
    """Run all contenders in turns, ``rounds`` times over, and return the medians of their costs by name."""
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            contender.prepare()
            costs[contender.name].append(measure(contender.run))
    return {name: median(measured) for name, measured in costs.items()}


def measure(run: Callable[[], object]) -> Cost:
    """Return what one run costs, in this process and in all that it starts. Nothing else may run here."""
    _wait_for_orphans()
    cpu, worked, start = _used(), busy(), time.perf_counter()
    run()
    wall = time.perf_counter() - start
    _wait_for_orphans()
    cpu = _used() - cpu
    capacity = (os.cpu_count() or 1) * (time.perf_counter() - start)
    return Cost(wall, cpu, max(0.0, busy() - worked - cpu) / capacity)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each part of some costs."""
    return Cost(
        wall=statistics.median(cost.wall for cost in costs),
        cpu=statistics.median(cost.cpu for cost in costs),
        others=statistics.median(cost.others for cost in costs),
    )


def command(*words: object, cwd: Path | None = None, given: bytes = b"") -> Callable[[], object]:
    """Return a run of a program with ``given`` on its stdin; its output is thrown away.

    The run raises CalledProcessError, with what the program said on stderr, if it fails.
    """
    arguments = [os.fspath(word) if isinstance(word, Path) else str(word) for word in words]

    def run() -> None:
        done = subprocess.run(
            arguments,
            cwd=cwd,
            input=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, arguments, stderr=done.stderr[-2000:])

    return run


def _used() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime for usage in (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    )


def busy() -> float:
    """Return the seconds that all processors have worked since the machine was started (proc_stat(5))."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _wait_for_orphans() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
