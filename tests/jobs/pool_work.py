"""Work for the tests of the pool: a module of its own, so that workers can import it."""

from __future__ import annotations

import os
import threading

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
    return batch
