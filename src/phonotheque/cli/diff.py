"""phono diff: what changed between two snapshots of the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from phonotheque.catalogue.collect import named
from phonotheque.catalogue.diff import KINDS, Differences, diff
from phonotheque.cli.common import archive_argument, json_option, messages, output, safe, show
from phonotheque.vault.archive import Archive

_SIGNS = {"added": "+", "changed": "~", "redirected": ">", "lost": "-"}
_LONGEST = 120  # characters of a value


@click.command("diff")
@archive_argument
@click.argument("before")
@click.argument("after")
@click.option("--kind", default="recordings", show_default=True, type=click.Choice(list(KINDS)))
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="How many of each sort to list.",
)
@json_option
def diff_command(archive: Archive, before: str, after: str, kind: str, limit: int, as_json: bool) -> None:
    """Show what changed from snapshot BEFORE to snapshot AFTER.

    A snapshot is named by its stamp, by the beginning of it, or “current”; see phono snapshots.
    """
    found = diff(named(archive.catalogue, before), named(archive.catalogue, after), kind=kind, limit=limit)
    show(asdict(found), as_json, lambda: _print(found))


def _print(found: Differences) -> None:
    for entry in found.entries:
        name = " · ".join(text for text in (entry.name, entry.artist) if text) or "untitled"
        led = f" → {entry.leads_to}" if entry.leads_to else ""
        output.print(safe(f"{_SIGNS[entry.what]} {entry.id}  {name}{led}"))
        for change in entry.changes:
            output.print(safe(f"    {change.field}: {_value(change.before)} → {_value(change.after)}"))
    counts = ", ".join(f"{number:,} {what}" for what, number in found.counts.items())
    messages.print(f"{found.kind.capitalize()} from {found.before} to {found.after}: {counts}.")
    fields = ", ".join(f"{number:,} in {field}" for field, number in found.fields.items() if number)
    if fields:
        messages.print(f"Changed: {fields}.")
    if len(found.entries) < sum(found.counts.values()):
        messages.print("Not all are listed: see --limit.")


def _value(value: Any) -> str:
    if value is None or value == []:
        return "nothing"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
