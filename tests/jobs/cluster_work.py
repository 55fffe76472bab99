"""Work for the tests of a cluster: a module of its own, so that workers can import it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa

from phonotheque.sources.spread import take_in_batch
from phonotheque.sources.take_in import TakeIn

HELD = ".held-"  # a mark: the worker with this number waits to be killed


def workers(batch: list[int]) -> list[int]:
    """Return the cluster's own worker, whose child this is."""
    return [os.getppid() for _ in batch]


def worker_and_child_have(names: list[str]) -> list[tuple[bool, bool]]:
    """Say of variables of the environment whether the cluster's own worker has them, and its child."""
    its = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    return [(any(one.startswith(name.encode() + b"=") for one in its), name in os.environ) for name in names]


def wait_to_be_killed(batch: list[tuple[Path, int]]) -> list[int]:
    """Wait the first time, until the worker is killed; the second time do it."""
    for folder, number in batch:
        hold(folder, str(number))
    return [number for _, number in batch]


def take_in_haltingly(batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Take files in, and tell nobody of some, until the worker is killed."""
    done = take_in_batch(batch)
    for task in batch:
        name = Path(os.fsdecode(task.found.path))
        if name.stem.endswith("5"):
            hold(task.incoming.parent, name.name)
    return done


def hold(folder: Path, name: str) -> None:
    mark = folder / f"{HELD}{name}"
    if not mark.exists():
        draft = folder / f"draft-{name}"
        draft.write_text(str(os.getppid()))
        draft.rename(mark)
        signal.pause()


def poison(batch: list[int]) -> list[int]:
    """End by every negative number, as a decoder does that writes where it must not."""
    for number in batch:
        if number < 0:
            os.kill(os.getpid(), signal.SIGSEGV)
    return workers(batch)
