"""Offering to peers what is held: a bounded number of bags at a time, each read when its turn comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from phonotheque.editions.edition import BagEntry
from phonotheque.mirrors.keeper import Keeper
from phonotheque.mirrors.messages import Moved
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.public import read_target
from phonotheque.mirrors.standing import pieces_of
from phonotheque.mirrors.transfer import find_torrent
from phonotheque.mirrors.turns import Turns
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive

_AT_ONCE = 16  # bags added between two looks at what the swarm reports


@dataclass(frozen=True, slots=True)
class _Held:
    entry: BagEntry
    part: frozenset[str] | None  # the files held of it; None: all


class Offering:
    """The bags that a mirror gives to peers, some at a time. ``peers`` are called for each."""

    def __init__(
        self,
        mirror: Archive,
        origin: Origin,
        keeper: Keeper,
        *,
        peers: tuple[tuple[str, int], ...],
        progress: Progress,
        turn: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mirror = mirror
        self._origin = origin
        self._keeper = keeper
        self._peers = peers
        self._progress = progress
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._turns = Turns(mirror.settings.mirror.active, turn)
        self._starting: deque[str] = deque()
        self._said = 0

    def hold(self, entries: Iterable[BagEntry], parts: Mapping[str, frozenset[str]]) -> None:
        """Offer these bags, of those in ``parts`` these files, and nothing else."""
        wanted = {entry.id: _Held(entry, parts.get(entry.id)) for entry in entries if self._may(entry)}
        for bag in self._turns.hold(wanted):
            self._keeper.remove(bag)
        for bag in self._turns.offered:
            if wanted[bag] != self._held[bag]:  # more of it is held now
                self._keeper.remove(bag)
                self._starting.append(bag)
        self._held = wanted
        if self._turns.longest_wait() and self._turns.held != self._said:
            self._said = self._turns.held
            hours = self._turns.longest_wait() / 3600
            places = self._mirror.settings.mirror.active
            self._progress.say(
                f"{places} of {self._said} bags are offered to peers at a time; each within {hours:.1f} h."
            )

    def add(self, entry: BagEntry, part: frozenset[str] | None) -> None:
        """Offer a bag that has just been completed, as soon as there is a place."""
        if self._may(entry):
            self._turns.leave(entry.id)
            self._held[entry.id] = _Held(entry, part)
            self._turns.put_first(entry.id)

    def leave(self, bags: Iterable[str]) -> set[str]:
        """Hold bags no more, of which the swarm process still has some; return which of these were held."""
        gone = {bag for bag in bags if self._held.pop(bag, None)}
        for bag in gone:
            self._turns.leave(bag)
        return gone

    def step(self, taken: int) -> bool:
        """Let turns change when it is time to; ``taken`` places are those of bags on their way.

        Returns whether bags whose turn it is are still to be added.
        """
        if not self._held:
            return False
        stop, start = self._turns.change(self._clock(), taken=taken)
        for bag in stop:
            self._keeper.remove(bag)
        self._starting += start
        for _ in range(min(_AT_ONCE, len(self._starting))):
            self._start(self._starting.popleft())
        return bool(self._starting)

    def heard(self, report: Moved) -> None:
        """Note who asks for a bag."""
        self._turns.heard(report.bag, uploaded=report.uploaded, peers=report.peers, seeds=report.seeds)

    def again(self) -> None:
        """Add to a new swarm process what was in the one that was lost."""
        self._starting = deque(self._turns.offered)

    def _may(self, entry: BagEntry) -> bool:
        # An archive that repairs its own bag may not have said where it is.
        return may_hold(self._mirror.settings.mirror.country, entry.audience)

    def _start(self, bag: str) -> None:
        if bag not in self._turns.offered:
            return
        held = self._held[bag]
        try:
            torrent, have = self._read(held)
        except (NetworkError, NotFoundError, VerificationError) as error:
            self._progress.say(f"{bag} is not offered: {error.message}")
            self.leave([bag])  # until the next round
            return
        self._keeper.add(bag, torrent, str(self._mirror.bags), have=have, wanted=have, peers=self._peers)

    def _read(self, held: _Held) -> tuple[bytes, bytes | None]:
        wanted = held.entry.torrent
        if held.part is None:
            # By its hash it is the one that was read and checked when the bag came.
            data = read_target(self._mirror.public, wanted.path, wanted.sha256)
            if data is not None:
                return data, None
        torrent, meta = find_torrent(self._origin, self._mirror.public, held.entry)
        return torrent, None if held.part is None else pieces_of(meta, held.part)
