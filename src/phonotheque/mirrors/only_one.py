"""One ``phono mirror`` on a folder at a time, from its start to its end.

The archive's lock is held for a round only, so that checks and repairs get their turn. Two that serve one
folder would undo each other's work: one would go on giving what the other has erased.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phonotheque.model.errors import BusyError
from phonotheque.vault.archive import SETTINGS_FILE

_LOCK = ".mirror.lock"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the one that works on a mirror's folder. Raises BusyError naming the process that does already.

    The lock ends with the process, however it ends.
    """
    with (folder / _LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            process = lock.read().strip()
            raise BusyError(
                f"{folder} is being mirrored already"
                + (f", by process {process}." if process else ", by another process."),
                "Stop that one first, then run this again; what it did so far is kept. "
                "If systemd runs it: systemctl stop, and start it afterwards.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def check_only_one(folder: Path) -> None:
    """Raise BusyError if another process mirrors into this folder, before anything in it is changed."""
    if (folder / SETTINGS_FILE).exists():
        with only_one(folder):
            pass
