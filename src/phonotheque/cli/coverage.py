"""phono coverage: what listening costs, in recordings and in bytes."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from phonotheque.audio.access import BIT_RATE
from phonotheque.catalogue.collect import named
from phonotheque.catalogue.listening import MASTER_KBPS, Listening, Rates, Weight, listening
from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    human_time,
    json_option,
    messages,
    output,
    show,
)
from phonotheque.ledger.held import held_masters
from phonotheque.vault.archive import Archive

_kbps = click.IntRange(1, 100_000)


@click.command("coverage")
@archive_argument
@click.option(
    "--points", default=0, type=click.IntRange(0, 1000), help="Points of the curve to show as well."
)
@click.option(
    "--master-kbps",
    default=MASTER_KBPS,
    show_default=True,
    type=_kbps,
    help="What masters that are not held are taken to weigh, in kbit/s.",
)
@click.option(
    "--access-kbps",
    default=BIT_RATE // 1000,
    show_default=True,
    type=_kbps,
    help="What access copies are taken to weigh, in kbit/s.",
)
@json_option
def coverage_command(
    archive: Archive, points: int, master_kbps: int, access_kbps: int, as_json: bool
) -> None:
    """Show how few recordings account for 50, 90, 99 … % of all listening, and what they would take.

    This is of everything the catalogue knows. For what is held and may be published, see phono plan.
    """
    snapshot = named(archive.catalogue)
    with archive.ledger.connect() as ledger:
        found = listening(
            snapshot, held_masters(ledger), points=points, rates=Rates(master_kbps, access_kbps)
        )
    show({"snapshot": snapshot.stamp} | asdict(found), as_json, lambda: _print(found))


def _print(found: Listening) -> None:
    what = "listening" if found.counted else "recordings"
    marks = {mark.share: mark for mark in (*found.points, *found.marks)}
    if not marks:
        messages.print("The catalogue knows no recordings.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in (f"Share of {what}", "Recordings", "Length", "As masters", "As access copies"):
        table.add_column(heading, justify="right")
    for share in sorted(marks):
        table.add_row(f"{100 * share:.4g} %", *_columns(marks[share].weight))
    if found.uncounted.recordings:
        table.add_row("uncounted", *_columns(found.uncounted))
    output.print(table)
    held = found.held
    output.print(
        f"Held: masters of {counted(held.recordings, 'recording')}, {human_size(held.bytes)}: "
        f"{100 * held.share:.1f} % of {what}."
    )
    for note in _notes(found):
        messages.print(note)


def _columns(weight: Weight) -> tuple[str, str, str, str]:
    return (
        f"{weight.recordings:,}",
        human_time(weight.seconds),
        human_size(weight.master_bytes),
        human_size(weight.access_bytes),
    )


def _notes(found: Listening) -> list[str]:
    """Say what the figures rest on."""
    rates = found.rates
    assumed = f"{rates.master_kbps} kbit/s where none is held; access copies: {rates.access_kbps} kbit/s"
    notes = [f"Masters: the size of the file, or {assumed}."]
    if not found.counted:
        notes.append("Nobody has counted listens yet, so every recording counts the same.")
    if found.uncounted.recordings:
        notes.append(
            f"Nobody counted {counted(found.uncounted.recordings, 'recording')}: no share, their own line."
        )
    if found.mean_seconds is None:
        notes.append("No length is known, so only the sizes of held files are.")
    elif found.unknown_lengths:
        notes.append(
            f"{counted(found.unknown_lengths, 'recording')} of unknown length taken to last "
            f"{human_time(found.mean_seconds)}, the mean of the others."
        )
    return notes
