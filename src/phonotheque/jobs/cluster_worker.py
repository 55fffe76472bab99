"""What a cluster's worker does: find what it needs, then give the work to a process of its own.

So a file that makes a decoder crash ends that process and not the worker, which others may be using; and a
worker that is lost says nothing against the file it had.
"""

from __future__ import annotations

import atexit
import os
import platform
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from phonotheque.jobs.child import Child
from phonotheque.model.errors import UsageError

# Dask's nannies set it for their workers, so that memory is given back at once (mallopt(3)). Here each buffer
# of a decoder would be given back and asked for again: a fifth more time.
_NOT_OURS: Final = ("MALLOC_TRIM_THRESHOLD_",)

_own = threading.local()
_met: set[str] = set()


@dataclass(frozen=True, slots=True)
class Meeting:
    """What every worker must find under the same name: a file with ``word`` in it, and folders to read."""

    token: Path
    word: str
    inode: int
    folders: tuple[Path, ...]


def work_there(meeting: Meeting, work: Callable[[list[Any]], Any], chunk: list[Any]) -> Any:
    """Return ``work(chunk)``, done by a process of this thread; raise what it raised, or WorkerDied."""
    meet(meeting)
    if not hasattr(_own, "child"):
        _own.child = Child(without=_NOT_OURS)
        atexit.register(_own.child.stop)
    child: Child = _own.child
    return child.call(work, chunk)


def meet(meeting: Meeting) -> None:
    """Make sure, once, that this process sees and may write what it has to. Raises UsageError."""
    if meeting.word in _met:
        return
    here = f"The worker on {platform.node()}"
    folder = meeting.token.parent
    try:
        seen = meeting.token.read_text(encoding="ascii") == meeting.word
    except OSError as error:
        raise _unseen(f"{here} does not see {folder} ({error.strerror})") from error
    if not seen:
        raise _unseen(f"{here} sees another {folder}")
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"phonotheque")
    except OSError as error:
        advice = "Run the workers as the user that owns the archive, or give theirs the right to write there."
        raise UsageError(f"{here} cannot write to {folder}: {error.strerror}.", advice) from error
    for path in meeting.folders:
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            raise _unseen(f"{here} does not see {path}, or may not read it")
    if meeting.token.stat().st_ino != meeting.inode:
        raise _unseen(f"{here} sees the files of {folder} under other inode numbers")
    _met.add(meeting.word)


def _unseen(problem: str) -> UsageError:
    advice = (
        "The archive and what is added must lie under the same path on all machines, as with NFS: "
        "docs/how-to/work-on-a-cluster.md."
    )
    return UsageError(f"{problem}.", advice)
