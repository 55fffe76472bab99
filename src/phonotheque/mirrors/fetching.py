"""Fetching a queue of bags, a few at a time, and serving what is held: the only user of the swarm process."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from errno import EDQUOT, ENOSPC

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.shelves import BAGS
from phonotheque.mirrors.keeper import Keeper
from phonotheque.mirrors.messages import Finished, Moved, Report, SwarmSettings, Trouble
from phonotheque.mirrors.offering import Offering
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.tempo import Tempo, Throttle
from phonotheque.mirrors.transfer import (
    WITHDRAWN,
    Arrival,
    NoRoomError,
    begin,
    copy,
    examine,
    finish,
)
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive, timestamp

INTERRUPTED = "interrupted"  # why a bag is missing of which it is not known whether anybody has it
_TURN = 0.2  # seconds between looks at the clock and at whether to stop
_SAID = 5  # troubles told of one bag; the last one is told again if the bag does not come


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a mirror is. Times in seconds."""

    stall_timeout: float = 120.0  # without any data, until a bag is given up for this round
    follow_every: float = 3600.0  # between looks at the origin
    at_once: int = 4  # bags fetched at the same time
    attempts: int = 3  # per bag whose bytes do not verify
    turn: float = 1800.0  # between changes of the bags that are offered to peers


