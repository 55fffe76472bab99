"""A process that makes pages for a server: ``python -m phonotheque.web.room.worker FD``.

FD is its end of a socket to the server (web.room.frames); on its standard input is what is served. It writes
nothing, renews nothing, and ends when the server does.
"""

from __future__ import annotations

import asyncio
import pickle
import signal
import socket
import sys

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room.answering import work
from phonotheque.web.room.app import pages_alone


def main() -> None:
    """Serve what is on standard input over the socket that the argument names."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the server ends in order, and this with it
        signal.signal(number, signal.SIG_IGN)
    archive, visitors = pickle.load(sys.stdin.buffer)  # noqa: S301  of the process that began this one
    assert isinstance(archive, Archive)
    assert isinstance(visitors, Visitors)
    app = pages_alone(archive, visitors)
    asyncio.run(work(app, socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
