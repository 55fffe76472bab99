"""Being the only process that makes what lies in a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phonotheque.model.errors import BusyError


@contextmanager
def alone(folder: Path, busy: str, advice: str) -> Iterator[None]:
    """Hold the lock on a folder, made if need be. Raises BusyError, in these words, while another does.

    The lock ends with the process, however it ends (flock(2)).
    """
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(busy, advice) from None
        yield
    finally:
        os.close(descriptor)
