"""phono search: find recordings by words."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.cli.common import archive_argument, json_option, messages, output, safe, show
from phonotheque.vault.archive import Archive


@click.command("search")
@archive_argument
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def search_command(archive: Archive, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find recordings by WORDS of their titles, artists and releases; the last word may be unfinished.

    Where nothing is found, misspelt words are corrected, and what was searched for is told.
    """
    with Catalogue.open(archive.catalogue) as catalogue:
        found = catalogue.find(" ".join(words), limit)
    if found.corrected:
        messages.print(safe(f"Searched for: {found.corrected}"))

    def text() -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("Title", "Artist", "Year", "Length", "Listens", "Id"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "Id")
        for hit in found.hits:
            length = (
                ""
                if hit.duration_ms is None
                else f"{hit.duration_ms // 60000}:{hit.duration_ms // 1000 % 60:02}"
            )
            listens = "" if hit.listens is None else f"{hit.listens:,}"
            year = "" if hit.year is None else str(hit.year)
            table.add_row(safe(hit.title or ""), safe(hit.artist or ""), year, length, listens, hit.id)
        if found.hits:
            output.print(table)
        else:
            messages.print("Nothing found.")

    show([asdict(hit) for hit in found.hits], as_json, text)
