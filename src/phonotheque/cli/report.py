"""phono report: write a page with plots."""

from __future__ import annotations

import click

from phonotheque.cli.common import archive_argument, json_option, output, show
from phonotheque.vault.archive import Archive, now


@click.command("report")
@archive_argument
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
@json_option
def report_command(archive: Archive, open_it: bool, as_json: bool) -> None:
    """Write a page about ARCHIVE, with plots and tables, that opens in a browser without a network."""
    from phonotheque.web.report import write_report

    path = write_report(archive, at=now()).absolute()
    show({"path": str(path)}, as_json, lambda: output.print(str(path)))
    if open_it:
        click.launch(path.as_uri())
