"""The last answers, kept: many type the same first letters."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

_SLOW: Final = 0.5  # seconds; what took longer may have been cut short

Answer = TypeVar("Answer")


class Answers(Generic[Answer]):
    """The last ``most`` answers by what was asked, for any number of threads; ``fits``: which are kept."""

    def __init__(self, most: int, fits: Callable[[Answer], bool] = lambda _: True) -> None:
        self._most, self._fits = most, fits
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()

    def get(self, asked: Hashable, answer: Callable[[], Answer]) -> Answer:
        """Return what was answered before, else what ``answer`` does."""
        with self._lock:
            if asked in self._kept:
                self._kept.move_to_end(asked)
                return self._kept[asked]
        began = time.monotonic()
        found = answer()
        if time.monotonic() - began < _SLOW and self._fits(found):
            with self._lock:
                self._kept[asked] = found
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return found
