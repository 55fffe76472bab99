"""phono add: take in a folder of music, or listen counts."""

from __future__ import annotations

from pathlib import Path

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.held import add_listens, rebuild_catalogue
from phonotheque.sources.intake import AddOptions, AddResult, add_folder
from phonotheque.sources.take_in import How
from phonotheque.vault.archive import Archive, now

_SHOWN = 20  # notable files listed before the rest is only counted
_LONGEST = 200  # characters of what is said of one


@click.command("add")
@archive_argument
@click.argument("source")
@click.option(
    "--move", "how", flag_value=How.MOVE, type=How, help="Remove each file here once the archive has it."
)
@click.option(
    "--link", "how", flag_value=How.LINK, type=How, help="Hard-link instead of copying, where possible."
)
@click.option("--reread", is_flag=True, help="Take in again also what looks unchanged.")
@click.option("--no-loudness", is_flag=True, help="Do not measure loudness: quicker.")
@click.option("--workers", type=click.IntRange(1), help="Processes to use; one per core by default.")
@json_option
def add_command(
    archive: Archive,
    source: str,
    how: How | None,
    reread: bool,
    no_loudness: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Take SOURCE into ARCHIVE: a folder of music, or listens:FILE.csv with listen counts.

    Adding the same folder again takes in only what is new or changed. Interrupted, run it again.
    """
    kind, _, rest = source.partition(":")
    if kind == "listens" and rest:
        _add_listens(archive, Path(rest), as_json)
        return
    folder = Path(source)
    if folder.is_file():
        raise UsageError(f"{folder} is a file, not a folder.", "Add the folder it lies in.")
    options = AddOptions(how or How.COPY, reread, not no_loudness, workers)
    with archive.writing("add"), progress_bars() as progress:
        result = add_folder(archive, folder, options, progress)
        if result.changed or not (archive.catalogue / "CURRENT").exists():
            progress.start("Writing the catalogue")
            rebuild_catalogue(archive, at=now())
    show(_data(result), as_json, lambda: _print(archive, result))


def _add_listens(archive: Archive, path: Path, as_json: bool) -> None:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", "Name a CSV file: listens:counts.csv")
    with archive.writing("add"):
        rows, rejects = add_listens(archive, path, at=now())
        rebuild_catalogue(archive, at=now())
    for reject in rejects:
        messages.print(safe(f"{path}: {reject}"))
    show(
        {"rows": rows, "rejected": rejects},
        as_json,
        lambda: output.print(f"Took in {counted(rows, 'listen count')}; {len(rejects)} rejected."),
    )


def _data(result: AddResult) -> dict[str, object]:
    return {
        "accession": result.accession,
        "held": result.held,
        "again": result.again,
        "known": result.known,
        "unchanged": result.unchanged,
        "refused": dict(result.refused),
        "notable": [{"path": path, "note": note} for path, note in result.notable],
        "unlisted": result.unlisted,
    }


def _print(archive: Archive, result: AddResult) -> None:
    for path, note in result.notable[:_SHOWN]:
        messages.print(safe(f"  {path}: {note if len(note) <= _LONGEST else note[:_LONGEST] + '…'}"))
    if len(result.notable) > _SHOWN:
        more = len(result.notable) - _SHOWN + result.unlisted
        messages.print(f"  … and {more:,} more; --json lists {len(result.notable):,}")
    parts = [f"{counted(result.held, 'new master')} held"]
    if result.again:
        parts.append(f"{counted(result.again, 'file')} already held")
    if result.unchanged:
        parts.append(f"{result.unchanged:,} unchanged since last time")
    if result.known:
        parts.append(f"{result.known:,} known but not kept, for want of a basis")
    if refused := sum(result.refused.values()):
        reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(result.refused.items()))
        parts.append(f"{refused:,} refused ({reasons})")
    output.print("Added: " + "; ".join(parts) + ".")
    if result.known:
        output.print(f"See why, and answer open questions: phono rights {archive.folder}")
