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
    """Find recordings by WORDS of their titles and artists; the last word may be unfinished."""
    hits = Catalogue.open(archive.catalogue).search(" ".join(words), limit)

    def text() -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("Title", "Artist", "Date", "Id"):
            table.add_column(heading, overflow="fold")
        for hit in hits:
            table.add_row(*(safe(cell or "") for cell in (hit.title, hit.credit, hit.date, hit.id)))
        if hits:
            output.print(table)
        else:
            messages.print("Nothing found.")

    show([asdict(hit) for hit in hits], as_json, text)
