"""Reading from somebody who may send a byte a minute, for ever: what comes too slowly is given up.

A time limit between two bytes, which sockets have, does not end that. So the reading is done in a thread of
its own, and the one who waits counts the time, and then breaks the connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from urllib.parse import urlsplit

from phonotheque.model.errors import NetworkError, PhonothequeError

_PIECE = 64 * 1024  # bytes for which the time limit is given once more
_AHEAD = 4  # chunks that are read before they are asked for
_GIVEN_UP = 8  # readings from one server that may hang at a time before nothing more is begun there
_TURN = 0.2  # seconds between looks at whether anybody still wants it

_hanging: dict[str, set[threading.Thread]] = {}
_own = threading.local()  # the reading that is done in this thread


class _End:
    """What stands in the queue after the last chunk; ``error`` says why there is no more, if not all came."""

    def __init__(self, error: PhonothequeError | None) -> None:
        self.error = error


class _Reading:
    """What its thread reads, and how that is ended by the one who waits."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self._lock = threading.Lock()
        self._break: Callable[[], None] | None = None

    def breakable_by(self, end: Callable[[], None] | None) -> None:
        with self._lock:
            self._break = end
        if self.gone.is_set():
            self.give_up()

    def give_up(self) -> None:
        self.gone.set()
        with self._lock:
            if self._break is not None:
                with suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
                    self._break()
                self._break = None


@contextmanager
def breakable(end: Callable[[], None]) -> Iterator[None]:
    """Let who waits for what is read here break it off by ``end``, called in another thread."""
    reading: _Reading | None = getattr(_own, "reading", None)
    if reading is None:
        yield
        return
    reading.breakable_by(end)
    try:
        yield
    finally:
        reading.breakable_by(None)


def paced(read: Callable[[], Iterator[bytes]], what: str, limit: float) -> Iterator[bytes]:
    """Yield what ``read`` yields, allowing ``limit`` seconds to begin, and as much again for each 64 KiB.

    Raises NetworkError naming ``what``, an address, when that is not enough, and at once when several
    readings of that server, which were given up, are still hanging. Time in which nobody asks for the next
    chunk is not counted.
    """
    chunks: Queue[bytes | _End] = Queue(_AHEAD)
    reading, server = _Reading(), urlsplit(what).netloc
    hanging = {thread for thread in _hanging.pop(server, set()) if thread.is_alive()}
    if hanging:
        _hanging[server] = hanging
    if len(hanging) >= _GIVEN_UP:
        raise NetworkError(f"{what} is not asked for: {len(hanging)} readings hang.", "Try again later.")
    thread = threading.Thread(target=_read, args=(read, chunks, reading, what), daemon=True)
    thread.start()
    got, waited = 0, 0.0
    try:
        while True:
            begun = time.monotonic()
            try:
                chunk = chunks.get(timeout=max(0.0, limit * (1 + got / _PIECE) - waited))
            except Empty:
                _hanging.setdefault(server, set()).add(thread)
                raise NetworkError(
                    f"{what} comes too slowly: {got} bytes in {waited + time.monotonic() - begun:.0f} s.",
                    "Run it again: what is verified is kept. Or try another origin.",
                ) from None
            waited += time.monotonic() - begun
            if isinstance(chunk, _End):
                if chunk.error is not None:
                    raise chunk.error
                return
            got += len(chunk)
            yield chunk
    finally:
        reading.give_up()


def _read(
    read: Callable[[], Iterator[bytes]], chunks: Queue[bytes | _End], reading: _Reading, what: str
) -> None:
    _own.reading, gone = reading, reading.gone
    end = _End(NetworkError(f"{what} was broken off.", "Run it again: what is verified is kept."))
    source = read()
    try:
        for chunk in source:
            if not _put(chunks, chunk, gone):
                return
        end = _End(None)
    except PhonothequeError as error:
        end = _End(error)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
        _put(chunks, end, gone)


def _put(chunks: Queue[bytes | _End], item: bytes | _End, gone: threading.Event) -> bool:
    """Put something into the queue unless nobody waits for it any more; tell whether it was put."""
    while not gone.is_set():
        try:
            chunks.put(item, timeout=_TURN)
        except Full:
            continue
        return True
    return False
