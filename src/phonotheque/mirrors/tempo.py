"""How much a mirror may transfer at the moment: its usual limits, and those of its schedule."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from phonotheque.model.schedule import Limits, Schedule
from phonotheque.vault.archive import now

_SLICE = 0.2  # seconds between looks at whether to stop


@dataclass(frozen=True, slots=True)
class Tempo:
    """Limits by the hour. ``clock`` gives a moment with its time zone; rules go by the machine's own."""

    usual: Limits = field(default_factory=Limits)
    schedule: Schedule = field(default_factory=Schedule)
    clock: Callable[[], datetime] = now

    def limits(self) -> Limits:
        """Return what holds now."""
        return self.schedule.limits(self.clock().astimezone(), self.usual)

    def resumes(self) -> str:
        """Return in words when transfers go on, if they pause."""
        moment = self.schedule.resumes(self.clock().astimezone(), self.usual)
        return f"until {moment:%A %H:%M}" if moment else "for good: no rule of the schedule lets them go on"


class Throttle:
    """Keeps what is fetched straight from an origin to a rate, 0 for none, in bytes a second.

    ``wait`` waits some seconds and returns whether to stop, as an Event's does.
    """

    def __init__(
        self, wait: Callable[[float], bool], *, rate: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self._wait = wait
        self._clock = clock
        self._free_at = 0.0

    def take(self, size: int) -> None:
        """Count bytes that came, and wait until the next may."""
        if not self.rate:
            return
        self._free_at = max(self._free_at, self._clock()) + size / self.rate
        while (left := self._free_at - self._clock()) > 0:
            if self._wait(min(left, _SLICE)):
                return
