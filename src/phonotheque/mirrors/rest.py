"""How long a mirror leaves an origin alone that does not answer, and why not all mirrors come at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

_LONGEST = 6 * 3600.0  # seconds; an origin that is back is found again on the same day
_SPREAD = 0.25  # of the time, to either side


@dataclass(slots=True)
class Rest:
    """Looks at an origin every so many seconds; after each one in a row that fails, twice as many.

    ``chance`` (0 to 1) spreads the looks of many mirrors, which may all have begun, or failed, together.
    """

    every: float
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    until: float = 0.0

    def spread(self, seconds: float) -> float:
        """Return a time near this one."""
        return seconds * (1 + _SPREAD * (2 * self.chance() - 1))

    def failed(self) -> None:
        """Nothing is to be asked of the origin for a while."""
        self.failures += 1
        longest = max(self.every, _LONGEST)
        self.until = self.clock() + self.spread(min(self.every * 2.0 ** min(self.failures, 30), longest))

    def answered(self) -> None:
        """The origin is there."""
        self.failures, self.until = 0, 0.0

    @property
    def over(self) -> bool:
        """Whether it may be asked."""
        return self.clock() >= self.until
