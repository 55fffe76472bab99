"""phono rights forecast: what becomes free when, and what ends."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import click

from phonotheque.cli.common import archive_argument, counted, json_option, output, progress_bars, safe
from phonotheque.cli.rights_explain import place_of
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE, Act
from phonotheque.vault.archive import Archive, now

_AHEAD = 10  # years
_SHOWN = 5  # files of a group that a person is shown
_YEAR = re.compile(r"\d{4}", re.ASCII)


@click.command("forecast")
@archive_argument
@click.option("--from", "since", metavar="Y", help="A year or a day; tomorrow by default.")
@click.option("--until", "until", metavar="Y", help="A year or a day; ten years from now by default.")
@click.option(
    "--in", "where", metavar="CC", default=WORLDWIDE, help="Country codes: FR, “DE FR”, EU.  [WORLD]"
)
@click.option("--act", type=click.Choice([act.value for act in Act]), default="distribute", show_default=True)
@json_option
def forecast_command(
    archive: Archive, since: str | None, until: str | None, where: str, act: str, as_json: bool
) -> None:
    """Show what becomes free when, by itself, of all that is held or known; and what ends.

    It is reckoned from what is stated today. Of each day the most listened come first; --json lists all.
    """
    from phonotheque.catalogue.manifest import current
    from phonotheque.catalogue.turning import turning
    from phonotheque.sources.forecast import turned

    today = now().date()
    first = _bound(since, "--from", last=False) or today + timedelta(days=1)
    last = _bound(until, "--until", last=True) or date(today.year + _AHEAD, 12, 31)
    if last < first:
        raise UsageError(f"--until: {last} is before {first}.", "Correct one of the two.")
    within = place_of(where, "--in")
    snapshot = current(archive.catalogue)
    with progress_bars() as bars:
        found = turned(
            archive.ledger,
            archive.settings,
            Act(act),
            since=first,
            until=last,
            within=within,
            progress=bars,
        )
        with turning(snapshot, found, archive.folder) as turns:
            asked = {"act": act, "from": first.isoformat(), "until": last.isoformat(), "in": str(within)}
            if as_json:
                _print_json(turns, asked)
            else:
                _print(turns, asked)


def _print_json(turns: Any, asked: dict[str, str]) -> None:
    """Print one object, the files of each group one a line: there may be millions."""
    click.echo(json.dumps(asked)[:-1] + ', "days": [')
    for number, group in enumerate(turns.groups()):
        click.echo(",\n" if number else "", nl=False)
        head = {**asdict(group), "day": group.day.isoformat(), "number": group.files}
        del head["files"]
        click.echo(json.dumps(head)[:-1] + ', "files": [')
        for place, file in enumerate(turns.files(group)):
            click.echo((",\n" if place else "") + json.dumps(asdict(file), ensure_ascii=False), nl=False)
        click.echo("\n]}", nl=False)
    click.echo("\n]}")


def _print(turns: Any, asked: dict[str, str]) -> None:
    groups = turns.groups()
    if not groups:
        output.print(f"Nothing changes by itself from {asked['from']} to {asked['until']}.")
        return
    verb = {"preserve": "kept", "stream": "streamed", "distribute": "distributed", "mine": "mined"}
    for group in groups:
        what = []
        if group.gained:
            what.append(f"may be {verb[asked['act']]} {_in(group.gained)}")
        if group.lost:
            what.append(f"no longer {_in(group.lost)}")
        line = f"{group.day}  {counted(group.files, 'file')}: {'; '.join(what)}"
        output.print(line, style="bold" if group.gained else "yellow")
        for file in turns.files(group, _SHOWN):
            name = f"{file.title or file.file} · {file.artist or 'unknown'}" if file.recording else file.file
            listens = f"  {file.listens:,} listens" if file.listens else ""
            output.print(safe(f"  {name}{listens}"))
        if group.files > _SHOWN:
            output.print(f"  … and {group.files - _SHOWN:,} more")


def _in(territory: str) -> str:
    return "worldwide" if territory == WORLDWIDE else f"in {territory}"


def _bound(text: str | None, option: str, *, last: bool) -> date | None:
    """Return the first or last day of a year, or a day as given."""
    if text is None:
        return None
    written = f"{text}-12-31" if last else f"{text}-01-01"
    try:
        return date.fromisoformat(written if _YEAR.fullmatch(text) else text)
    except ValueError:
        advice = "Write it like 2027 or 2027-01-01."
        raise UsageError(f"{option}: “{text}” is neither a year nor a day.", advice) from None
