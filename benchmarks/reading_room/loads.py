"""Many visitors at once, by wrk: as fast as they can, or reading between two pages."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from benchmarks.measure import busy
from benchmarks.reading_room.servers import Server

_VISITORS: Final = 50
_SCRIPT: Final = Path(__file__).with_name("visitors.lua")


class Load(StrEnum):
    """How they ask. Who reads does so for a second between two pages, half a second more or less."""

    CLOSED = "50 connections, at once again"
    READING = "50 visitors who read 1 s"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: answers a second, ms until 50, 95 and 99 of 100 were there, ms of processor time each.

    Times are infinite where no answer came. ``other``: answers that were not 200; ``broken``: requests with
    no answer; ``others``: the share of all processors that other programs took, wrk among them.
    """

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float
    other: int
    broken: int
    others: float


def load(server: Server, paths: Sequence[str], how: Load, seconds: int) -> Loaded:
    """Let all visitors ask for addresses in turn, for so many seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(paths))
        listed.flush()
        words = ["wrk", "--threads", "1", "--connections", str(_VISITORS), "--duration", f"{seconds}s"]
        words += ["--timeout", "30s", "--script", str(_SCRIPT), server.url, "--", listed.name]
        words += ["1000"] if how is Load.READING else ["0"]
        start, worked, used = time.perf_counter(), busy(), server.used()
        said = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout
        used = server.used() - used
        capacity = (os.cpu_count() or 1) * (time.perf_counter() - start)
        others = (busy() - worked - used) / capacity
    told = json.loads(said.splitlines()[-1])
    if not told["answers"]:
        return Loaded(0, math.inf, math.inf, math.inf, math.inf, 0, told["broken"], max(0.0, others))
    return Loaded(
        rate=told["answers"] / told["seconds"],
        p50=told["p50"],
        p95=told["p95"],
        p99=told["p99"],
        cpu=1000 * used / told["answers"],
        other=told["other"],
        broken=told["broken"],
        others=max(0.0, others),
    )
