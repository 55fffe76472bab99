"""What mirrors choose and fetch, step by step."""

from __future__ import annotations

from typing import Final

import numpy as np

from phonotheque.mirrors.simulation.choice import Ints, Known, pick, ranks, spread
from phonotheque.mirrors.simulation.flow import Asking, Floats, flow
from phonotheque.mirrors.simulation.outcome import Outcome
from phonotheque.mirrors.simulation.scenario import Scenario
from phonotheque.mirrors.simulation.world import Mirror, World

DAY: Final = 86400.0  # seconds
_AT_ONCE: Final = 4  # bags fetched at once, as mirrors do (fetching.Pace)
_WIDEST: Final = 4096
_ENOUGH: Final = 1.0  # bytes: a bag that lacks less is there


class Transfers:
    """Brings bags to mirrors. ``filling`` are the columns of those that may have something to fetch."""

    def __init__(self, scenario: Scenario, world: World, outcome: Outcome) -> None:
        self.filling: set[int] = set()
        self._scenario, self._world, self._outcome = scenario, world, outcome
        nobody = np.zeros(scenario.bags, dtype=np.int64)
        self._known = Known(world.sizes, ranks(nobody, nobody))
        self._bags = np.arange(scenario.bags)
        self._smallest = int(world.sizes.min())

    def publish_copies(self, proven: Ints, claimed: Ints) -> None:
        """Let mirrors know of so many copies, and choose anew."""
        self._known = Known(self._world.sizes, ranks(proven, claimed))
        for column in self.filling:
            self._drop_unbegun(self._world.mirrors[column])

    def would_take(self, mirror: Mirror) -> Ints:
        """Return what a mirror that holds nothing would choose now."""
        nothing = np.zeros(len(self._bags), dtype=np.bool_)
        return pick(self._known, nothing, mirror.budget, spread(mirror.key, self._bags))

    def forget_begun(self, mirror: Mirror) -> None:
        """Lose what was on its way."""
        mirror.queue, mirror.lacking, mirror.full = self._bags[:0], np.zeros(0), False

    def step(self, now: float) -> None:
        """Move the bytes of one step, and choose what comes next."""
        world, seconds = self._world, self._scenario.step_days * DAY
        asking: list[tuple[Mirror, Ints, Floats]] = []
        for column in sorted(self.filling):
            mirror = world.mirrors[column]
            if mirror.there and mirror.ready <= now:
                self._choose(mirror)
                if mirror.full and world.lost(mirror.queue).all():
                    self.filling.discard(column)  # what it waits for nobody has, and it keeps room for it
                    continue
                at, wanted = self._window(mirror, seconds)
                if len(at):
                    asking.append((mirror, at, wanted))
        if not asking:
            return
        bags, of = np.unique(
            np.concatenate([mirror.queue[at] for mirror, at, _ in asking]), return_inverse=True
        )
        by = np.repeat([mirror.column for mirror, _, _ in asking], [len(at) for _, at, _ in asking])
        told = Asking(bags, of, by, np.concatenate([wanted for _, _, wanted in asking]))
        moved = flow(told, world.copies, self._upload(seconds), self._published(seconds))
        self._outcome.sent += float(moved.sent.sum())
        self._outcome.published += moved.published
        share = (moved.served / np.bincount(of, told.amounts))[of]
        done = 0
        for mirror, at, wanted in asking:
            self._take(mirror, at, wanted, share[done : done + len(at)])
            done += len(at)

    def _choose(self, mirror: Mirror) -> None:
        """Fill a mirror's queue with what it can fetch before copies are counted again."""
        if mirror.full or len(mirror.queue) >= _AT_ONCE:
            return
        world = self._world
        days = max(self._scenario.copies_days, self._scenario.step_days)
        most = int(mirror.group.download * DAY * days / self._smallest) + _AT_ONCE
        taken = world.taken(mirror)
        if self._scenario.passes_over:
            taken |= world.lost(self._bags)
        fresh = pick(self._known, taken, world.room(mirror), spread(mirror.key, self._bags), most)
        mirror.full = len(fresh) < most
        mirror.queue = np.concatenate([mirror.queue, fresh])
        mirror.lacking = np.concatenate([mirror.lacking, world.sizes[fresh].astype(np.float64)])

    def _window(self, mirror: Mirror, seconds: float) -> tuple[Ints, Floats]:
        """Return which of its queue a mirror works on in this step, and how many bytes of each."""
        world = self._world
        at = np.arange(len(mirror.queue))
        if not world.publisher:
            at = at[world.reachable[mirror.queue] > 0]
        at = at[: max(_AT_ONCE, mirror.width)]
        room = mirror.group.download * seconds
        before = np.concatenate([[0.0], np.cumsum(mirror.lacking[at])[:-1]]) if len(at) else np.zeros(0)
        wanted = np.clip(room - before, 0.0, mirror.lacking[at])
        return at[wanted > 0], wanted[wanted > 0]

    def _take(self, mirror: Mirror, at: Ints, wanted: Floats, share: Floats) -> None:
        got = wanted * share
        if mirror.failed_once:
            self._outcome.fetched_again += float(got.sum())
        else:
            self._outcome.fetched += float(got.sum())
        mirror.lacking[at] -= got
        here = mirror.lacking <= _ENOUGH
        # As long as all that was asked for comes, more is asked for.
        mirror.width = min(2 * len(at), _WIDEST) if share.min() > 0.99 else max(_AT_ONCE, len(at) // 2)
        if here.any():
            self._world.gain(mirror, mirror.queue[here])
            mirror.queue, mirror.lacking = mirror.queue[~here], mirror.lacking[~here]

    def _drop_unbegun(self, mirror: Mirror) -> None:
        world = self._world
        # What is lost has no copies, and would be chosen again first, unless it is passed over.
        lost = world.lost(mirror.queue)
        if self._scenario.passes_over:
            kept = (mirror.lacking < world.sizes[mirror.queue]) & ~lost
        else:
            kept = (mirror.lacking < world.sizes[mirror.queue]) | lost
        if not kept.all():
            mirror.queue, mirror.lacking, mirror.full = mirror.queue[kept], mirror.lacking[kept], False

    def _upload(self, seconds: float) -> Floats:
        room = np.zeros(self._world.copies.shape[1])
        for mirror in self._world.mirrors.values():
            if mirror.there and not mirror.lying:
                room[mirror.column] = mirror.group.upload * seconds
        return room

    def _published(self, seconds: float) -> float:
        return self._scenario.publisher_upload * seconds if self._world.publisher else 0.0
