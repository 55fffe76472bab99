"""What several runs of one scenario say together, with how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.mirrors.simulation.outcome import MANY, Outcome
from phonotheque.mirrors.simulation.run import YEAR, Run
from phonotheque.mirrors.simulation.scenario import Scenario

_Z: Final = 1.959964  # of a normal distribution, for 95 %
_MISS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """A probability as estimated from runs, with a confidence interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood after so many years: means over all runs, but the least of ``least``."""

    year: float
    mirrors: float
    least: int
    first_hundredth: float
    median: float
    mean: float
    few: float  # bags with fewer than three copies at mirrors
    unreachable: float
    lost: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The runs together. Bytes; means over the runs where nothing else is said.

    ``run_loses``: the probability that a run loses any bag. ``bag_lost``: that a given bag is lost, its
    interval from how much the runs differ, or, when none was lost, as if bags were lost independently.
    """

    runs: int
    run_loses: Share
    bag_lost: Share
    most_lost: int
    first_lost: float | None  # years, the earliest of all runs
    covered: tuple[
        float | None, ...
    ]  # days until each bag had 1, 2, 3 copies: median; None where not half did
    unreachable_share: float  # of the time of bags that were not lost, after the publisher was
    copies: tuple[float, ...]  # bags with 0, 1, 2, … copies at the end
    moments: tuple[Moment, ...]
    failures: float
    departures: float
    rotted: float
    fetched: float
    fetched_again: float
    mended: float
    sent: float
    published: float
    mirror_years: float


def simulate(
    scenario: Scenario, runs: int, seed: int, tick: Callable[[int, float], None] | None = None
) -> Summary:
    """Run a scenario so many times and return what came of it. ``tick`` is told the run and the day."""
    outcomes = []
    for number in range(runs):

        def told(day: float, run: int = number) -> None:
            if tick:
                tick(run, day)

        outcomes.append(Run(scenario, seed, number).finish(told))
    return summarise(scenario, outcomes)


def summarise(scenario: Scenario, outcomes: Sequence[Outcome]) -> Summary:
    """Return what the outcomes of one scenario's runs say."""
    first = [outcome.first_lost for outcome in outcomes if outcome.first_lost is not None]
    longest = max(len(outcome.copies) for outcome in outcomes)

    def mean(of: Callable[[Outcome], float]) -> float:
        return statistics.fmean(of(outcome) for outcome in outcomes)

    alone = scenario.publisher_lost_after
    days = 0.0 if alone is None else max(scenario.years - alone, 0.0) * YEAR * scenario.bags
    return Summary(
        runs=len(outcomes),
        run_loses=proportion(sum(outcome.lost > 0 for outcome in outcomes), len(outcomes)),
        bag_lost=_bag_lost([outcome.lost for outcome in outcomes], scenario.bags),
        most_lost=max(outcome.lost for outcome in outcomes),
        first_lost=min(first) / YEAR if first else None,
        covered=tuple(_covered(outcomes, copies) for copies in range(MANY)),
        unreachable_share=mean(lambda outcome: outcome.unreachable_days) / days if days else 0.0,
        copies=tuple(
            mean(lambda outcome, n=number: outcome.copies[n] if n < len(outcome.copies) else 0)  # type: ignore[misc]
            for number in range(longest)
        ),
        moments=_moments(outcomes),
        failures=mean(lambda outcome: outcome.failures),
        departures=mean(lambda outcome: outcome.departures),
        rotted=mean(lambda outcome: outcome.rotted),
        fetched=mean(lambda outcome: outcome.fetched),
        fetched_again=mean(lambda outcome: outcome.fetched_again),
        mended=mean(lambda outcome: outcome.mended),
        sent=mean(lambda outcome: outcome.sent),
        published=mean(lambda outcome: outcome.published),
        mirror_years=mean(lambda outcome: outcome.mirror_days) / YEAR,
    )


def proportion(hits: int, of: int) -> Share:
    """Return a share of independent trials with its interval of 95 %.

    Wilson's score interval (1927). Where all or none hit: the exact bound of one side, which for none in many
    is the rule of three, 3 / n (Hanley and Lippman-Hand 1983).
    """
    if not hits:
        return Share(0.0, 0.0, 1.0 - _MISS ** (1 / of))
    if hits == of:
        return Share(1.0, _MISS ** (1 / of), 1.0)
    share, square = hits / of, _Z**2 / of
    middle = share + square / 2
    around = _Z * math.sqrt(share * (1 - share) / of + square / of / 4)
    return Share(share, (middle - around) / (1 + square), (middle + around) / (1 + square))


def _bag_lost(lost: Sequence[int], bags: int) -> Share:
    """Bags of one run share their mirrors' fate, so the runs are what is counted."""
    if not any(lost):
        return proportion(0, len(lost) * bags)
    shares = [number / bags for number in lost]
    mean = statistics.fmean(shares)
    if len(shares) < 2:
        return Share(mean, 0.0, 1.0)
    around = _Z * statistics.stdev(shares) / math.sqrt(len(shares))
    return Share(mean, max(0.0, mean - around), min(1.0, mean + around))


def _covered(outcomes: Sequence[Outcome], copies: int) -> float | None:
    found = sorted(math.inf if (day := one.covered[copies]) is None else day for one in outcomes)
    middle = found[len(found) // 2]
    return None if math.isinf(middle) else middle


def _moments(outcomes: Sequence[Outcome]) -> tuple[Moment, ...]:
    moments = []
    for samples in zip(*(outcome.samples for outcome in outcomes), strict=True):
        fields = ("mirrors", "first_hundredth", "median", "mean", "few", "unreachable", "lost")
        means = {name: statistics.fmean(getattr(sample, name) for sample in samples) for name in fields}
        moments.append(
            Moment(year=samples[0].day / YEAR, least=min(sample.least for sample in samples), **means)
        )
    return tuple(moments)
