"""Which processes there are, for tests."""

from __future__ import annotations

import os
from pathlib import Path


def children(parent: int | None = None) -> set[int]:
    """Return the processes that this one (or ``parent``) started and that have not ended."""
    wanted = str(parent or os.getpid())
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _fields(folder)
            if fields and fields[1] == wanted and fields[0] != "Z":
                found.add(int(folder.name))
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    fields = _fields(Path("/proc") / str(pid))
    return not fields or fields[0] == "Z"


def _fields(folder: Path) -> list[str]:
    """Return state, parent, …; nothing if the process is gone (proc_pid_stat(5))."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
