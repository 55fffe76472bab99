"""phono ledger: where the ledger is, and moving it to another database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from phonotheque.cli.common import (
    BarProgress,
    archive_argument,
    counted,
    human_size,
    json_option,
    messages,
    output,
    safe,
    show,
)
from phonotheque.ledger.describe import describe
from phonotheque.vault.archive import Archive
from phonotheque.vault.moving import IN_ENVIRONMENT, Moved, move_ledger


@click.group("ledger")
def ledger_command() -> None:
    """Where the ledger is and what it holds; moving it to PostgreSQL, or back."""


@ledger_command.command("show")
@archive_argument
@json_option
def show_command(archive: Archive, as_json: bool) -> None:
    """Show where the ledger of ARCHIVE (or a mirror) is, its schema, and the rows of each table."""
    ledger = describe(archive.ledger)

    def text() -> None:
        output.print(safe(ledger.place))
        output.print(f"{ledger.database}, schema {ledger.revision}, {human_size(ledger.bytes)}")
        width = max(map(len, ledger.rows))
        for name, rows in ledger.rows.items():
            output.print(f"  {name:{width}}  {rows:>15,}")
        for warning in ledger.warnings:
            messages.print(safe(warning), style="yellow")

    show(asdict(ledger), as_json, text)


@ledger_command.command("move")
@archive_argument
@click.argument("url")
@json_option
def move_command(archive: Archive, url: str, as_json: bool) -> None:
    """Copy the ledger of ARCHIVE (or a mirror) to URL, compare row by row, and use the copy from then on.

    URL is the address of an empty database, postgresql://user@host/name, or “sqlite:” for the file in the
    archive's folder. The old ledger is kept as it was. What was broken off goes on when it is run again.
    """
    with _bars() as progress:
        moved = move_ledger(archive, url, progress)

    def text() -> None:
        if moved.copied is None:
            output.print(safe(f"The ledger is at {moved.target} already."))
        else:
            tables = counted(len(moved.copied.tables), "table")
            rows = counted(moved.copied.rows, "row")
            output.print(safe(f"Copied and compared {rows} in {tables}: equal. Now at {moved.target}"))
            messages.print(safe(f"The old ledger is kept, unchanged: {moved.kept}"))
        if moved.settings is None:
            messages.print(safe(f"Set in the environment: {IN_ENVIRONMENT}={moved.url}"), style="yellow")
            messages.print("Until then the old ledger is used, and what it is told is not in the copy.")
        if moved.copied and moved.copied.replaced:
            texts = counted(moved.copied.replaced, "text")
            messages.print(f"In {texts}, U+0000 became U+FFFD: PostgreSQL cannot keep it.", style="yellow")

    show(_data(moved), as_json, text)


def _data(moved: Moved) -> dict[str, Any]:
    return {
        "from": moved.source,
        "to": moved.target,
        "tables": [asdict(table) for table in moved.copied.tables] if moved.copied else [],
        "copied": moved.copied.rows if moved.copied else 0,
        "replaced": moved.copied.replaced if moved.copied else 0,
        "url": moved.url,
        "settings": moved.settings,
        "kept": moved.kept,
    }


@contextmanager
def _bars() -> Iterator[BarProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=messages, disable=not messages.is_terminal) as bars:
        yield BarProgress(bars)
