"""Reading from somebody who may send a byte a minute, for ever: what comes too slowly is given up.

A time limit between two bytes, which sockets have, does not end that. So the reading is done in a thread of
its own, and the one who waits counts the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue

from phonotheque.model.errors import NetworkError, PhonothequeError

_PIECE = 64 * 1024  # bytes for which the time limit is given once more
_AHEAD = 4  # chunks that are read before they are asked for
_GIVEN_UP = 8  # readings that may hang at a time before nothing more is begun
_TURN = 0.2  # seconds between looks at whether anybody still wants it

_hanging: set[threading.Thread] = set()


class _End:
    """What stands in the queue after the last chunk; ``error`` says why there is no more, if not all came."""

    def __init__(self, error: PhonothequeError | None) -> None:
        self.error = error


def paced(read: Callable[[], Iterator[bytes]], what: str, limit: float) -> Iterator[bytes]:
    """Yield what ``read`` yields, allowing ``limit`` seconds to begin, and as much again for each 64 KiB.

    Raises NetworkError naming ``what`` when that is not enough, and at once when several readings that were
    given up are still hanging. Time in which nobody asks for the next chunk is not counted.
    """
    chunks: Queue[bytes | _End] = Queue(_AHEAD)
    gone = threading.Event()
    _hanging.intersection_update([thread for thread in list(_hanging) if thread.is_alive()])
    if len(_hanging) >= _GIVEN_UP:
        raise NetworkError(f"{what} is not asked for: {len(_hanging)} readings hang.", "Try again later.")
    thread = threading.Thread(target=_read, args=(read, chunks, gone, what), daemon=True)
    thread.start()
    got, waited = 0, 0.0
    try:
        while True:
            begun = time.monotonic()
            try:
                chunk = chunks.get(timeout=max(0.0, limit * (1 + got / _PIECE) - waited))
            except Empty:
                _hanging.add(thread)
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
        gone.set()


def _read(
    read: Callable[[], Iterator[bytes]], chunks: Queue[bytes | _End], gone: threading.Event, what: str
) -> None:
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
