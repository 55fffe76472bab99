"""Fetching a queue of bags, a few at a time, and serving what is held: the only user of the swarm process."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from errno import EDQUOT, ENOSPC

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.shelves import BAGS
from phonotheque.mirrors.messages import Finished, Moved, Removed, Report, SwarmSettings, Trouble
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.swarm import Swarm, SwarmLostError
from phonotheque.mirrors.transfer import (
    WITHDRAWN,
    Arrival,
    NoRoomError,
    begin,
    copy,
    examine,
    find_torrent,
    finish,
)
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive, timestamp

_TURN = 0.2  # seconds between looks at the clock and at whether to stop
_LOSSES = 3  # times the swarm process may be lost before a run gives up
_REMOVAL = 10.0  # seconds for the swarm process to stop serving a bag
_SAID = 5  # troubles told of one bag; the last one is told again if the bag does not come


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a mirror is. Times in seconds."""

    stall_timeout: float = 120.0  # without any data, until a bag is given up for this round
    follow_every: float = 3600.0  # between looks at the origin
    at_once: int = 4  # bags fetched at the same time
    attempts: int = 3  # per bag whose bytes do not verify


@dataclass(slots=True)
class Outcome:
    """What became of a queue of bags: why, by bag, for those that are not complete. Sizes in bytes."""

    complete: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # nobody delivered
    refused: dict[str, str] = field(default_factory=dict)  # what was delivered does not verify
    no_room: list[str] = field(default_factory=list)  # of the missing: the disk is too small for them
    fetched: int = 0
    verified_already: int = 0
    reused: int = 0  # of these, found in other bags
    superseded: bool = False  # it was broken off, as there is news to obey first


@dataclass(slots=True)
class _Active:
    arrival: Arrival
    since: float  # when data came last, monotonic
    done: int
    downloaded: int = 0
    troubles: list[str] = field(default_factory=list)


class _NewsError(Exception):
    """Breaks off what is being fetched."""


