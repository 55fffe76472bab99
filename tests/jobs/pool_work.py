"""Work for the tests of the pool: a module of its own, so that workers can import it."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

POISON = -1
LATE_POISON = -2
BROKEN = -3
SPINNING = -4


def double(batch: list[int]) -> list[int]:
    for item in batch:
        if item == POISON:
            os._exit(1)
        if item == LATE_POISON:  # what it leaves behind ends the process soon after its result is given back
            threading.Timer(0.01, os._exit, (1,)).start()
        if item == BROKEN:
            raise ValueError("broken item")
    return [2 * item for item in batch]


def process(batch: list[int]) -> list[int]:
    return [os.getpid() for _ in batch]


def spin(batch: list[int]) -> list[int]:
    from phonotheque.jobs.limits import processor_time

    with processor_time(1):
        while SPINNING in batch:
            pass
    for item in batch:
        if item < SPINNING:
            os.kill(os.getpid(), -item)
    return batch


def hold(batch: list[tuple[Path, str]]) -> list[str]:
    """Play a part: kill the worker, or wait until another one has been killed twice, or for ever."""
    ((folder, part),) = batch
    if part == "killer":
        _until(folder / "began")
        kills = len(list(folder.glob("killed*")))
        (folder / f"killed{kills}").touch()
        os._exit(1)
    if part == "holder":
        (folder / f"began{os.getpid() if (folder / 'began').exists() else ''}").touch()
        _until(folder / "killed1")
        return ["held"]
    if part == "never":
        (folder / "writing").write_text(str(os.getpid()))
        (folder / "writing").rename(folder / "never")
        signal.pause()
    _until(folder / "never")
    return [part]


def _until(path: Path) -> None:
    while not path.exists():
        os.sched_yield()


def speak(batch: list[str]) -> list[str]:
    print(*batch, flush=True)
    return batch


def unspeakable(batch: list[int]) -> list[int]:
    class UnspeakableError(Exception):
        pass

    raise UnspeakableError("no words")
