"""What was measured, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Cost


@dataclass(frozen=True, slots=True)
class Race:
    """Phonotheque's cost for a piece of work against a peer's.

    ``target``: how many times as fast Phonotheque is meant to be.
    """

    ours: str
    peer: str
    our_cost: Cost
    peer_cost: Cost
    target: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as fast Phonotheque is, by the clock."""
        return self.peer_cost.wall / self.our_cost.wall

    @property
    def cpu_ratio(self) -> float:
        """How many times as much processor time the peer uses."""
        return self.peer_cost.cpu / self.our_cost.cpu


@dataclass(frozen=True, slots=True)
class Figure:
    """A number by itself, and whether it is what it should be, where there is a target."""

    what: str
    value: str
    target: str = ""
    met: bool = True


def print_heading(title: str, about: str) -> None:
    """Begin a benchmark's part of the report."""
    print(f"\n## {title}\n\n{about}\n", flush=True)


def print_races(races: Sequence[Race]) -> None:
    """Print a table: each cost as elapsed seconds and processor seconds, and the ratios of both."""
    print("| Phonotheque | s | CPU s | peer | s | CPU s | times as fast | by CPU | target | |")
    print("|---|---:|---:|---|---:|---:|---:|---:|---:|---|")
    for race in races:
        target = f"{race.target:.1f}" if race.target else ""
        verdict = _verdict(race.ratio >= race.target) if race.target else ""
        print(
            f"| {race.ours} | {_costs(race.our_cost)} | {race.peer} | {_costs(race.peer_cost)} "
            f"| {race.ratio:.2f} | {race.cpu_ratio:.2f} | {target} | {verdict} |"
        )
    others = max(cost.others for race in races for cost in (race.our_cost, race.peer_cost))
    print(f"\nOther programs used up to {others:.0%} of the processors meanwhile.", flush=True)


def print_figures(figures: Sequence[Figure]) -> None:
    """Print a table of single numbers."""
    print("| | | target | |\n|---|---:|---:|---|")
    for figure in figures:
        verdict = _verdict(figure.met) if figure.target else ""
        print(f"| {figure.what} | {figure.value} | {figure.target} | {verdict} |")
    print(flush=True)


def print_times(columns: Sequence[str], rows: Mapping[str, Sequence[float | None]]) -> None:
    """Print a table of seconds, in milliseconds; None is left blank."""
    print(f"| ms | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for what, times in rows.items():
        cells = ("" if time is None else f"{time * 1000:.0f}" for time in times)
        print(f"| {what} | {' | '.join(cells)} |")
    print(flush=True)


def _costs(cost: Cost) -> str:
    return f"{cost.wall:.2f} | {cost.cpu:.2f}"


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"
