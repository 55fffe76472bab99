"""phono simulate: what becomes of the copies over years, on paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from phonotheque.cli.common import (
    BarProgress,
    counted,
    human_size,
    json_option,
    output,
    progress_bars,
    show,
)
from phonotheque.mirrors.simulation.outcome import MANY
from phonotheque.mirrors.simulation.scenario import (
    Group,
    Scenario,
    checked,
    load_scenario,
    parse_rate,
    parse_sizes,
)
from phonotheque.mirrors.simulation.summary import Moment, Share, Summary, simulate
from phonotheque.model.errors import UsageError

_ROWS = 12


@click.command("simulate")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--mirrors", type=click.IntRange(1), help="How many, all of one kind, at the start.")
@click.option("--budget", metavar="SIZE", help="What each holds at most: 4TB, or a range such as 2TB..8TB.")
@click.option("--disk", metavar="SIZE", help="The size of one disk: a failure takes what is on it.")
@click.option("--download", metavar="SPEED", help="Of each mirror: 100Mbit/s, 12MB/s.")
@click.option("--upload", metavar="SPEED", help="Of each mirror.")
@click.option("--disk-failures", type=click.FloatRange(0, 1000), help="Per disk and year.")
@click.option(
    "--leave", type=click.FloatRange(0, 1000), help="Share of the mirrors that leave for ever, per year."
)
@click.option(
    "--arrive", type=click.FloatRange(0), help="Mirrors that come, per year. As many as leave by default."
)
@click.option("--liars", type=click.FloatRange(0, 1), help="Share of mirrors that claim bags and hold none.")
@click.option("--bags", type=click.IntRange(1), help="How many bags there are.")
@click.option("--bag-size", metavar="SIZE", help="Of each: 32GiB, or a range such as 1GB..32GiB.")
@click.option("--years", type=click.FloatRange(0.01, 1000), help="How long it goes on.")
@click.option(
    "--publisher-lost-after", type=click.FloatRange(0), metavar="YEARS",
    help="When the publisher is gone with all that it has. Never by default: then no bag can be lost.",
)  # fmt: skip
@click.option("--publisher-upload", metavar="SPEED", help="Of the publisher.")
@click.option(
    "--runs",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="Each from a seed of its own.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Equal seeds give equal results."
)
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the years as an SVG file."
)
@json_option
def simulate_command(
    scenario: Path | None,
    runs: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Simulate mirrors of an archive over years: who leaves, whose disks fail, who lies, what is lost.

    SCENARIO is a TOML file (docs/scale.md); options go before it. Mirrors choose by the rule that ships.
    """
    told = _scenario(scenario, options)
    with progress_bars() as progress:
        summary = simulate(told, runs, seed, _tick(progress, told, runs))
    if plot is not None:
        from phonotheque.web.simulation_plot import draw_simulation

        plot.write_text(draw_simulation(summary), encoding="utf-8")
    data = {"scenario": asdict(told), "seed": seed, "result": asdict(summary)}
    show(data, as_json, lambda: _print(told, summary))


def _scenario(path: Path | None, options: dict[str, Any]) -> Scenario:
    told = load_scenario(path) if path else Scenario()
    given = {name: value for name, value in options.items() if value is not None}
    group = {"count": given.pop("mirrors")} if "mirrors" in given else {}
    for name in ("disk_failures", "leave", "arrive", "liars"):
        if name in given:
            group[name] = given.pop(name)
    for name in ("download", "upload"):
        if name in given:
            group[name] = parse_rate(given.pop(name), f"--{name}")
    if "budget" in given:
        group["budget"] = parse_sizes(given.pop("budget"), "--budget")
    if "disk" in given:
        group["disk"] = parse_sizes(given.pop("disk"), "--disk")[0]
    if group and len(told.groups) > 1:
        raise UsageError(
            f"{path} has {len(told.groups)} groups of mirrors: which one is meant?",
            "Change them in the file; options on mirrors go with one group.",
        )
    if "publisher_upload" in given:
        given["publisher_upload"] = parse_rate(given["publisher_upload"], "--publisher-upload")
    if "bag_size" in given:
        given["bag_size"] = parse_sizes(given["bag_size"], "--bag-size")
    groups: tuple[Group, ...] = (replace(told.groups[0], **group), *told.groups[1:])
    return checked(replace(told, groups=groups, **given), str(path or "the options"))


