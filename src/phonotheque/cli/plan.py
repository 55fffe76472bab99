"""phono plan: choose what a disk budget can cover."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from phonotheque.cli.common import Size, archive_argument, counted, human_size, json_option, output, show
from phonotheque.editions.plan import Plan, make_plan, save_plan
from phonotheque.editions.selection import plan_candidates
from phonotheque.vault.archive import Archive, now


@click.command("plan")
@archive_argument
@click.option(
    "--budget", type=Size(), help="How much an edition's audio may take: 200MB, 2TB. No limit by default."
)
@json_option
def plan_command(archive: Archive, budget: int | None, as_json: bool) -> None:
    """Choose for each recording: keep the master, keep a smaller access copy, or leave it out.

    Listening covered comes first, then quality. The plan is saved and `phono publish` follows it.
    """
    with archive.writing("plan"):
        plan = make_plan(plan_candidates(archive), budget)
        place = save_plan(archive.plans, plan, now())
    show(_data(plan, str(place)), as_json, lambda: _print(plan, str(place)))


def _data(plan: Plan, place: str) -> dict[str, Any]:
    return {
        "budget": plan.budget,
        "masters": plan.masters,
        "access_copies": plan.access_copies,
        "left_out": dict(plan.left_out),
        "bytes": plan.bytes,
        "listens": plan.listens,
        "share": plan.share,
        "counted": plan.counted,
        "curve": plan.curve.to_pylist(),
        "saved": place,
    }


def _print(plan: Plan, place: str) -> None:
    limit = "no budget" if plan.budget is None else f"a budget of {human_size(plan.budget)}"
    what = "of listening" if plan.counted else "of recordings (nobody counted listens)"
    output.print(
        f"Within {limit}: {counted(plan.masters, 'master')} and "
        f"{counted(plan.access_copies, 'access copy', 'access copies')}, {human_size(plan.bytes)}; "
        f"{plan.share:.1%} {what}."
    )
    for reason, count in plan.left_out.items():
        output.print(f"Left out: {count:,}, {reason}.")
    marks = [point for point in plan.curve.to_pylist() if point["mark"] is not None]
    if marks:
        table = Table("To cover", "as", "takes", "recordings", box=None, pad_edge=False)
        for point in marks:
            tier = "masters" if point["tier"] == "master" else "access copies"
            table.add_row(
                f"{point['mark']:.1%}", tier, human_size(point["bytes"]), f"{point['recordings']:,}"
            )
        output.print(table)
    output.print(f"Saved in {place}; phono publish follows it.")
