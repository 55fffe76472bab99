"""The one swarm process of a mirror: started when it is first needed, and again when it was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from phonotheque.mirrors.messages import Removed, Report, SwarmSettings, Trouble
from phonotheque.mirrors.swarm import Swarm, SwarmLostError
from phonotheque.model.progress import Progress
from phonotheque.model.schedule import Limits

_LOSSES = 3  # times the swarm process may be lost before a run gives up
_REMOVAL = 10.0  # seconds for the swarm process to stop serving a bag
_TURN = 0.2  # seconds between looks at the clock


class Keeper:
    """Keeps a swarm process. What was in a lost one is added again by ``again``, which its user sets."""

    def __init__(
        self,
        settings: SwarmSettings,
        progress: Progress,
        *,
        on_listening: Callable[[int, int], None] | None = None,
        on_report: Callable[[Report], None] | None = None,
    ) -> None:
        self.again: Callable[[], None] = lambda: None
        self._settings = settings
        self._limits = settings.limits
        self._progress = progress
        self._on_listening, self._on_report = on_listening, on_report or (lambda _report: None)
        self._swarm: Swarm | None = None
        self._losses = 0

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._swarm is not None

    def add(self, bag: str, torrent: bytes, save_path: str, **options: Any) -> None:
        """Add a bag as :meth:`Swarm.add` does, to a process that is started if there is none."""
        swarm = self._started()
        with suppress(SwarmLostError):  # the next poll sees it, too, and adds the bag to a new process
            swarm.add(bag, torrent, save_path, **options)

    def remove(self, bag: str) -> None:
        """Stop with a bag, soon."""
        if self._swarm:
            with suppress(SwarmLostError):  # the next poll sees it, too
                self._swarm.remove(bag)

    def remove_now(self, bags: Iterable[str]) -> None:
        """Stop with bags; on return nobody is given anything of them, and their files are closed."""
        swarm, going, end = self._swarm, set(bags), time.monotonic() + _REMOVAL
        if swarm is None:
            return
        for bag in going:
            self.remove(bag)
        while going and self._swarm is swarm:
            if time.monotonic() > end:
                swarm.kill()  # the next poll starts another one, which knows nothing of them
            for report in self.poll(_TURN):
                match report:
                    case Removed(bag):
                        going.discard(bag)
                    case Trouble():
                        self.say(report)

    def limit(self, limits: Limits) -> None:
        """Change what transfers may take, now and in processes to come."""
        if limits != self._limits:
            self._limits = limits
            if self._swarm:
                with suppress(SwarmLostError):
                    self._swarm.limit(limits)

    def poll(self, timeout: float) -> list[Report]:
        """Listen to the process; if it was lost, start another one with what is on the disk now."""
        if self._swarm is None:
            return []
        try:
            reports = self._swarm.poll(timeout)
        except SwarmLostError as error:
            self._losses += 1
            if self._losses > _LOSSES:
                raise
            self._progress.say(f"{error.message} It is started again.")
            self._swarm.kill()
            self._swarm = None
            self.again()
            return []
        for report in reports:
            self._on_report(report)
        return reports

    def say(self, report: Trouble) -> None:
        """Tell of something that concerns no bag on its way."""
        self._progress.say(f"{report.bag or 'BitTorrent'}: {report.what}")

    def close(self) -> None:
        """End the process, after it has brought everything to the disk."""
        if self._swarm:
            self._swarm.close()
            self._swarm = None

    def _started(self) -> Swarm:
        if self._swarm is None:
            self._swarm = Swarm(self._settings)
            if self._limits != self._settings.limits:
                self._swarm.limit(self._limits)
            if self._on_listening:
                self._on_listening(self._swarm.port, self._swarm.pid)
        return self._swarm