@dataclass(slots=True)
class Outcome:
    """What became of a queue of bags: why, by bag, for those that are not complete. Sizes in bytes."""

    complete: list[str] = field(default_factory=list)  # all that is wanted of them
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
        tempo: Tempo | None = None,
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
        self._tempo = tempo or Tempo(swarm.limits)
        self._throttle = Throttle(stop.wait)
        self._paused = False
        self._keeper = Keeper(swarm, progress, on_listening=on_listening, on_report=on_report)
        self._keeper.again = self._again
        self._offering = Offering(
            mirror, origin, self._keeper, peers=self._peers, progress=progress, turn=pace.turn
        )
        self._active: dict[str, _Active] = {}
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
        parts: Mapping[str, frozenset[str]] | None = None,
    ) -> Outcome:
        """Bring bags in this order; ``direct`` asks the origin itself first, piece by piece, then the swarm.

        ``news`` is asked as often as the pace says whether there is something to obey first: then the rest is
        broken off, and on return nothing writes to it any more; what has come is kept.
        Of bags in ``parts``, only these files are wanted, and tag files.
        A bag that holds a file with a ``forbidden`` SHA-256 is refused. Raises PhonothequeError when the disk
        becomes full; all else is told of each bag in the outcome.
        """
        self._outcome = outcome = outcome or Outcome()
        self._news, self._next_look = news, time.monotonic() + self._pace.follow_every
        waiting, attempts, parts = deque(entries), Counter[str](), parts or {}
        at_once = min(self._pace.at_once, self._mirror.settings.mirror.active)
        for bag in self._offering.leave(entry.id for entry in waiting):
            self._keeper.remove(bag)
        try:
            while (waiting or self._active) and not self._ends():
                goes_on = self._hours()
                while goes_on and waiting and len(self._active) < at_once and not self._ends():
                    entry = waiting.popleft()
                    self._begin(entry, parts.get(entry.id), direct)
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
                self._keeper.remove_now(loading)
            for bag in [*self._active, *(entry.id for entry in waiting)]:
                outcome.missing[bag] = INTERRUPTED
                self._drop(bag)
        return outcome

    def seed(self, entries: Sequence[BagEntry], parts: Mapping[str, frozenset[str]] | None = None) -> None:
        """Offer these bags to others, of those in ``parts`` these files, and nothing else."""
        self._offering.hold(entries, parts or {})

    def slow(self, size: int) -> None:
        """Count bytes that came straight from the origin; wait until the limit lets the next come."""
        self._hours()
        self._throttle.take(size)

    def leave(self, bags: Iterable[str]) -> None:
        """Serve these bags no more; on return nobody is given anything of them."""
        self._keeper.remove_now(self._offering.leave(bags))

    def offer(self) -> None:
        """Begin to serve what is held; on return peers may call for every bag whose turn it is."""
        while not self._stop.is_set() and self._offering.step(0):
            self._hear(0)

    def serve(self, seconds: float) -> None:
        """Go on serving for so long, or until told to stop."""
        end = time.monotonic() + seconds
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            self._hours()
            self._offering.step(0)
            if not self._keeper.running:
                self._stop.wait(min(left, 1.0))
            self._hear(min(left, _TURN))

    def _hear(self, seconds: float) -> None:
        for report in self._keeper.poll(seconds):
            match report:
                case Moved():
                    self._offering.heard(report)
                case Trouble():
                    self._keeper.say(report)

    def close(self) -> None:
        """End the swarm process, after it has brought everything to the disk."""
        self._keeper.close()

    def _begin(self, entry: BagEntry, part: frozenset[str] | None, direct: bool) -> None:
        try:
            arrival = begin(self._mirror, self._origin, entry, self._progress.say, part)
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
        # Only we can tell the origin where we are, as it asks for what not everybody may have; and only we
        # leave its name to a proxy for HTTP.
        ours = arrival.meta.private or (self._settings.through_http and self._origin.web_seed is not None)
        asked = direct or (ours and self._settings.web_seed)
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
        self._offering.step(len(self._active))
        if not self._keeper.running and self._paused:
            self._stop.wait(_TURN)
        if self._active or self._paused:
            for report in self._keeper.poll(0 if ready else _TURN):
                match report:
                    case Finished(bag) if bag in self._active:
                        ready.append(bag)
                    case Moved(bag) if bag in self._active:
                        self._moved(self._active[bag], report)
                    case Moved():
                        self._offering.heard(report)
                    case Trouble():
                        self._trouble(report)
        arrivals = [self._active[bag].arrival for bag in dict.fromkeys(ready) if bag in self._active]
        for arrival in arrivals:
            self._drop(arrival.entry.id)
        for bag, active in list(self._active.items()):
            silence = time.monotonic() - active.since
            if self._paused:
                active.since = time.monotonic()
            elif silence > self._pace.stall_timeout:
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
            if self._keeper.running:
                self._offering.add(arrival.entry, arrival.wanted)
            return True
        attempts[bag] += 1
        examine(self._mirror, arrival)
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
        self._throttle.take(size)
        while not self._hours() and not self._ends():
            self._stop.wait(_TURN)
        self._look()
        if self._outcome.superseded:
            raise _NewsError

    def _hours(self) -> bool:
        """Keep to the limits of the hour; tell whether anything may be transferred now."""
        limits = self._tempo.limits()
        self._keeper.limit(limits)
        self._throttle.rate = limits.download
        if limits.paused != self._paused:
            self._paused = limits.paused
            how = f"pause {self._tempo.resumes()}" if limits.paused else "go on"
            self._progress.say(f"By the schedule, transfers {how}.")
        return not limits.paused

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
        by_swarm = settings.web_seed and not settings.through_http
        seeds = by_swarm and bool(self._origin.web_seed or self._also or meta.web_seeds)
        return bool(
            settings.dht or settings.lsd or settings.trackers or meta.trackers or self._peers or seeds
        )

    def _add(self, active: _Active) -> None:
        arrival = active.arrival
        self._keeper.add(
            arrival.entry.id,
            arrival.torrent,
            str(arrival.folder.parent),
            have=arrival.standing.have,
            wanted=arrival.wanted_pieces,
            web_seeds=[*filter(None, [self._origin.web_seed]), *self._also],
            peers=self._peers,
        )

    def _drop(self, bag: str) -> None:
        if self._active.pop(bag, None):
            self._keeper.remove(bag)

    def _again(self) -> None:
        """Give a new swarm process what was in the one that was lost, as it is on the disk now."""
        for active in self._active.values():
            examine(self._mirror, active.arrival)
            active.downloaded, active.since = 0, time.monotonic()
            if active.arrival.standing.lacking:
                self._add(active)
        self._offering.again()


def _disk_full(where: str | None, why: str | None) -> PhonothequeError:
    return PhonothequeError(
        f"The disk is full: {where}: {why}.",
        "Make room or lower the budget, then run it again: what is verified is kept.",
    )
