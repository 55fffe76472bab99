"""phono conflicts: the attribution report."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from phonotheque.catalogue.collect import named
from phonotheque.catalogue.conflicts import KINDS, Suspicions, conflicts, explain
from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.vault.archive import Archive


@click.command("conflicts")
@archive_argument
@click.option("--kind", help=f"Only of one kind: {', '.join(KINDS)}.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--min-score", default=0.0, type=click.FloatRange(0, 1), help="From 0 to 1: only these scores.")
@json_option
def conflicts_command(
    archive: Archive, kind: str | None, limit: int, min_score: float, as_json: bool
) -> None:
    """Show what the catalogue could not tell apart, or bring together, without doubt: the worst first.

    Nothing is deleted or changed because of a conflict.
    """
    snapshot = named(archive.catalogue)
    found = conflicts(snapshot, kind=kind, limit=limit, min_score=min_score)
    explained = [explain(conflict) for conflict in found.entries]
    data: dict[str, Any] = {
        "snapshot": snapshot.stamp,
        "counts": dict(found.counts),
        "total": found.total,
        "conflicts": [
            asdict(conflict) | {"explanation": words}
            for conflict, words in zip(found.entries, explained, strict=True)
        ],
    }
    show(data, as_json, lambda: _print(found, explained))


def _print(found: Suspicions, explained: list[str]) -> None:
    for conflict, words in zip(found.entries, explained, strict=True):
        output.print(safe(f"{conflict.score:.2f}  {conflict.kind:<11}  {words}"))
        ids = conflict.a.id if conflict.b is None else f"{conflict.a.id}  {conflict.b.id}"
        output.print(f"{'':19}{ids}", style="dim")
    if not found.entries:
        messages.print("No conflicts." if not found.total else "None of that kind or score.")
    elif found.total > len(found.entries):
        messages.print(f"… and {found.total - len(found.entries):,} more with lower scores: see --limit.")
    kinds = [f"{count:,} {kind}" for kind, count in found.counts.items()]
    if kinds:
        listed = safe(", ".join(kinds))
        messages.print(f"{counted(sum(found.counts.values()), 'conflict')} in all: {listed}.")
        messages.print("Nothing was deleted for them. See one recording with: phono show ARCHIVE ID")
