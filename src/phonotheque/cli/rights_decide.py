"""phono rights decide: decide anew on everything, as time goes by; and say when that is due."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from phonotheque.cli.common import (
    archive_argument,
    counted,
    job,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.cli.rights_fields import day_of
from phonotheque.ledger.decisions import due_count, last_run, next_turn
from phonotheque.sources.decide import Redecided, redecide_all, stale, what_if
from phonotheque.vault.archive import Archive, now, timestamp

_SHOWN = 20  # files that a person is shown


@click.command("decide")
@archive_argument
@click.option(
    "--on", "on", metavar="DAY", help="Another day than today: shows what would move, saves nothing."
)
@json_option
def decide_command(archive: Archive, on: str | None, as_json: bool) -> None:
    """Decide anew on everything that is held or known, as of today, and say what moved.

    Terms of protection end on the first of January, and agreements on any day: run this then, or every day.
    Each file whose answers changed has its event.
    """
    today = now().date()
    day = day_of(on, "--on") or today
    if day == today:
        with job(archive, "rights decide", "") as running:
            done = redecide_all(archive.ledger, archive.settings, at=timestamp(now()), progress=running)
    else:
        with progress_bars() as bars:
            done = what_if(archive.ledger, archive.settings, day=day, progress=bars)
        messages.print(f"Nothing was saved: today is {today}. For days to come: phono rights forecast.")
    with archive.ledger.connect() as ledger:
        turn = next_turn(ledger)
    ways = [
        {"act": act, "before": before or None, "after": after or None, "files": number}
        for (act, before, after), number in sorted(done.ways.items())
    ]
    data = asdict(done) | {"ways": ways, "next_turn": turn}
    show(data, as_json, lambda: _print(done, ways, turn))


def standing(archive: Archive, ledger: Connection) -> dict[str, Any]:
    """Return when everything was last decided, when answers may next change, and how many files are due."""
    run, turn, today = last_run(ledger), next_turn(ledger), now().date().isoformat()
    finished = last_run(ledger, finished=True)
    return {
        "all_decided_at": finished and finished.finished_at,
        "interrupted": run is not None and run.finished_at is None,
        "next_turn": turn,
        "due": due_count(ledger, today) if turn is not None and turn <= today else 0,
        "other_rules": stale(ledger, archive.settings, today) == "",
    }


def say_standing(archive: Archive, found: dict[str, Any]) -> None:
    """Print when decisions were made, and whether they have to be made anew."""
    at = found["all_decided_at"]
    made = f"all on {at}" if at else "as files came in"
    turn = found["next_turn"]
    next_change = f"; answers may change on {turn}" if turn and not found["due"] else ""
    output.print(f"Decided    {made}{next_change}")
    for why in reasons_to_decide(found):
        output.print(f"{why} Decide anew: phono rights decide {archive.folder}", style="yellow")


def reasons_to_decide(found: dict[str, Any]) -> list[str]:
    """Return why decisions have to be made anew, as sentences; none if they have not."""
    reasons = []
    if found["due"]:
        files = counted(found["due"], "file")
        reasons.append(f"What is decided on {files} may be out of date since {found['next_turn']}.")
    elif found["interrupted"]:
        reasons.append("Deciding everything anew was interrupted.")
    elif found["other_rules"]:
        reasons.append("The rules, or the archive's mandate, are others since everything was decided.")
    return reasons


def say_if_stale(archive: Archive, ledger: Connection) -> None:
    """Warn on stderr that decisions have to be made anew, if they have to."""
    for why in reasons_to_decide(standing(archive, ledger)):
        messages.print(f"{why} Decide anew: phono rights decide {archive.folder}", style="yellow")


def _print(done: Redecided, ways: list[dict[str, Any]], turn: str | None) -> None:
    if done.went_on:
        output.print("Went on where an earlier run of today was interrupted.")
    what = "moved" if done.saved else "would move"
    output.print(f"Decided on {counted(done.files, 'file')} as of {done.day}: {done.moved:,} {what}.")
    for way in ways:
        before, after = (f"in {way[when]}" if way[when] else "nowhere" for when in ("before", "after"))
        output.print(f"  {way['act']}: allowed {before} → {after}: {counted(way['files'], 'file')}")
    for one in done.told[:_SHOWN]:
        output.print(safe(f"  {one['file']}"))
    if done.moved > _SHOWN:
        output.print(f"  … and {done.moved - _SHOWN:,} more")
    if done.saved and turn:
        output.print(f"The next answers may change on {turn}.")