def _tick(progress: BarProgress, scenario: Scenario, runs: int) -> Any:
    total = round(scenario.years * 365.25)
    progress.start("Simulated days", total_files=runs * total)
    done = 0

    def tick(run: int, day: float) -> None:
        nonlocal done
        now = run * total + round(day)
        progress.advance(files=now - done)
        done = now

    return tick


def _print(scenario: Scenario, summary: Summary) -> None:
    room = sum(group.count * sum(group.budget) / 2 for group in scenario.groups)
    size = scenario.bags * sum(scenario.bag_size) / 2
    output.print(
        f"{counted(scenario.bags, 'bag')}, {human_size(size)}; {counted(scenario.mirrors, 'mirror')} with "
        f"about {human_size(room)} ({room / size:.1f} times as much); {scenario.years:g} years, "
        f"{counted(summary.runs, 'run')}."
    )
    table = Table(
        "Year",
        "mirrors",
        "fewest copies",
        "99 in 100 have",
        "half have",
        "under 3",
        "out of reach",
        "lost",
        box=None,
        pad_edge=False,
    )
    for moment in _some(summary.moments):
        table.add_row(
            f"{moment.year:.1f}", f"{moment.mirrors:,.0f}", f"{moment.least:,}",
            f"{moment.first_hundredth:,.1f}", f"{moment.median:,.1f}", f"{moment.few:,.1f}",
            f"{moment.unreachable:,.1f}", f"{moment.lost:,.2f}",
        )  # fmt: skip
    output.print(table)
    for copies in range(MANY):
        day = summary.covered[copies]
        when = f"after {day:,.0f} days" if day is not None else "never, in half of the runs or more"
        output.print(f"Each bag had {counted(copies + 1, 'copy', 'copies')} at mirrors {when}.")
    if scenario.publisher_lost_after is None:
        output.print("The publisher stayed, so nothing could be lost: see --publisher-lost-after.")
    else:
        output.print(
            f"That any bag is lost: {_share(summary.run_loses)} of the runs; at worst {summary.most_lost:,}."
        )
        output.print(f"That a given bag is lost: {_share(summary.bag_lost)}.")
        output.print(
            "Of the time after the publisher, nobody who was there had a bag that was not lost: "
            f"{summary.unreachable_share:.3%}."
        )
    years = scenario.years
    months = max(summary.mirror_years * 12, 1e-9)
    moved = summary.fetched + summary.fetched_again
    output.print(
        f"Moved in a year: {human_size(moved / years)}, of which "
        f"{human_size(summary.fetched_again / years)} after {summary.failures / years:,.1f} disks failed, "
        f"and {human_size(summary.mended / years)} to mend {summary.rotted / years:,.1f} wrong places."
    )
    output.print(
        f"In a month a mirror fetches {human_size(moved / months)} and sends "
        f"{human_size(summary.sent / months)}; the publisher sent {human_size(summary.published)} in all."
    )


def _some(moments: tuple[Moment, ...]) -> Iterable[Moment]:
    step = max(1, (len(moments) - 1) // _ROWS)
    return [*moments[:-1:step], moments[-1]]


def _share(share: Share) -> str:
    return f"{_few(share.value)} (95 %: {_few(share.low)} to {_few(share.high)})"


def _few(value: float) -> str:
    return f"{value:.1%}" if value == 0 or value >= 0.001 else f"{value:.1e}"
