"""python -m benchmarks.only_adding ARCHIVE FOLDER [CLUSTER]: add, without a catalogue, telling of its memory.

Prints a line of JSON for every thousand files: how many, and the bytes of this process and of its workers.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from phonotheque.model.settings import JobsSettings
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import open_archive

_NOTED: Final = 1000


class _Looking:
    """Progress that looks at memory now and then."""

    def __init__(self) -> None:
        self._files = 0

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        pass

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        before, self._files = self._files, self._files + files
        if before // _NOTED != self._files // _NOTED:
            workers = sum(resident(child) for child in _children())
            told = {"files": self._files, "main": resident(os.getpid()), "workers": workers}
            print(json.dumps(told), flush=True)

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def say(self, message: str) -> None:
        pass


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has to itself or shares (VmRSS, proc_pid_status(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def main() -> None:
    """Add the folder."""
    archive_folder, folder, *cluster = sys.argv[1:]
    archive = open_archive(Path(archive_folder))
    if cluster:
        archive = replace(archive, settings=replace(archive.settings, jobs=JobsSettings(cluster[0])))
    with archive.writing("add"):
        add_folder(archive, Path(folder), progress=_Looking())


if __name__ == "__main__":
    main()
