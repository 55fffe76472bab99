"""Run ``phono`` and end it, or let its disk be full, at its Nth step that changes the disk.

``python -m tests.endtoend.stepping count phono-arguments…`` says on standard error how many steps there are,
and how many of them need room. ``kill:N`` ends the process with SIGKILL before step N. ``full:N`` lets the
Nth step that needs room, and all later ones, fail as on a full disk. Steps are those of the command's own
process: creating, writing, renaming, linking, removing, fsync, and the ledger's commits.
"""

from __future__ import annotations

import os
import signal
import sys
from errno import ENOSPC
from typing import Any

from sqlalchemy import Connection, Engine, event

_CHANGES = frozenset(
    {"os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}
)
_NEED_ROOM = frozenset({"os.rename", "os.link", "os.symlink", "os.mkdir", "open"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
SAYS = "steps: "


class Steps:
    """Counts the steps of this process that change the disk, and does at one of them what was asked for."""

    def __init__(self, what: str) -> None:
        kind, _, number = what.partition(":")
        self.kind = kind
        self.last = int(number or 0)
        self.count = 0
        self.needing_room = 0

    def take(self, name: str, where: object = None) -> None:
        """Count a step, and do at it what was asked for."""
        self.count += 1
        self.needing_room += name in _NEED_ROOM
        if self.kind == "kill" and self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "full" and self.needing_room >= self.last and name in _NEED_ROOM:
            raise OSError(ENOSPC, os.strerror(ENOSPC), where)

    def watch(self) -> None:
        """Begin. There is no end to it but that of the process."""
        real_fsync = os.fsync

        def fsync(fd: Any) -> None:
            self.take("fsync")
            real_fsync(fd)

        @event.listens_for(Engine, "commit")
        def commit(_connection: Connection) -> None:
            self.take("commit")

        os.fsync = fsync
        sys.addaudithook(self.heard)

    def heard(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Hear of everything the interpreter does (sys.addaudithook)."""
        if name in _CHANGES or (name == "open" and _writes(*arguments)):
            self.take(name, arguments[0])


def _writes(path: object, _mode: object, flags: object) -> bool:
    if isinstance(path, int) or str(path).startswith(("/dev/", "/proc/")):
        return False
    return isinstance(flags, int) and bool(flags & _WRITING)


def main() -> None:
    """Run the command line with steps counted."""
    from phonotheque.cli.main import main as phono

    steps = Steps(sys.argv[1])
    sys.argv[1:2] = []
    steps.watch()
    try:
        phono()
    finally:
        if steps.kind == "count":
            print(f"{SAYS}{steps.count} {steps.needing_room}", file=sys.stderr)


if __name__ == "__main__":
    main()
