"""Processes that make the pages of a server, so that it uses more than one core, and music never waits.

Python computes on one core at a time, in each process. What has to be counted together, limits and quotas,
connections and forms, and what is sent in streams, stays with the server; a page is asked of the worker that
has least to do. A worker that dies, or does not answer, is replaced. Where there is none, a page is made by
the server itself.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import re
import socket
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

from starlette.types import Scope

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room.frames import Frame, answered, asked, read_frame
from phonotheque.web.room.languages import LANGUAGES

EACH: Final = 2  # pages that one makes at a time: one computes while another waits for a disk
_COMMAND: Final = (sys.executable, "-m", "phonotheque.web.room.worker")
_PATIENCE: Final = 60.0  # seconds for a page
_AGAIN: Final = (1.0, 60.0)  # seconds until a worker is replaced: at first, and at most
_END: Final = 5.0  # seconds for a worker to end
_SHARED: Final = re.compile(
    rf"/(?:{'|'.join(LANGUAGES)})/(?!(?:correct|request|staff)(?:/|$)|figures/drawn/|mirror/torrents\.zip$)"
    r"|/api/v1/"
)
_LOST: Final = answered(
    0,
    503,
    [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"60")],
    b"This page could not be made. Try again in a minute.\n",
)
_LOG = logging.getLogger("phonotheque.web")


def is_shared(scope: Scope) -> bool:
    """Whether a worker may answer a request: what it says depends on nothing that only the server has."""
    return scope["method"] in ("GET", "HEAD") and _SHARED.match(scope["path"]) is not None


class Workers:
    """So many processes that make pages of an archive, from when the context is entered until it is left.

    ``ask`` is called in one event loop. A page may take ``patience`` seconds.
    """

    def __init__(
        self,
        archive: Archive,
        visitors: Visitors,
        number: int,
        *,
        command: Sequence[str] = _COMMAND,
        patience: float = _PATIENCE,
    ) -> None:
        self._served = pickle.dumps((replace(archive), visitors))  # without a ledger that is open here
        self._number, self._command, self._patience = number, command, patience
        self._workers: list[_Worker] = []
        self._tasks = set[asyncio.Task[None]]()
        self._places = asyncio.Semaphore(number * EACH)
        self._failed = 0  # one after the other
        self._over = False

    def __enter__(self) -> Workers:
        self._workers = [self._begun() for _ in range(self._number)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        for worker in self._workers:
            worker.connection.close()  # of which each hears; as it would if this process was killed
        for worker in self._workers:
            try:
                worker.process.wait(_END)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    @property
    def ready(self) -> int:
        """How many can be asked now."""
        return sum(worker.is_ready for worker in self._workers)

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """Those that there are now, ready or not."""
        return [worker.process for worker in self._workers]

    async def ask(self, scope: Scope) -> Frame | None:
        """Return an answer; None where nobody is ready, and the server has to make it."""
        self._listen()
        async with self._places:
            for _attempt in range(2):
                ready = [worker for worker in self._workers if worker.is_ready]
                if not ready:
                    return None
                worker = min(ready, key=lambda one: len(one.waiting))
                if (answer := await worker.ask(scope, self._patience)) is not None:
                    self._failed = 0
                    return answer
        return _LOST  # what has ended two workers is not tried here

    def _begun(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin:  # if it died, that is seen when it is listened to
            process.stdin.write(self._served)
        ours.setblocking(False)
        return _Worker(process, ours)

    def _listen(self) -> None:
        """Begin to hear the workers that are new: what they said meanwhile waits in their sockets."""
        for worker in self._workers:
            if not worker.is_heard:
                worker.is_heard = True
                self._do(self._hear(worker))

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, worker: _Worker) -> None:
        await worker.hear()
        if self._over:
            return
        self._workers.remove(worker)
        worker.process.kill()  # it may only have closed its socket
        code = await asyncio.to_thread(worker.process.wait)
        first, most = _AGAIN
        wait = min(most, first * 2**self._failed)
        self._failed = min(self._failed + 1, 10)
        _LOG.error("A process that makes pages ended (%d). Another one begins in %.0f s.", code, wait)
        await asyncio.sleep(wait)
        if not self._over:
            self._workers.append(self._begun())
            self._listen()


class _Worker:
    """A process, and the server's end of the socket to it."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self.process, self.connection = process, connection
        self.is_heard = self.is_ready = False
        self.waiting: dict[int, asyncio.Future[Frame | None]] = {}  # by the numbers of what was asked
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0

    async def ask(self, scope: Scope, patience: float) -> Frame | None:
        """Return its answer, None if it is lost, or did not come in so many seconds."""
        assert self._writer is not None
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        self.waiting[number] = answer
        self._writer.write(asked(number, scope).packed())
        try:
            return await asyncio.wait_for(answer, patience)
        except TimeoutError:
            _LOG.error("%.200s took more than %.0f s; its process is ended.", scope["path"], patience)
            self.is_ready = False
            self.process.kill()
            return None
        finally:
            self.waiting.pop(number, None)

    async def hear(self) -> None:
        """Hand on what it says until it is gone."""
        reader, self._writer = await asyncio.open_connection(sock=self.connection)
        try:
            while (frame := await read_frame(reader)) is not None:
                self._said(frame)
        finally:
            self.is_ready = False
            self._writer.close()
            for waits in self.waiting.values():
                if not waits.done():
                    waits.set_result(None)

    def _said(self, frame: Frame) -> None:
        told = frame.told
        if "number" in told:
            waits = self.waiting.get(told["number"])
            if waits is not None and not waits.done():
                waits.set_result(frame)
        elif "ready" in told:
            self.is_ready = True
        else:
            logging.getLogger(told["logger"]).log(told["level"], "%s", told["message"])
