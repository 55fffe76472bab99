"""Ending what runs for long: the first Ctrl-C or SIGTERM asks it to end in good order, the second ends it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from phonotheque.cli.common import messages

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_well(stop: threading.Event, say: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Set ``stop`` at the first signal, after which ``say`` is told which; at the second, end the process.

    That is as a kill: what was verified is on the disk, and processes that we have started end with us. A
    thread does it, as a handler might come while a lock is held that it needs.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    listener = threading.Thread(target=_listen, args=(ours, stop, say), name="signals", daemon=True)
    listener.start()
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in _SIGNALS}
    woken = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()
        listener.join()
        ours.close()


def _listen(ours: socket.socket, stop: threading.Event, say: Callable[[signal.Signals], None]) -> None:
    asked = False
    while heard := ours.recv(1):
        if heard[0] not in _SIGNALS:
            continue
        if asked:
            messages.show_cursor()
            os._exit(128 + heard[0])
        asked = True
        stop.set()
        say(signal.Signals(heard[0]))
