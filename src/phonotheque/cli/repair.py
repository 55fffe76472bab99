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
from phonotheque.cli.mirror import swarm_settings
from phonotheque.mirrors.fetching import Pace
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
@click.option("--peer", "peers", multiple=True, metavar="HOST:PORT", help="Also ask this peer. Repeatable.")
@click.option(
    "--listen", multiple=True, metavar="ADDRESS:PORT", help="Where to listen for peers. Repeatable."
)
@click.option("--no-discovery", is_flag=True, help="Look for no peers by DHT or local broadcast.")
@click.option("--no-web-seed", is_flag=True, help="Fetch from peers only.")
@click.option(
    "--patience", type=float, default=120.0, show_default=True, help="Seconds to wait for any data."
)
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
    peers: tuple[str, ...],
    listen: tuple[str, ...],
    no_discovery: bool,
    no_web_seed: bool,
    patience: float,
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
    with progress_bars() as progress:
        report = repair(
            archive,
            open_origin(origin, country=country),
            peers=peers,
            swarm=swarm_settings(listen, no_discovery, no_web_seed),
            pace=Pace(stall_timeout=patience),
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
