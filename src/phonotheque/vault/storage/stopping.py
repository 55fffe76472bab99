"""Letting transfers in threads end soon: at their next part, and at their next attempt instead of a pause."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


class StoppedError(Exception):
    """Something else failed, or the user wants no more: this transfer is left where it is."""


@contextmanager
def stoppable(stop: threading.Event) -> Iterator[None]:
    """Let what this thread does in the block end once ``stop`` is set."""
    _here.stop = stop
    try:
        yield
    finally:
        _here.stop = None


def go_on(**_: object) -> None:
    """Raise StoppedError if this thread is to stop. Takes what boto3 tells whoever listens to it."""
    stop: threading.Event | None = getattr(_here, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError
