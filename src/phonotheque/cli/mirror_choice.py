"""What a mirror is asked to choose, kept for next time, and how it tells what it chose and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import click
from rich.console import Console

from phonotheque.cli.common import counted, human_size, messages, output, safe
from phonotheque.mirrors.choose import Explained, Verdict
from phonotheque.mirrors.lowering import agree, bytes_over, read_lowering
from phonotheque.mirrors.only import parse_query
from phonotheque.mirrors.sync import SyncResult
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import SETTINGS_FILE, Archive
from phonotheque.vault.settings_file import set_in_file

_MOST = 20  # bags left out that are named without --explain

only_option = click.option(
    "--only",
    metavar="QUERY",
    help="Only bags that match, such as 'licence:cc0 year:..1960'. Kept for next time; '' is all again.",
)
drop_option = click.option(
    "--drop", is_flag=True, help="Drop, unasked, what is over the budget and enough others hold."
)
explain_option = click.option("--explain", is_flag=True, help="Print of every bag why it is taken or not.")


def keep_choice(mirror: Archive, budget: int | None, only: str | None) -> Archive:
    """Keep budget and query, where they were given. Raises UsageError for a query that makes no sense."""
    settings, file = mirror.settings, mirror.folder / SETTINGS_FILE
    if only is not None:
        if parse_query(only).terms and settings.mirror.recordings:
            raise UsageError(
                "--only chooses whole bags, and this mirror holds the recordings of a list.",
                "Add --whole-bags, or take the list further.",
            )
        if only != settings.mirror.only:
            set_in_file(file, "mirror", "only", only)
            settings = replace(settings, mirror=replace(settings.mirror, only=only))
    if budget and budget != settings.mirror.budget:
        set_in_file(file, "mirror", "budget", budget)
        settings = replace(settings, mirror=replace(settings.mirror, budget=budget))
    return replace(mirror, settings=settings)


def agree_to_drop(mirror: Archive, budget: int, *, lowered: bool, drop: bool) -> None:
    """Let what is over the budget go if its keeper says so: with ``drop``, or asked when it was ``lowered``.

    Where nobody can be asked, everything stays: a mistyped budget costs nothing.
    """
    if mirror.settings.mirror.recordings:
        if drop:
            raise UsageError("--drop is for whole bags, and this mirror holds the recordings of a list.")
        return
    over = bytes_over(mirror, budget) if lowered or drop else 0
    if not over:
        return
    lowering = read_lowering(mirror)
    if lowering is not None and lowering.bytes >= over:
        return  # agreed already
    keep = mirror.settings.mirror.keep_copies
    what = f"What is held is {human_size(over)} more than a budget of {human_size(budget)} allows."
    how = f"once the publisher counts {counted(keep, 'other mirror')} that proved to hold each"
    if not drop and not sys.stdin.isatty():
        messages.print(f"{what} It is kept. To let bags go, {how}, say --drop.")
        return
    if not drop and not click.confirm(f"{what} Drop bags until it fits, {how}?", err=True):
        messages.print("They are kept, and nothing new is taken.")
        return
    with mirror.writing("mirror"):
        agree(mirror, over)


def explaining(on_round: Callable[[SyncResult], None], *, wanted: bool) -> Callable[[SyncResult], None]:
    """Return what also prints, if that is wanted, after each round that chose anew, why it did so."""
    seen: list[tuple[Explained, ...]] = []

    def tell(result: SyncResult) -> None:
        on_round(result)
        if wanted and seen != [result.explained]:
            seen[:] = [result.explained]
            print_explained(result.explained)

    return tell


def print_explained(explained: Sequence[Explained], where: Console = output) -> None:
    """Print a line for each bag: what is to become of it, and why."""
    width = max((len(one.bag) for one in explained), default=0)
    for one in explained:
        where.print(safe(f"{one.verdict:<8}  {one.bag:<{width}}  {one.why}"))


def print_left_out(result: SyncResult) -> None:
    """Tell which bags are not taken, if they are few, and which would have had to be dropped.

    Those that were dropped were told of when they were.
    """
    kept = {one.bag for one in result.explained if one.verdict in (Verdict.KEPT, Verdict.LEAVING)}
    left_out = [(bag, why) for bag, why in result.left_out if bag not in kept]
    for bag, why in result.left_out:
        if bag in kept:
            messages.print(safe(f"{bag}: {why}"))
    for bag, why in left_out[:_MOST]:
        messages.print(safe(f"{bag}: left out, {why}"), style="dim")
    if len(left_out) > _MOST:
        more = counted(len(left_out) - _MOST, "more bag")
        messages.print(f"… and {more} left out; --explain says why.", style="dim")


def plain(result: SyncResult, *, explain: bool) -> dict[str, Any]:
    """Return a result for ``--json``; why each bag is taken or not only if that was asked for."""
    return {name: value for name, value in asdict(result).items() if explain or name != "explained"}
