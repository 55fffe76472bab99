"""Which of many bags are offered to peers now: a bounded number, in turns that leave none waiting for ever.

At each change, half of the places go to the bags that have waited longest. They take those of bags that
nobody asked for since the last change, then of those of which most other seeds are known, then of those that
have been offered longest. What is asked for keeps its place, in the other half.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice


@dataclass(slots=True)
class _Offered:
    since: float
    uploaded: int = 0  # bytes since it was added, as reported last
    uploaded_before: int = 0  # at the last change
    peers: int = 0
    seeds: int = 0

    def worth(self) -> tuple[bool, int, float]:
        """Return how much it is to be kept: the larger, the more."""
        asked_for = self.uploaded > self.uploaded_before or self.peers > 0
        return asked_for, -self.seeds, self.since


class Turns:
    """The bags held, those of them that are offered, and whose turn is next. Times in seconds."""

    def __init__(self, places: int, turn: float) -> None:
        self._places = places
        self._turn = turn
        self._offered: dict[str, _Offered] = {}
        self._resting: dict[str, None] = {}  # in the order in which their turns come
        self._change_at: float | None = None

    @property
    def offered(self) -> Collection[str]:
        """The bags that are offered now."""
        return self._offered.keys()

    @property
    def held(self) -> int:
        """How many bags there are."""
        return len(self._offered) + len(self._resting)

    def longest_wait(self) -> float:
        """Return after how many seconds, at most, every bag has had its turn."""
        resting = self.held - self._places
        return -(-resting // _entering(self._places)) * self._turn if resting > 0 else 0.0

    def hold(self, bags: Iterable[str]) -> list[str]:
        """Replace the bags that are held, keeping everybody's place; return those to be offered no more."""
        wanted = dict.fromkeys(bags)
        gone = [bag for bag in self._offered if bag not in wanted]
        for bag in gone:
            del self._offered[bag]
        resting = [bag for bag in self._resting if bag in wanted]
        fresh = [bag for bag in wanted if bag not in self._offered and bag not in self._resting]
        self._resting = dict.fromkeys([*resting, *fresh])
        return gone

    def put_first(self, bag: str) -> None:
        """Hold one more bag, whose turn is next."""
        if bag not in self._offered:
            self._resting.pop(bag, None)
            self._resting = {bag: None, **self._resting}

    def leave(self, bag: str) -> bool:
        """Hold a bag no more; tell whether it was offered."""
        self._resting.pop(bag, None)
        return self._offered.pop(bag, None) is not None

    def heard(self, bag: str, *, uploaded: int, peers: int, seeds: int) -> None:
        """Note what is known of a bag that is offered: bytes given since it was added, and who is there."""
        if offered := self._offered.get(bag):
            offered.uploaded, offered.peers, offered.seeds = uploaded, peers, max(seeds, 0)

    def change(self, now: float, *, taken: int = 0) -> tuple[list[str], list[str]]:
        """Return the bags to be offered no more, and those to be offered from now on.

        ``taken`` places are those of bags on their way; one at least is left for the others.
        """
        room = max(1, self._places - taken)
        stop = self._least(len(self._offered) - room)
        if self._change_at is None or now >= self._change_at:
            self._change_at = now + self._turn
            free = room - (len(self._offered) - len(stop))
            entering = min(_entering(room), len(self._resting)) - max(free, 0)
            stop = self._least(len(stop) + max(entering, 0))
            for offered in self._offered.values():
                offered.uploaded_before = offered.uploaded
        for bag in stop:
            del self._offered[bag]
        start = list(islice(self._resting, max(0, room - len(self._offered))))
        for bag in start:
            del self._resting[bag]
            self._offered[bag] = _Offered(now)
        self._resting |= dict.fromkeys(stop)
        return stop, start

    def _least(self, count: int) -> list[str]:
        if count <= 0:
            return []
        return sorted(self._offered, key=lambda bag: self._offered[bag].worth())[:count]


def _entering(places: int) -> int:
    return max(1, places // 2)
