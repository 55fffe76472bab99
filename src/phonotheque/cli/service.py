"""Being a service of systemd: telling it that we are ready, alive, and about to end (sd_notify(3)).

The protocol is a line of text in a datagram. Without $NOTIFY_SOCKET nothing is sent; nothing else differs.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def notify(*lines: str) -> bool:
    """Tell the service manager, such as “READY=1”, “STATUS=…”; False if there is none that listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as there:
        try:
            # "@" stands for the NUL that begins the name of a socket in no folder.
            there.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))
        except OSError:
            return False  # it is told of our work, which does not depend on it
    return True


def one_line(text: str) -> str:
    """Return a text as a STATUS may be: of one line, and short."""
    return " ".join(text.split())[:200]


@contextmanager
def pulse(is_well: Callable[[], bool]) -> Iterator[None]:
    """Tell the watchdog that we are alive, while the block runs and as long as ``is_well`` says so.

    $WATCHDOG_USEC says how often it wants to hear (sd_watchdog_enabled(3)); we tell it twice as often.
    """
    interval = _watched()
    if interval is None:
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(interval):
            if is_well():
                notify("WATCHDOG=1")

    heart = threading.Thread(target=beat, name="watchdog", daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()


def _watched() -> float | None:
    """Return the seconds between signs of life, None where nobody waits for them."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000
