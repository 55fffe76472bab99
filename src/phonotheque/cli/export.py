"""phono export: music written out for training, radio, a library or a player."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from phonotheque.cli.common import (
    Size,
    archive_argument,
    counted,
    human_size,
    human_time,
    job,
    json_option,
    messages,
    output,
    safe,
    show,
)
from phonotheque.editions.export.purposes import Purpose, Terms
from phonotheque.editions.export.running import Asked, Exported, Format, export
from phonotheque.editions.export.shards import SHARD
from phonotheque.editions.upholding import cover_copies
from phonotheque.ledger.events import record_event
from phonotheque.model.errors import RightsError, UsageError
from phonotheque.model.territory import WORLDWIDE, parse_territory
from phonotheque.vault.archive import Archive, now, timestamp

_USUAL = {Purpose.TRAINING: Format.WEBDATASET}


@click.command("export")
@archive_argument
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--for",
    "purpose",
    type=click.Choice([one.value for one in Purpose]),
    required=True,
    help="What it is for.",
)
@click.option("--only", metavar="QUERY", help="Only what this finds, as with phono search.")
@click.option(
    "--format",
    "form",
    type=click.Choice([one.value for one in Format]),
    help="How it lies there; webdataset for training by default, else a folder.",
)
@click.option(
    "--in", "territory", metavar="COUNTRIES", default=WORLDWIDE, show_default=True,
    help="Where it will be used: FR, “DE AT CH”, EU.",
)  # fmt: skip
@click.option("--commercial", is_flag=True, help="Leave out what is for non-commercial use only.")
@click.option("--access", is_flag=True, help="Take the smaller access copies, where there are any.")
@click.option("--shard", type=Size(), default=SHARD, help="Audio in one shard, at most: 512MiB by default.")
@click.option(
    "--licence-texts",
    "texts",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with texts of licences, named like GPL-3.0-or-later.txt.",
)
@json_option
@click.pass_context
def export_command(
    context: click.Context,
    archive: Archive,
    folder: Path,
    purpose: str,
    only: str | None,
    form: str | None,
    territory: str,
    commercial: bool,
    access: bool,
    shard: int,
    texts: Path | None,
    as_json: bool,
) -> None:
    """Write what allows it out of ARCHIVE into FOLDER, with an attribution of everything.

    Decided anew, for today and the countries given. Run it again: only what has changed is written, and what
    no longer allows it is taken out. Exit code 6 when nothing allows it, 4 when a file is damaged or missing.
    """
    use = Purpose(purpose)
    terms = Terms(use, now().date(), _territory(territory), commercial)
    asked = Asked(terms, Format(form) if form else _USUAL.get(use, Format.FOLDER), only, access, shard, texts)
    options = {"for": purpose, "in": terms.territory, "commercial": commercial}
    with job(archive, "export", str(folder), options) as running:
        if not archive.is_mirror:
            cover_copies(archive, at=timestamp(now()))  # of what was taken back, and came in again
        result = export(archive, folder, asked, at=now(), progress=running)
        with archive.ledger.begin() as ledger:
            record_event(
                ledger,
                at=timestamp(now()),
                kind="dissemination",
                subject=f"export for {purpose}",
                agent=archive.settings.archive.agent,
                detail=options | {"files": result.files, "made": result.made, "removed": result.removed},
            )
    for failure in result.failures:
        messages.print(safe(f"{failure.what}: {failure.path}: {failure.detail}"), style="red")
    for name in result.licence_texts_missing:
        messages.print(safe(f"The text of {name} has to go along, and was not at hand: use --licence-texts."))
    show(asdict(result), as_json, lambda: _print(folder, result))
    if not result.files and not result.failures:
        raise RightsError(
            f"Nothing in {archive.folder} may be exported for {purpose}, {_where(terms.territory)}.",
            f"See what is decided and why: phono rights {archive.folder} --all",
        )
    context.exit(4 if result.failures else 0)


def _territory(text: str) -> str:
    try:
        found = parse_territory(" ".join(text.upper().replace(",", " ").split()))
    except ValueError as error:
        raise UsageError(f"--in: {error}.", "Write two-letter country codes: FR, “DE AT CH”, EU.") from None
    if not found:
        raise UsageError("--in names no country.", "Leave it out for the whole world.")
    return str(found)


def _where(territory: str) -> str:
    return "everywhere in the world" if territory == WORLDWIDE else f"in {territory}"


def _print(folder: Path, result: Exported) -> None:
    length = human_time(result.seconds)
    output.print(f"{folder} holds {counted(result.files, 'file')}, {human_size(result.bytes)}, {length}.")
    output.print(f"Written now {result.made:,}, as before {result.kept:,}, taken out {result.removed:,}.")
    if result.untagged:
        output.print(f"Without tags of ours: {result.untagged:,} (the manifest says why).")
    for name, files in sorted(result.licences.items()):
        output.print(safe(f"  {name}: {counted(files, 'file')}"))
