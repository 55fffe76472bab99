"""phono snapshots: which catalogue snapshots there are, and removing old ones."""

from __future__ import annotations

from typing import Any

import click
from rich.console import JustifyMethod
from rich.table import Table
from sqlalchemy import select

from phonotheque.catalogue import manifest
from phonotheque.catalogue.collect import Collected, Unreadable, collect, disk_use, snapshots
from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    json_option,
    messages,
    output,
    safe,
    show,
)
from phonotheque.editions.edition import MAX_EDITION_BYTES, read_edition
from phonotheque.ledger.schema import editions
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive

_NUMBERS = ("Recordings", "Releases", "Artists", "Size", "Alone")


@click.command("snapshots")
@archive_argument
@click.option("--collect", "collecting", is_flag=True, help="Remove old snapshots; needs --keep.")
@click.option("--keep", type=click.IntRange(1), help="How many of the newest to keep.")
@json_option
@click.pass_context
def snapshots_command(
    context: click.Context, archive: Archive, collecting: bool, keep: int | None, as_json: bool
) -> None:
    """List the snapshots of the catalogue; with --collect --keep N, remove all but the newest N.

    The current snapshot, and every one that an edition published, are never removed. Exit code 4 when one
    cannot be read: it is named, and kept.
    """
    if collecting != (keep is not None):
        raise UsageError("--collect and --keep go together.", "For instance: --collect --keep 5")
    collected = None
    if keep is not None:
        with archive.writing("snapshots"):
            collected = collect(archive.catalogue, keep=keep, published=_published(archive))
    rows, broken = _rows(archive)
    data: dict[str, Any] = {
        "snapshots": rows,
        "unreadable": [{"stamp": one.stamp, "problem": one.problem} for one in broken],
    }
    if collected is not None:
        data |= {"removed": list(collected.removed), "freed": collected.freed}
    show(data, as_json, lambda: _print(rows, collected))
    for one in broken:
        messages.print(safe(f"{one.stamp} cannot be read, and stays: {one.problem}"), style="red")
    context.exit(4 if broken else 0)


def _published(archive: Archive) -> set[str]:
    """Return the snapshots that any edition published, by the ledger and by the editions themselves."""
    with archive.ledger.connect() as ledger:
        stamps = set(ledger.execute(select(editions.c.snapshot)).scalars())
    try:
        folders = list((archive.public / "targets" / "editions").iterdir())
    except FileNotFoundError:
        return stamps  # nothing was published
    for folder in folders:
        try:
            with (folder / "edition.json").open("rb") as stream:
                written = stream.read(MAX_EDITION_BYTES + 1)
        except FileNotFoundError:
            continue  # an edition that was interrupted before it was one
        # one that makes no sense might name any snapshot: that is an error, and nothing is removed
        stamps.add(read_edition(written).catalogue.snapshot)
    return stamps


def _rows(archive: Archive) -> tuple[list[dict[str, Any]], list[Unreadable]]:
    found, broken = snapshots(archive.catalogue)
    current, published = manifest.current(archive.catalogue) if found else None, _published(archive)
    rows = []
    for snapshot in found:
        use = disk_use(snapshot.path)
        row = {
            "stamp": snapshot.stamp,
            "made_at": snapshot.made_at.isoformat(),
            "previous": snapshot.previous,
            "current": current is not None and snapshot.stamp == current.stamp,
            "published": snapshot.stamp in published,
            "bytes": use.bytes,
            "bytes_alone": use.alone,
            "counts": snapshot.counts,
            "sources": {source.source: source.records for source in snapshot.sources},
        }
        rows.append(row)
    return rows, broken


def _print(rows: list[dict[str, Any]], collected: Collected | None) -> None:
    for stamp in collected.removed if collected else ():
        output.print(f"Removed {stamp}.")
    if collected:
        number = counted(len(collected.removed), "snapshot")
        messages.print(f"Removed {number}: {human_size(collected.freed)} freed.")
    if not rows:
        messages.print("There is no snapshot yet. One is made when something is added.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Snapshot", "Recordings", "Releases", "Artists", "Size", "Alone", "Sources", ""):
        side: JustifyMethod = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, no_wrap=heading == "Snapshot", justify=side)
    for row in rows:
        counts = (f"{row['counts'][name]:,}" for name in ("recordings", "releases", "artists"))
        marks = [mark for mark in ("current", "published") if row[mark]]
        table.add_row(
            row["stamp"],
            *counts,
            human_size(row["bytes"]),
            human_size(row["bytes_alone"]),
            safe(", ".join(row["sources"])),
            ", ".join(marks),
        )
    output.print(table)
