"""Limits on what one item may use, so that a hostile file can stall nothing for ever."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def processor_time(seconds: int) -> Iterator[None]:
    """End this process if the block uses more than ``seconds`` of processor time (setrlimit(2), SIGXCPU).

    Meant for workers: a process that ends so counts as killed by the item it worked on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = math.ceil(time.process_time()) + seconds
    bounds = [limit, *(bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_CPU, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
