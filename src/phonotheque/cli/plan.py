"""phono plan: choose what a disk budget can cover."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from phonotheque.cli.common import Size, archive_argument, counted, human_size, json_option, output, show
from phonotheque.editions.candidates import AT_RISK
from phonotheque.editions.elsewhere import Elsewhere
from phonotheque.editions.plan import Plan
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.plan_groups import Group
from phonotheque.editions.planning import planned
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, now

_UNITS = "of listening", "of recordings (nobody counted listens)"


@click.command("plan")
@archive_argument
@click.option(
    "--budget", type=Size(), help="How much an edition's audio may take: 200MB, 2TB. No limit by default."
)
@click.option(
    "--protect",
    type=Size(),
    help="So much of the budget goes first to what the fewest copies are known of, listened to or not.",
)
@click.option(
    "--elsewhere",
    type=click.Path(path_type=Path),
    help="A CSV or Parquet list of the copies that others hold: id (ours, ISRC or SHA-256), copies.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=MIRRORSxSIZE",
    help="Tell what such mirrors have room for, as homes=40x2TB. May be given several times.",
)
@json_option
def plan_command(
    archive: Archive,
    budget: int | None,
    protect: int | None,
    elsewhere: Path | None,
    groups: tuple[str, ...],
    as_json: bool,
) -> None:
    """Choose for each recording: keep the master, keep a smaller access copy, or leave it out.

    Listening covered comes first, then recordings that nobody counted (those with the fewest copies elsewhere
    first), then quality. The plan is saved and `phono publish` follows its budget.
    """
    if protect and (budget is None or protect > budget):
        raise UsageError("--protect is a part of the budget.", "Give a --budget that is no smaller.")
    lists = Elsewhere(elsewhere) if elsewhere else None
    asked = [Group.parse(group) for group in groups]
    with (
        archive.writing("plan"),
        planned(archive, budget, protect=protect or 0, groups=asked, elsewhere=lists) as found,
    ):
        place = save_plan(
            archive.plans,
            found.plan,
            found.items,
            now(),
            snapshot=found.snapshot.stamp,
            elsewhere=lists,
        )
    show(_data(found.plan, str(place)), as_json, lambda: _print(found.plan, str(place)))


def _data(plan: Plan, place: str) -> dict[str, Any]:
    return {
        "budget": plan.budget,
        "protect": plan.protect,
        "masters": plan.masters,
        "access_copies": plan.access_copies,
        "left_out": dict(plan.left_out),
        "bytes": plan.bytes,
        "listens": plan.listens,
        "share": plan.share,
        "bound": plan.bound,
        "counted": plan.counted,
        "at_risk": plan.at_risk,
        "protected": plan.protected,
        "groups": asdict(plan.groups),
        "curve": plan.curve.to_pylist(),
        "saved": place,
    }


def _print(plan: Plan, place: str) -> None:
    limit = "no budget" if plan.budget is None else f"a budget of {human_size(plan.budget)}"
    what = _UNITS[0] if plan.counted else _UNITS[1]
    output.print(
        f"Within {limit}: {counted(plan.masters, 'master')} and "
        f"{counted(plan.access_copies, 'access copy', 'access copies')}, {human_size(plan.bytes)}; "
        f"{plan.share:.1%} {what}."
    )
    if plan.budget is not None and plan.left_out:
        best, this = f"{plan.bound:.4%}", f"{plan.share:.4%}"
        output.print(f"No choice within it could cover more than {best}; this one covers {this}.")
    for reason, count in plan.left_out.items():
        output.print(f"Left out: {count:,}, {reason}.")
    if plan.protect:
        output.print(
            f"Of {counted(plan.at_risk, 'recording')} with fewer than {AT_RISK} copies known elsewhere, "
            f"{plan.protected:,} are in it."
        )
    _print_marks(plan)
    _print_groups(plan)
    output.print(f"Saved in {place}; phono publish follows it.")


def _print_marks(plan: Plan) -> None:
    marks = [point for point in plan.curve.to_pylist() if point["mark"] is not None]
    if not marks:
        return
    table = Table("To cover", "as", "takes", "recordings", box=None, pad_edge=False)
    for point in marks:
        tier = "masters" if point["tier"] == "master" else "access copies"
        table.add_row(f"{point['mark']:.1%}", tier, human_size(point["bytes"]), f"{point['recordings']:,}")
    output.print(table)


def _print_groups(plan: Plan) -> None:
    for room in plan.groups.groups:
        group = room.group
        more = f", and {human_size(room.bytes)} of one more" if room.bytes else ""
        output.print(
            f"{group.name}, {counted(group.mirrors, 'mirror')} of {human_size(group.budget)}: "
            f"{counted(room.copies, 'whole copy', 'whole copies')}{more}."
        )
    if plan.groups.held:
        what = _UNITS[0] if plan.counted else "of recordings"
        table = Table("Copies at mirrors", "recordings", "bytes", what, box=None, pad_edge=False)
        for held in plan.groups.held:
            many = f"{held.copies}{' or more' if held.copies == AT_RISK else ''}"
            table.add_row(many, f"{held.recordings:,}", human_size(held.bytes), f"{held.share:.1%}")
        output.print(table)
