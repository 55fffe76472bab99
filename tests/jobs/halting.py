"""Run ``phono`` with every batch of an add held until a file appears: ``python -m tests.jobs.halting …``.

In the folder that is its first argument lies a file for each batch that is held, and for each SIGINT that was
taken; all go on once ``go on`` lies there, too.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType

import pyarrow as pa

from phonotheque.jobs.stopping import Stopping
from phonotheque.sources import spread
from phonotheque.sources.take_in import TakeIn

PROGRAM = "tests.jobs.halting"
GO_ON = "go on"
_THERE = 3  # files in a batch on a cluster
_take_in_batch = spread.take_in_batch


def take_in_when_told(marks: Path, batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Take files in when ``go on`` is there."""
    (marks / f"held {os.getpid()} {time.monotonic_ns()}").touch()
    while not (marks / GO_ON).exists():
        time.sleep(0.005)
    return _take_in_batch(batch)


def main() -> None:
    """Run the command line."""
    from phonotheque.cli.main import main as phono
    from tests.jobs import halting  # by this name workers find it

    marks = Path(sys.argv[1])
    spread.take_in_batch = partial(halting.take_in_when_told, marks)
    spread._THERE = _THERE
    ask = Stopping.ask

    def ask_and_tell(self: Stopping, _number: int, _frame: FrameType | None) -> None:
        (marks / f"asked {time.monotonic_ns()}").touch()
        ask(self, _number, _frame)

    Stopping.ask = ask_and_tell  # type: ignore[method-assign]
    sys.argv[1:2] = []
    phono()


if __name__ == "__main__":
    main()
