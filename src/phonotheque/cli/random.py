"""phono random: a true shuffle of the catalogue."""

from __future__ import annotations

import secrets
from dataclasses import asdict

import click
from rich.table import Table

from phonotheque.catalogue.collect import named
from phonotheque.catalogue.shuffle import Shuffled, draw
from phonotheque.cli.common import archive_argument, json_option, messages, output, safe, show
from phonotheque.ledger.held import held_masters
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive


@click.command("random")
@archive_argument
@click.option("-n", "--number", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--held", is_flag=True, help="Only recordings of which a master is held.")
@click.option("--seed", help="Any text: the same seed gives the same order.")
@click.option("--after", default=0, type=click.IntRange(0), help="Go on after so many of that order.")
@json_option
def random_command(
    archive: Archive, number: int, held: bool, seed: str | None, after: int, as_json: bool
) -> None:
    """Draw recordings at random: each is as likely as any other, listened to or not, and none comes twice.

    Without --seed the order is new each time. To go on in it, give the seed and --after; an order belongs to
    the snapshot in use.
    """
    if after and seed is None:
        raise UsageError("--after needs --seed.", "Give the seed of the order in which to go on.")
    seed = seed or secrets.token_hex(8)
    snapshot = named(archive.catalogue)
    if held:
        with archive.ledger.connect() as ledger:
            drawn = draw(snapshot, seed, number, after=after, held=held_masters(ledger))
    else:
        drawn = draw(snapshot, seed, number, after=after)
    data = {
        "snapshot": snapshot.stamp,
        "seed": seed,
        "after": after + len(drawn.hits),
        "of": drawn.of,
        "recordings": [asdict(hit) for hit in drawn.hits],
    }
    show(data, as_json, lambda: _print(drawn, seed, after, held))


def _print(drawn: Shuffled, seed: str, after: int, held: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("Title", "Artist", "Id"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Id")
    for hit in drawn.hits:
        table.add_row(safe(hit.title or ""), safe(hit.artist or ""), hit.id)
    if drawn.hits:
        output.print(table)
    end = after + len(drawn.hits)
    if not drawn.of:
        messages.print("No master is held." if held else "The catalogue knows no recordings.")
    elif end >= drawn.of:
        messages.print(f"All {drawn.of:,} have come.")
    else:
        messages.print(
            safe(f"To go on: --seed {seed} --after {end}{' --held' if held else ''}  (of {drawn.of:,})")
        )
