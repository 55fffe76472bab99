"""One run: years of mirrors that come, choose, fetch, fail, lie and leave, from one seed.

Events happen at their own moments; transfers are reckoned in steps. The same scenario and seed give the same
run.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum, auto
from typing import Final

import numpy as np

from phonotheque.mirrors.simulation.choice import Ints
from phonotheque.mirrors.simulation.outcome import MANY, Outcome, Sample
from phonotheque.mirrors.simulation.scenario import Group, Scenario
from phonotheque.mirrors.simulation.transfers import Transfers
from phonotheque.mirrors.simulation.world import Mirror, World
from phonotheque.model.bags import PIECE

YEAR: Final = 365.25  # days
_SAMPLES: Final = 120
_FARTHEST: Final = 30.0  # days between two looks at bit rot


class _Kind(IntEnum):
    """What can happen, in the order in which things of one moment do."""

    PUBLISHER_LOST = auto()
    SHOCK = auto()
    LEAVE = auto()
    FAIL = auto()
    READY = auto()
    GO = auto()
    BACK = auto()
    FOUND = auto()
    FORGET = auto()
    ARRIVE = auto()
    DRILL = auto()
    COUNT = auto()
    SAMPLE = auto()


class Run:
    """A run under way; :meth:`finish` runs it to its end."""

    def __init__(self, scenario: Scenario, seed: int, number: int = 0) -> None:
        self.scenario = scenario
        self.outcome = Outcome()
        self.world = World(_sizes(scenario), scenario.mirrors)
        self._rng = np.random.default_rng([seed, number])
        self._events: list[tuple[float, int, int, tuple[int, int], Ints | None]] = []
        self._serial = 0
        self._key = 0
        self._now = 0.0
        self._end = scenario.years * YEAR
        self._transfers = Transfers(scenario, self.world, self.outcome)
        self._fooled = np.zeros(scenario.bags, dtype=np.int64)
        self._proven = np.zeros(scenario.bags, dtype=np.int64)
        self._claims: dict[int, Ints] = {}
        self._most_rot = max(group.rot for group in scenario.groups)
        self._next_step = scenario.step_days
        self._open()

    def finish(self, tick: Callable[[float], None] | None = None) -> Outcome:
        """Go to the end; ``tick`` is told the day at each sample."""
        filling = self._transfers.filling
        while self._now < self._end:
            busy = bool(filling)
            upcoming = self._events[0][0] if self._events else self._end
            self._pass(min(upcoming, self._next_step if busy else self._now + _FARTHEST, self._end))
            while self._events and self._events[0][0] <= self._now:
                _, kind, _, who, bags = heapq.heappop(self._events)
                self._happen(_Kind(kind), who, bags)
                if kind == _Kind.SAMPLE and tick:
                    tick(self._now)
            if busy and self._now >= self._next_step:
                self._transfers.step(self._now)
                self._note_covered()
            if not busy or self._now >= self._next_step:
                self._next_step = self._now + self.scenario.step_days
        self._close()
        return self.outcome

    def _open(self) -> None:
        scenario = self.scenario
        for group in scenario.groups:
            for _ in range(group.count):
                self._arrive(group)
        for number, group in enumerate(scenario.groups):
            self._again(_Kind.ARRIVE, group.arrivals, (number, 0))
        if scenario.publisher_lost_after is not None:
            self._at(scenario.publisher_lost_after * YEAR, _Kind.PUBLISHER_LOST)
        for number, shock in enumerate(scenario.shocks):
            self._at(shock.year * YEAR, _Kind.SHOCK, (number, 0))
        for kind, every in ((_Kind.DRILL, scenario.drill_days), (_Kind.COUNT, scenario.copies_days)):
            if every:
                self._at(every, kind)
        for day in np.linspace(0.0, self._end, min(_SAMPLES, max(int(self._end), 1)) + 1):
            self._at(float(day), _Kind.SAMPLE)

    def _close(self) -> None:
        outcome, world = self.outcome, self.world
        if not world.publisher:
            outcome.lost = world.unheld
        outcome.copies = np.bincount(world.good).tolist()

    def _pass(self, until: float) -> None:
        """Let time go by without events."""
        days, world = until - self._now, self.world
        self._now = until
        if days <= 0:
            return
        self.outcome.mirror_days += days * len(world.mirrors)
        if not world.publisher:
            self.outcome.unreachable_days += days * (world.unreachable - world.unheld)
        for _ in range(self._rng.poisson(self._most_rot / 1e12 / YEAR * world.held_bytes * days)):
            if world.held_bytes:
                self._decay()

    def _happen(self, kind: _Kind, who: tuple[int, int], bags: Ints | None) -> None:
        world, mirror = self.world, self.world.mirrors.get(who[0])
        if mirror is not None and mirror.key != who[1]:
            mirror = None  # somebody else has its column now
        match kind:
            case _Kind.PUBLISHER_LOST:
                world.publisher = False
                self._note_lost()
            case _Kind.SHOCK:
                for column in sorted(world.mirrors):
                    if self._rng.random() < self.scenario.shocks[who[0]].share:
                        self._leave(world.mirrors[column])
            case _Kind.ARRIVE:
                group = self.scenario.groups[who[0]]
                self._arrive(group)
                self._again(kind, group.arrivals, who)
            case _Kind.FORGET if bags is not None:
                world.claimed[bags] -= 1
            case _Kind.DRILL:
                self._proven = world.reachable + self._fooled
                self._at(self._now + self.scenario.drill_days, kind)
            case _Kind.COUNT:
                self._transfers.publish_copies(self._proven, world.good + world.claimed)
                self._at(self._now + self.scenario.copies_days, kind)
            case _Kind.SAMPLE:
                self._sample()
            case _ if mirror is not None:
                self._happen_to(kind, mirror, bags)
            case _:
                pass

    def _happen_to(self, kind: _Kind, mirror: Mirror, bags: Ints | None) -> None:
        group, who = mirror.group, (mirror.column, mirror.key)
        match kind:
            case _Kind.LEAVE:
                self._leave(mirror)
            case _Kind.FAIL:
                self._fail(mirror)
                self._again(kind, group.disk_failures * mirror.disks, who)
            case _Kind.READY:
                self._transfers.filling.add(mirror.column)
            case _Kind.GO:
                self.world.go(mirror)
                self._at(self._now + self._rng.exponential(group.outage_days), _Kind.BACK, who)
            case _Kind.BACK:
                self.world.come_back(mirror)
                self._again(_Kind.GO, group.outages, who)
            case _Kind.FOUND if bags is not None:
                self._mend(mirror, int(bags[0]))
            case _:
                pass

    def _arrive(self, group: Group) -> None:
        rng, self._key = self._rng, self._key + 1
        low, high = np.log(group.budget)
        budget = round(float(np.exp(rng.uniform(low, high))))
        lying = bool(rng.random() < group.liars)
        mirror = Mirror(
            column=self.world.column(),
            key=self._key,
            group=group,
            budget=budget,
            disks=max(1, -(-budget // group.disk)),
            lying=lying,
            fooling=lying and bool(rng.random() < group.fooling),
        )
        self.world.mirrors[mirror.column] = mirror
        who = (mirror.column, mirror.key)
        self._again(_Kind.LEAVE, group.leave, who)
        if lying:
            claims = self._claims[mirror.key] = self._transfers.would_take(mirror)
            self.world.claimed[claims] += 1
            self._fooled[claims] += mirror.fooling
            return
        self._again(_Kind.FAIL, group.disk_failures * mirror.disks, who)
        self._again(_Kind.GO, group.outages, who)
        self._transfers.filling.add(mirror.column)

    def _leave(self, mirror: Mirror) -> None:
        self.outcome.departures += 1
        self._transfers.filling.discard(mirror.column)
        gone = self.world.leave(mirror)
        if mirror.lying:
            gone = self._claims.pop(mirror.key)
            self._fooled[gone] -= mirror.fooling
        else:
            self.world.claimed[gone] += 1
        self._at(self._now + self.scenario.silent_days, _Kind.FORGET, bags=gone)
        self._note_lost()

    def _fail(self, mirror: Mirror) -> None:
        """A disk dies, with what lay on it; what is to be fetched waits for another one."""
        group, rng = mirror.group, self._rng
        share = 1.0 if group.loses == "all" else 1.0 / mirror.disks
        if share == 1.0 and mirror.ready > self._now:
            return  # there is no disk that could fail
        self.outcome.failures += 1
        lost = mirror.mine[rng.random(len(mirror.mine)) < share]
        self.world.lose(mirror, lost)
        mirror.rotten -= {bag for bag in sorted(mirror.rotten) if rng.random() < share}
        self._transfers.forget_begun(mirror)
        mirror.failed_once = True
        mirror.ready = self._now + rng.exponential(group.replaced_after)
        self._transfers.filling.discard(mirror.column)
        self._at(mirror.ready, _Kind.READY, (mirror.column, mirror.key))
        self.world.claimed[lost] += 1
        self._at(min(mirror.ready, self._now + self.scenario.silent_days), _Kind.FORGET, bags=lost)
        self._note_lost()

    def _decay(self) -> None:
        """One place of one copy goes wrong, and is found when the scrub comes by."""
        world, rng = self.world, self._rng
        weights = (world.good * world.sizes).astype(np.float64)
        bag = rng.choice(len(weights), size=1, p=weights / weights.sum())
        mirror = world.mirrors[int(rng.choice(np.flatnonzero(world.copies[bag[0]])))]
        if rng.random() * self._most_rot >= mirror.group.rot:
            return
        self.outcome.rotted += 1
        world.lose(mirror, bag)
        mirror.rotten.add(int(bag[0]))
        found = self._now + rng.uniform(0.0, mirror.group.scrub_days)
        self._at(found, _Kind.FOUND, (mirror.column, mirror.key), bag)
        self._note_lost()

    def _mend(self, mirror: Mirror, bag: int) -> None:
        world = self.world
        if bag not in mirror.rotten:
            return  # its disk has failed meanwhile
        bags = np.array([bag])
        if world.reachable[bag] or world.publisher:
            mirror.rotten.discard(bag)
            world.gain(mirror, bags)
            self.outcome.mended += PIECE
        elif world.good[bag]:
            self._at(self._now + 1.0, _Kind.FOUND, (mirror.column, mirror.key), bags)

    def _note_lost(self) -> None:
        if self.outcome.first_lost is None and not self.world.publisher and self.world.unheld:
            self.outcome.first_lost = self._now

    def _note_covered(self) -> None:
        for copies in range(1, MANY + 1):
            if self.outcome.covered[copies - 1] is None:
                if int(self.world.good.min()) < copies:
                    return
                self.outcome.covered[copies - 1] = self._now

    def _sample(self) -> None:
        world, good = self.world, self.world.good
        first, median = np.percentile(good, (1, 50), method="lower")
        self.outcome.samples.append(
            Sample(
                day=self._now,
                mirrors=len(world.mirrors),
                least=int(good.min()),
                first_hundredth=int(first),
                median=int(median),
                mean=float(good.mean()),
                few=int(np.count_nonzero(good < MANY)),
                unreachable=0 if world.publisher else world.unreachable,
                lost=0 if world.publisher else world.unheld,
                fetched=self.outcome.fetched,
                fetched_again=self.outcome.fetched_again,
            )
        )

    def _at(self, day: float, kind: _Kind, who: tuple[int, int] = (-1, 0), bags: Ints | None = None) -> None:
        if day <= self._end:
            self._serial += 1
            heapq.heappush(self._events, (day, kind, self._serial, who, bags))

    def _again(self, kind: _Kind, rate: float, who: tuple[int, int]) -> None:
        """Let something happen after a time drawn for its rate per year."""
        if rate > 0:
            self._at(self._now + self._rng.exponential(YEAR / rate), kind, who)


def _sizes(scenario: Scenario) -> Ints:
    """Return the size of each bag: the bounds, and what lies evenly between them."""
    low, high = scenario.bag_size
    return np.linspace(low, high, scenario.bags).round().astype(np.int64)
