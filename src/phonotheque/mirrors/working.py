"""What a mirror at work has done so far, told by its own thread and read by others: numbers only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from phonotheque.mirrors.messages import Moved, Removed, Report, Trouble
from phonotheque.mirrors.sync import SyncResult


@dataclass(frozen=True, slots=True)
class Worked:
    """How far a mirror is since its start. Sizes in bytes, durations in seconds, moments in Unix time."""

    began: float
    rounds: int = 0
    in_rounds: float = 0.0
    last_round: float | None = None  # how long it took
    last_end: float | None = None
    fetched: int = 0
    uploaded: int = 0  # over BitTorrent
    peers: int = 0  # connections, at the moment
    troubles: int = 0
    result: SyncResult | None = None  # of the last round


class Stop(threading.Event):
    """Asks a mirror to end. Whoever asks whether to end is alive: that is how its silence is known."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since somebody asked last."""
        return time.monotonic() - self._asked

    def is_set(self) -> bool:
        """Whether to end; a sign of life."""
        self._asked = time.monotonic()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; a sign of life."""
        self._asked = time.monotonic()
        return super().wait(timeout)


class Tally:
    """Adds up what a running mirror reports: give :meth:`report` and :meth:`round` to ``sync``."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._rounds, self._in_rounds = 0, 0.0
        self._last_round: float | None = None
        self._last_end: float | None = None
        self._result: SyncResult | None = None
        self._fetched = 0  # in rounds that are over
        self._coming = 0  # from the swarm, in the present one
        self._uploaded = 0
        self._troubles = 0
        self._moved: dict[str, Moved] = {}

    def report(self, report: Report) -> None:
        """Note what the swarm process says."""
        with self._lock:
            match report:
                case Moved():
                    self._note(report)
                case Removed(bag):
                    self._moved.pop(bag, None)
                case Trouble():
                    self._troubles += 1

    def round(self, result: SyncResult) -> None:
        """Note how the mirror stands after a round."""
        with self._lock:
            self._rounds += 1
            self._in_rounds += result.seconds
            self._last_round, self._last_end = result.seconds, self._clock()
            self._fetched += result.fetched
            self._coming = 0
            self._result = result

    def worked(self) -> Worked:
        """Return the sums."""
        with self._lock:
            return Worked(
                self._began,
                self._rounds,
                self._in_rounds,
                self._last_round,
                self._last_end,
                self._fetched + self._coming,
                self._uploaded,
                sum(moved.peers for moved in self._moved.values()),
                self._troubles,
                self._result,
            )

    def _note(self, moved: Moved) -> None:
        before = self._moved.get(moved.bag)
        # A bag's counts begin anew whenever it is added, as to a new process.
        if before is None or moved.uploaded < before.uploaded or moved.downloaded < before.downloaded:
            before = None
        self._uploaded += moved.uploaded - (before.uploaded if before else 0)
        self._coming += moved.downloaded - (before.downloaded if before else 0)
        self._moved[moved.bag] = moved
