"""Long looks into an edition's index, one after the other in a thread; what they found is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final

from phonotheque.model.errors import BusyError, PhonothequeError

_WAIT: Final = 2.0  # seconds that a visitor waits for an answer before being told to come again
_KEPT: Final = 200  # answers
_WAITING: Final = 8  # looks that are not over


class Seeking:
    """Looks at what takes long, for all threads that answer."""

    def __init__(self, wait: float = _WAIT) -> None:
        self._wait = wait
        self._lock = threading.Lock()
        self._one = threading.Lock()  # one at a time reads the index
        self._found: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def find(self, key: Hashable, work: Callable[[], Any]) -> Any | None:
        """Return what ``work`` found, now or before; None while it is not done yet.

        Raises what it raised, once, and BusyError while too many looks wait.
        """
        with self._lock:
            found = self._found.get(key)
            if found is None:
                found = self._begin(key, work)
        try:
            return found.result(self._wait)
        except TimeoutError:
            if found.done():  # the work itself timed out
                raise
            return None
        finally:
            if found.cancelled() or (found.done() and found.exception() is not None):
                with self._lock:
                    self._found.pop(key, None)

    def _begin(self, key: Hashable, work: Callable[[], Any]) -> Future[Any]:
        if sum(not one.done() for one in self._found.values()) >= _WAITING:
            raise BusyError("Too much is being looked for just now.", "Try again in a minute.")
        found = self._found[key] = Future()
        over = max(0, len(self._found) - _KEPT)
        for old in [known for known, one in self._found.items() if one.done()][:over]:
            del self._found[old]

        def look() -> None:
            with self._one:
                try:
                    found.set_result(work())
                except (PhonothequeError, OSError) as error:
                    found.set_exception(error)
                finally:
                    found.cancel()  # of an error that nobody expects: nobody waits for ever

        threading.Thread(target=look, name="looking into an index", daemon=True).start()
        return found
