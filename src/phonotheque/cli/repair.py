"""phono repair: fetch again what is damaged or missing, and only that."""

from __future__ import annotations

from dataclasses import asdict

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.cli.transfer import Transfer, tempo_of, transfer_options
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.repair import RepairReport, repair
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import parse_country
from phonotheque.vault.archive import Archive


@click.command("repair")
@archive_argument
@click.option(
    "--from", "source", metavar="ORIGIN", help="A URL or folder to repair from; a mirror's own by default."
)
@transfer_options
@click.option(
    "--in",
    "country",
    default="",
    metavar="COUNTRY",
    help="Where you are, to repair bags that are for people there. A mirror's own by default.",
)
@click.option("--delete-extra", is_flag=True, help="Delete files that the bags do not list.")
@json_option
@click.pass_context
def repair_command(
    context: click.Context,
    archive: Archive,
    source: str | None,
    transfer: Transfer,
    country: str,
    delete_extra: bool,
    as_json: bool,
) -> None:
    """Check the bags in ARCHIVE (a mirror, or an archive given --from a mirror) and mend what is wrong.

    Only damaged pieces and missing files are fetched. Exit code 4 when something is still wrong afterwards.
    """
    origin = source or archive.settings.mirror.origin
    if not origin:
        raise UsageError("An archive has nowhere to repair from.", "Name a mirror: --from URL-OR-FOLDER")
    country = parse_country(country, "--in") if country else archive.settings.mirror.country
    archive = transfer.over(archive)
    swarm = transfer.swarm(archive.settings.mirror)
    with progress_bars() as progress:
        report = repair(
            archive,
            open_origin(origin, country=country, proxy=swarm.proxy),
            peers=transfer.peers,
            swarm=swarm,
            tempo=tempo_of(archive.settings.mirror),
            pace=transfer.pace,
            delete_extra=delete_extra,
            progress=progress,
        )
    show(asdict(report), as_json, lambda: _print(report))
    context.exit(0 if report.whole else 4)


def _print(report: RepairReport) -> None:
    for bag, finding in report.findings:
        messages.print(safe(f"{finding.what}: {bag}: {finding.path}: {finding.detail}"))
    for bag, path in report.extra:
        done = "deleted" if report.deleted else "not listed by the bag; --delete-extra deletes it"
        messages.print(safe(f"extra: {bag}: {path}: {done}"))
    for bag, reason in report.failed:
        messages.print(safe(f"{bag}: not repaired: {reason}"), style="red")
    read = f"Read {counted(len(report.bags), 'bag')}, {human_size(report.bytes_checked)}"
    if report.findings:
        mended = f"{counted(len(report.repaired), 'bag')} repaired, {human_size(report.fetched)} fetched"
        output.print(f"{read}: {counted(len(report.findings), 'file')} wrong; {mended}.")
    else:
        output.print(f"{read}: nothing to repair.")
    if report.sought:
        back = counted(len(report.sought), "file")
        output.print(f"{back} lost before came back: phono publish shares them again.")
    if report.still_sought:
        lost = counted(len(report.still_sought), "file")
        output.print(
            f"{lost} lost before, and sought, not found: the folder of another mirror may have them."
        )
