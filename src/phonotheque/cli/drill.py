"""phono drill: ask mirrors for random blocks, and time a restore of a sample."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from phonotheque.cli.common import (
    counted,
    human_size,
    human_time,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.mirrors.drilling import Drilled, Terms, drill
from phonotheque.mirrors.drills import Own, mirrors_to_ask, own_tree, proved, record_drill
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import now


@click.command("drill")
@click.argument("archive", metavar="ARCHIVE-OR-PUBLIC-TREE")
@click.option(
    "--mirror", "mirrors", multiple=True, metavar="URL", help="Ask the mirror at this address. Repeatable."
)
@click.option("--bags", type=click.IntRange(1, 10_000), default=3, show_default=True, help="Of each mirror.")
@click.option("--blocks", type=click.IntRange(1, 1000), default=4, show_default=True, help="Of each bag.")
@click.option(
    "--slow", type=click.FloatRange(0.01, 3600), default=10.0, show_default=True, metavar="SECONDS",
    help="An answer that takes longer proves nothing.",
)  # fmt: skip
@click.option(
    "--restore", type=click.IntRange(0, 1000), default=2, show_default=True, metavar="FILES",
    help="Fetch so many whole files of each mirror that passed, and reckon what a whole restore takes.",
)  # fmt: skip
@click.option("--restore-bag", is_flag=True, help="Fetch a whole bag of each, in place of files.")
@click.option(
    "--into", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where samples go, for as long as the drill takes. The system's temporary folder by default.",
)  # fmt: skip
@click.option("--seed", default="", help="Draw what a drill with this seed drew. A new one by default, told.")
@click.option("--trust", default="", metavar="SHA256", help="Of a public tree: demand this fingerprint.")
@json_option
@click.pass_context
def drill_command(
    context: click.Context,
    archive: str,
    mirrors: tuple[str, ...],
    bags: int,
    blocks: int,
    slow: float,
    restore: int,
    restore_bag: bool,
    into: Path | None,
    seed: str,
    trust: str,
    as_json: bool,
) -> None:
    """Ask mirrors of ARCHIVE (a folder, or the address of a public tree) to prove that they have their bags.

    Without --mirror all are asked that have told their address. Exit code 4 when one answers wrongly or too
    slowly, 5 when one does not answer.
    """
    if len(seed) > 200 or not seed.isprintable():
        raise UsageError("--seed is too long, or cannot be printed.")
    terms = Terms(seed or secrets.token_hex(16), bags, blocks, slow, restore, restore_bag)
    at = now()
    with own_tree(archive, trust or None) as own, progress_bars() as progress:
        asked = mirrors_to_ask(own, mirrors)
        results = drill(
            asked, own.bags, own.torrent, terms, country=own.country, into=into, progress=progress
        )
        show(_data(own, results, terms), as_json, lambda: _print(own, results, terms))
        if own.archive is not None:
            record_drill(
                own.archive,
                results,
                terms,
                at=at,
                say=lambda line: messages.print(safe(line), style="yellow"),
            )
    wrong, silent = any(found.failed for found in results), any(found.silent for found in results)
    context.exit(4 if wrong else 5 if silent else 0)


def _data(own: Own, results: list[Drilled], terms: Terms) -> dict[str, Any]:
    return {
        "edition": own.edition.number,
        "seed": terms.seed,
        "proved": proved(results),
        "mirrors": [asdict(found) | {"failed": found.failed} for found in results],
        "restore": _restore(own, results),
    }


def _restore(own: Own, results: list[Drilled]) -> dict[str, Any] | None:
    """Reckon the time to fetch all: from the quickest alone, and from all at once, if nothing else limits."""
    rates = [found.restored.rate for found in results if found.restored and found.restored.rate]
    if not rates:
        return None
    size = sum(entry.bytes for entry in own.bags)
    return {
        "bytes": size,
        "quickest": max(rates),
        "together": sum(rates),
        "seconds_from_the_quickest": size / max(rates),
        "seconds_from_all_at_once": size / sum(rates),
    }


def _print(own: Own, results: list[Drilled], terms: Terms) -> None:
    table = Table("Mirror", "bags proved", "answer", "slowest", "sample", box=None, pad_edge=False)
    for found in results:
        right = sum(bag.verdict.value == "right" for bag in found.bags)
        sample = found.restored
        rate = f"{human_size(sample.rate)}/s" if sample and sample.rate else "–"
        table.add_row(
            safe(found.name or found.web), f"{right} of {len(found.bags)}", _ms(found.middle),
            _ms(found.slowest), rate,
        )  # fmt: skip
    output.print(table)
    for found in results:
        who = found.name or found.web
        for bag in found.bags:
            if bag.why:
                messages.print(safe(f"{who}: {bag.bag}: {bag.verdict}: {bag.why}"), style="red")
        for trouble in (found.trouble, found.restored.trouble if found.restored else ""):
            if trouble:
                messages.print(safe(f"{who}: {trouble}"), style="red")
    if reckoned := _restore(own, results):
        output.print(
            f"To fetch all of edition {own.edition.number} ({human_size(reckoned['bytes'])}) at these rates: "
            f"{human_time(reckoned['seconds_from_the_quickest'])} from the quickest alone, "
            f"{human_time(reckoned['seconds_from_all_at_once'])} from all at once, if your own line and disk "
            "take that."
        )
    output.print(
        f"{counted(proved(results), 'copy', 'copies')} of bags proved by random blocks; seed {terms.seed}."
    )


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1000 * seconds:,.0f} ms"
