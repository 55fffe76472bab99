"""phono show: everything known about one recording, release or artist."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.cli.common import archive_argument, json_option, output, safe, show
from phonotheque.vault.archive import Archive


@click.command("show")
@archive_argument
@click.argument("identifier")
@json_option
def show_command(archive: Archive, identifier: str, as_json: bool) -> None:
    """Show what is known of IDENTIFIER: our id, an MBID, an ISRC, or the start of a file's SHA-256."""
    view = Catalogue.open(archive.catalogue).show(identifier)
    show(asdict(view), as_json, lambda: _print(asdict(view)))


def _print(values: dict[str, Any], indent: str = "") -> None:
    width = max(len(name) for name in values)
    for name, value in values.items():
        label = f"{indent}{name.replace('_', ' '):{width}}  "
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            output.print(f"{indent}{name.replace('_', ' ')}")
            for item in value:
                _print(item, indent + "  ")
                output.print("")
        elif isinstance(value, (list, tuple)):
            if value:
                output.print(safe(label + ", ".join(str(part) for part in value)))
        elif value is not None:
            output.print(safe(f"{label}{value}"))