class Fetching:
    """Brings bags and serves them until closed. ``peers`` (address and port) are called for every bag."""

    def __init__(
        self,
        mirror: Archive,
        origin: Origin,
        *,
        swarm: SwarmSettings,
        peers: Sequence[tuple[str, int]],
        also: Sequence[str] = (),  # other mirrors' public trees on the web
        pace: Pace,
        progress: Progress,
        stop: threading.Event,
        clock: Callable[[], datetime],
        on_listening: Callable[[int, int], None] | None = None,
        on_report: Callable[[Report], None] | None = None,
    ) -> None:
        self._mirror = mirror
        self._origin = origin
        self._settings = swarm
        self._peers = tuple(peers)
        self._also = tuple(f"{tree.rstrip('/')}/{BAGS}/" for tree in also)
        self._pace = pace
        self._progress = progress
        self._stop = stop
        self._clock = clock
        self._on_listening, self._on_report = on_listening, on_report or (lambda _report: None)
        self._swarm: Swarm | None = None
        self._losses = 0
        self._active: dict[str, _Active] = {}
        self._seeds: dict[str, BagEntry] = {}
        self._outcome = Outcome()
        self._news: Callable[[], bool] | None = None
        self._next_look = 0.0  # monotonic

    def fetch(
        self,
        entries: Sequence[BagEntry],
        *,
        direct: bool,
        event: str = "replication",
        forbidden: Set[str] = frozenset(),
        outcome: Outcome | None = None,
        news: Callable[[], bool] | None = None,
    ) -> Outcome:
        """Bring bags in this order; ``direct`` asks the origin itself first, piece by piece, then the swarm.

        ``news`` is asked as often as the pace says whether there is something to obey first: then the rest is
        broken off, and on return nothing writes to it any more; what has come is kept.
        A bag that holds a file with a ``forbidden`` SHA-256 is refused. Raises PhonothequeError when the disk
        becomes full; all else is told of each bag in the outcome.
        """
        self._outcome = outcome = outcome or Outcome()
        self._news, self._next_look = news, time.monotonic() + self._pace.follow_every
        waiting, attempts = deque(entries), Counter[str]()
        try:
            while (waiting or self._active) and not self._ends():
                while waiting and len(self._active) < self._pace.at_once and not self._ends():
                    self._begin(waiting.popleft(), direct)
                for arrival in self._attend():
                    if not self._finish(arrival, event, forbidden, attempts):
                        waiting.append(arrival.entry)
        except _NewsError:
            pass
        except OSError as error:
            if error.errno in (ENOSPC, EDQUOT):
                raise _disk_full(error.filename, error.strerror) from error
            raise
        finally:
            if outcome.superseded:
                loading = {bag for bag, active in self._active.items() if active.arrival.standing.lacking}
                self._active.clear()
                self._remove(loading)
            for bag in [*self._active, *(entry.id for entry in waiting)]:
                outcome.missing[bag] = "interrupted"
                self._drop(bag)
        return outcome

    def seed(self, entries: Sequence[BagEntry]) -> None:
        """Serve complete bags to others, and only these."""
        wanted = {entry.id: entry for entry in entries}
        for bag in self._seeds.keys() - wanted.keys():
            del self._seeds[bag]
            if self._swarm:
                self._swarm.remove(bag)
        for bag, entry in wanted.items():
            if bag not in self._seeds:
                self._seed(entry)

    def leave(self, bags: Iterable[str]) -> None:
        """Serve these bags no more; on return nobody is given anything of them."""
        self._remove({bag for bag in bags if self._seeds.pop(bag, None)})

    def _remove(self, going: set[str]) -> None:
        """Wait until the swarm process has closed these bags' files."""
        swarm, end = self._swarm, time.monotonic() + _REMOVAL
        if swarm is None:
            return
        for bag in going:
            with suppress(SwarmLostError):  # the next poll sees it, too
                swarm.remove(bag)
        while going and self._swarm is swarm:
            if time.monotonic() > end:
                swarm.kill()  # the next poll starts another one, which knows nothing of them
            for report in self._poll(swarm, _TURN):
                match report:
                    case Removed(bag):
                        going.discard(bag)
                    case Trouble():
                        self._progress.say(f"{report.bag or 'BitTorrent'}: {report.what}")

    def serve(self, seconds: float) -> None:
        """Go on serving for so long, or until told to stop."""
        end = time.monotonic() + seconds
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            if self._swarm is None:
                self._stop.wait(min(left, 1.0))
                continue
            for report in self._poll(self._swarm, min(left, _TURN)):
                if isinstance(report, Trouble):
                    self._progress.say(f"{report.bag or 'BitTorrent'}: {report.what}")

    def close(self) -> None:
        """End the swarm process, after it has brought everything to the disk."""
        if self._swarm:
            self._swarm.close()
            self._swarm = None

    def _begin(self, entry: BagEntry, direct: bool) -> None:
        try:
            arrival = begin(self._mirror, self._origin, entry, self._progress.say)
        except VerificationError as error:
            self._refuse(entry.id, error.message)
            return
        except (NetworkError, NotFoundError) as error:
            self._outcome.missing[entry.id] = error.message
            return
        except NoRoomError as error:
            self._outcome.missing[entry.id] = error.message
            self._outcome.no_room.append(entry.id)
            self._progress.say(error.message)
            return
        self._progress.advance(size=arrival.standing.good_bytes)
        self._outcome.verified_already += arrival.standing.good_bytes
        self._outcome.reused += arrival.reused
        findings: tuple[Finding, ...] = ()
        # Only we can tell the origin where we are, as it asks for what not everybody may have.
        asked = direct or (arrival.meta.private and self._settings.web_seed)
        if asked and arrival.standing.lacking:
            findings = copy(arrival, self._origin, on_bytes=self._fetched, stop=self._stop)
        why = [f"{finding.path}: {finding.what}, {finding.detail}" for finding in findings[:1]]
        if arrival.standing.lacking and not self._anybody(arrival):
            if any(finding.what == "damaged" for finding in findings):
                self._refuse(entry.id, why[0])
            else:
                self._outcome.missing[entry.id] = why[0] if why else "there is nobody to ask for it"
            return
        active = _Active(arrival, time.monotonic(), arrival.standing.good_bytes, troubles=why)
        self._active[entry.id] = active
        if arrival.standing.lacking:
            self._add(active)

    def _attend(self) -> list[Arrival]:
        """Wait a moment for the swarm; return the bags that are all there, give up those that stall."""
        ready = [bag for bag, active in self._active.items() if not active.arrival.standing.lacking]
        if self._swarm and self._active:
            for report in self._poll(self._swarm, 0 if ready else _TURN):
                match report:
                    case Finished(bag) if bag in self._active:
                        ready.append(bag)
                    case Moved(bag) if bag in self._active:
                        self._moved(self._active[bag], report)
                    case Trouble():
                        self._trouble(report)
        arrivals = [self._active[bag].arrival for bag in dict.fromkeys(ready) if bag in self._active]
        for arrival in arrivals:
            self._drop(arrival.entry.id)
        for bag, active in list(self._active.items()):
            silence = time.monotonic() - active.since
            if silence > self._pace.stall_timeout:
                why = active.troubles[-1:] or ["nobody who has it was found"]
                self._outcome.missing[bag] = f"no data came for {silence:.0f} s ({why[0]})"
                self._drop(bag)
        return arrivals

    def _finish(self, arrival: Arrival, event: str, forbidden: Set[str], attempts: Counter[str]) -> bool:
        """Verify a bag that should be whole; False if it is to be tried again."""
        bag = arrival.entry.id
        at = timestamp(self._clock())
        findings = finish(
            self._mirror, arrival, at=at, event=event, forbidden=forbidden, progress=self._progress
        )
        if not findings:
            self._outcome.complete.append(bag)
            if self._swarm:
                self._seed(arrival.entry)
            return True
        attempts[bag] += 1
        examine(arrival)
        # If every piece is right and the manifests still disagree, fetching again cannot help.
        again = arrival.standing.lacking and not any(finding.what == WITHDRAWN for finding in findings)
        if again and attempts[bag] < self._pace.attempts:
            return False
        first = findings[0]
        self._refuse(bag, f"{first.path}: {first.what}, {first.detail} ({len(findings)} files in all)")
        return True

    def _refuse(self, bag: str, why: str) -> None:
        self._outcome.refused[bag] = why
        self._progress.say(f"{bag} is refused: {why}")

    def _fetched(self, size: int) -> None:
        self._outcome.fetched += size
        self._progress.advance(size=size)
        self._look()
        if self._outcome.superseded:
            raise _NewsError

    def _ends(self) -> bool:
        self._look()
        return self._outcome.superseded or self._stop.is_set()

    def _look(self) -> None:
        """Ask for news, if it is time to."""
        if self._news and not self._outcome.superseded and time.monotonic() >= self._next_look:
            self._outcome.superseded = self._news()
            self._next_look = time.monotonic() + self._pace.follow_every

    def _moved(self, active: _Active, report: Moved) -> None:
        if report.done > active.done or report.downloaded > active.downloaded:
            active.since = time.monotonic()
        self._progress.advance(size=max(0, report.done - active.done))
        self._outcome.fetched += max(0, report.downloaded - active.downloaded)
        active.done, active.downloaded = max(active.done, report.done), report.downloaded

    def _trouble(self, report: Trouble) -> None:
        if report.errno in (ENOSPC, EDQUOT):
            raise _disk_full(str(self._mirror.folder), report.what)
        active = self._active.get(report.bag or "")
        if active is None:
            self._progress.say(f"{report.bag or 'BitTorrent'}: {report.what}")
            return
        if len(active.troubles) < _SAID:
            self._progress.say(f"{report.bag}: {report.what}")
            active.troubles.append(report.what)
        active.troubles[-1] = report.what
        if report.errno is not None and report.bag:
            self._outcome.missing[report.bag] = report.what
            self._drop(report.bag)

    def _anybody(self, arrival: Arrival) -> bool:
        """Whether there is any way to find someone who has the bag."""
        settings, meta = self._settings, arrival.meta
        if meta.private:
            return bool(meta.trackers or self._peers)
        seeds = settings.web_seed and bool(self._origin.web_seed or self._also or meta.web_seeds)
        return bool(
            settings.dht or settings.lsd or settings.trackers or meta.trackers or self._peers or seeds
        )

    def _add(self, active: _Active) -> None:
        arrival, swarm = active.arrival, self._running()
        with suppress(SwarmLostError):  # the next poll sees it, too, and adds the bag to a new process
            swarm.add(
                arrival.entry.id,
                arrival.torrent,
                str(arrival.folder.parent),
                have=arrival.standing.have,
                web_seeds=[*filter(None, [self._origin.web_seed]), *self._also],
                peers=self._peers,
            )

    def _seed(self, entry: BagEntry) -> None:
        if not may_hold(self._mirror.settings.mirror.country, entry.audience):
            return  # an archive that repairs its own bag, and has not said where it is
        torrent, _ = find_torrent(self._origin, self._mirror.public, entry)
        self._seeds[entry.id] = entry
        swarm = self._running()
        with suppress(SwarmLostError):
            swarm.add(entry.id, torrent, str(self._mirror.bags), have=None, peers=self._peers)

    def _drop(self, bag: str) -> None:
        if self._active.pop(bag, None) and self._swarm:
            with suppress(SwarmLostError):
                self._swarm.remove(bag)

    def _running(self) -> Swarm:
        if self._swarm is None:
            self._swarm = Swarm(self._settings)
            if self._on_listening:
                self._on_listening(self._swarm.port, self._swarm.pid)
        return self._swarm

    def _poll(self, swarm: Swarm, timeout: float) -> list[Report]:
        """Listen to the swarm process; if it was lost, start another one with what is on the disk now."""
        try:
            for report in (reports := swarm.poll(timeout)):
                self._on_report(report)
            return reports
        except SwarmLostError as error:
            self._losses += 1
            if self._losses > _LOSSES:
                raise
            self._progress.say(f"{error.message} It is started again.")
            swarm.kill()
            self._swarm = None
        for active in self._active.values():
            examine(active.arrival)
            active.downloaded, active.since = 0, time.monotonic()
            if active.arrival.standing.lacking:
                self._add(active)
        for entry in list(self._seeds.values()):
            self._seed(entry)
        return []


def _disk_full(where: str | None, why: str | None) -> PhonothequeError:
    return PhonothequeError(
        f"The disk is full: {where}: {why}.",
        "Make room or lower the budget, then run it again: what is verified is kept.",
    )
