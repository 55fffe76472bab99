"""phono plan: choose what a disk budget can cover."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from phonotheque.cli.common import Size, archive_argument, human_size, json_option, output, show
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
    show(_data(plan, budget, str(place)), as_json, lambda: _print(plan, budget, str(place)))
