"""Guessing slowed down: after a few attempts to log in, each has to wait longer than the one before.

That is counted for each account, whether there is one of that name or not, and for each address. It lives in
the server's memory.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_FREE: Final = 4  # attempts without waiting
_MOST_FOR_ACCOUNT: Final = 60.0  # seconds: not more, lest strangers keep somebody out
_MOST_FOR_ADDRESS: Final = 900.0
_FORGOTTEN: Final = 3600.0  # seconds after the last attempt
_REMEMBERED: Final = 20_000


class Attempts:
    """Who tried to log in, how often in vain, and when last. An address "" is not counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def begin(self, account: str, address: str) -> float:
        """Count an attempt and return 0; or, without counting, for how many seconds there may be none yet."""
        at = self._clock()
        keys = [("account", account, _MOST_FOR_ACCOUNT)]
        if address:
            keys.append(("address", address, _MOST_FOR_ADDRESS))
        with self._lock:
            waits = [self._wait((kind, who), most, at) for kind, who, most in keys]
            if max(waits) > 0:
                return max(waits)
            for kind, who, _most in keys:  # before it is known: many at once count as many
                tried, _last = self._tried.pop((kind, who), (0, at))
                self._tried[kind, who] = (tried + 1, at)
            while len(self._tried) > _REMEMBERED:
                self._tried.popitem(last=False)
        return 0.0

    def succeeded(self, account: str, address: str) -> None:
        """Forget what was in vain before."""
        with self._lock:
            self._tried.pop(("account", account), None)
            self._tried.pop(("address", address), None)

    def _wait(self, key: tuple[str, str], most: float, at: float) -> float:
        tried, last = self._tried.get(key, (0, at))
        if at - last > _FORGOTTEN:
            del self._tried[key]
            return 0.0
        if tried < _FREE:
            return 0.0
        return max(0.0, last + min(most, 2.0 ** min(tried - _FREE + 1, 20)) - at)
