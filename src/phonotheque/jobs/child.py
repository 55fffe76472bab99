"""A worker process: it does one piece of work at a time, and may die of it.

Started and spoken to here rather than by ``multiprocessing``: so it can be started inside a cluster's worker,
too, whose processes may have no such children; how it died is known; and it can be ended when nobody waits
for it.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_IDLE: Final = 60.0  # seconds after which a worker that is given nothing ends by itself
_RUN: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from phonotheque.jobs.child import serve; serve(int(sys.argv[1]))"
)
_ENDS: Final = {
    signal.SIGXCPU: "it used up the processor time allowed",
    signal.SIGKILL: "it was killed (SIGKILL), perhaps for want of memory",
}


class WorkerDied(BrokenExecutor):
    """A worker process ended before it had a result. ``how`` says how it ended, for people."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Child:
    """One worker process, replaced by a new one whenever it has ended. One thread at a time may call it.

    ``without`` names variables of the environment that it is not to have.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self._without = without
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Connection | None = None
        self._used = 0.0
        self._stopped = False
        self._changing = threading.Lock()

    def call(self, work: Callable[[list[Item]], Result], chunk: list[Item]) -> Result:
        """Return ``work(chunk)`` as the process computed it; raise what it raised, or WorkerDied.

        ``work`` and all classes in play must be found by their names in the process, as pickle does.
        """
        link = self._ready()
        try:
            link.send_bytes(pickle.dumps((work, chunk), pickle.HIGHEST_PROTOCOL))
            answer = link.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._death() from error
        self._used = time.monotonic()
        done, value = pickle.loads(answer)  # noqa: S301 - from our own process
        if not done:
            raise value
        result: Result = value
        return result

    def stop(self) -> None:
        """End the process now, whatever it does; what is being called raises WorkerDied."""
        with self._changing:
            self._stopped = True
            self._end()

    def _ready(self) -> Connection:
        with self._changing:
            if self._stopped:
                raise WorkerDied("it was stopped")
            fresh = time.monotonic() - self._used < _IDLE / 2  # else it may be about to end
            if self._link is None or self._process is None or self._process.poll() is not None or not fresh:
                self._end()
                self._process, self._link = _start(self._without)
                self._used = time.monotonic()
            return self._link

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._link is not None:
            self._link.close()
        self._process = self._link = None

    def _death(self) -> WorkerDied:
        with self._changing:
            if self._process is None:
                return WorkerDied("it was stopped")
            status = self._process.wait()
            self._end()
        if status >= 0:
            return WorkerDied(f"it ended by itself, with status {status}")
        return WorkerDied(_ENDS.get(signal.Signals(-status), f"it ended by {signal.Signals(-status).name}"))


def serve(descriptor: int) -> None:
    """Do what is asked through a socket, until its other end is closed. The main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what to finish
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    link = Connection(descriptor)
    with ThreadPoolExecutor(1) as thread:
        while link.poll(_IDLE):
            try:
                asked = link.recv_bytes()
            except (EOFError, ConnectionResetError):
                return
            future = thread.submit(_answer, asked)
            error = future.exception()
            link.send_bytes(future.result() if error is None else _failure(error))


def _start(without: Collection[str]) -> tuple[subprocess.Popen[bytes], Connection]:
    ours, theirs = socket.socketpair()
    with theirs:
        descriptor = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUN, str(descriptor), json.dumps(sys.path)],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a library prints is no data of ours
            start_new_session=True,  # Ctrl-C is for the parent, also while the interpreter starts
            env={name: value for name, value in os.environ.items() if name not in without},
        )
    return process, Connection(ours.detach())


def _answer(asked: bytes) -> bytes:
    work, chunk = pickle.loads(asked)  # noqa: S301 - from our own parent
    return pickle.dumps((True, work(chunk)), pickle.HIGHEST_PROTOCOL)


def _failure(error: BaseException) -> bytes:
    try:
        return pickle.dumps((False, error), pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError):
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with_parent(descriptor: int) -> None:
    # A worker whose parent was killed would still be writing when the next run has begun.
    poll = select.poll()
    poll.register(descriptor, 0)  # hang-up is always reported
    poll.poll()
    os._exit(1)
