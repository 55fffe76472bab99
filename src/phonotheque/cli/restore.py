"""phono restore: an archive rebuilt from the mirrors of what it had published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from phonotheque.cli.check import stopping
from phonotheque.cli.common import (
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.cli.transfer import Transfer, own_settings, tempo_of, transfer_options
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.restore import RestoreReport, Ways, restore
from phonotheque.model.settings import parse_country

_SHOWN = 20


@click.command("restore")
@click.argument("sources", nargs=-1, required=True, metavar="MIRROR...")
@click.argument("folder", metavar="ARCHIVE", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder with the backup of the archive's keys.",
)
@click.option("--trust", metavar="SHA256", help="Demand this fingerprint of the archive's root.")
@click.option(
    "--in", "country", default="", metavar="COUNTRY", help="Where you are, for bags of people there."
)
@click.option("--no-listening", is_flag=True, help="Do not decode masters again; the next run does.")
@transfer_options
@json_option
@click.pass_context
def restore_command(
    context: click.Context,
    sources: tuple[str, ...],
    folder: Path,
    keys: Path | None,
    trust: str | None,
    country: str,
    no_listening: bool,
    transfer: Transfer,
    as_json: bool,
) -> None:
    """Rebuild ARCHIVE from mirrors of it (URLs or folders), each of which may hold a part.

    ARCHIVE is a new folder, or what is left of the archive when its ledger is lost. All that was published
    comes back, verified; what was in no public file does not: see docs/how-to/restore-an-archive.md. Run it
    again, perhaps with more mirrors, to go on. Exit code 5 when something is still missing.
    """
    country = parse_country(country, "--in") if country else ""
    settings = transfer.over_settings(own_settings())
    swarm = transfer.swarm(settings)
    ways = Ways(transfer.peers, swarm, tempo_of(settings), transfer.pace)
    origins = [open_origin(source, country=country, proxy=swarm.proxy) for source in sources]
    with progress_bars() as progress, stopping() as (stop, signals):
        report = restore(
            origins,
            folder,
            keys=keys,
            trust=trust,
            ways=ways,
            listen=not no_listening,
            progress=progress,
            stop=stop,
        )
    show(asdict(report), as_json, lambda: _print(folder, report))
    if report.stopped:
        context.exit(128 + (signals[0] if signals else 0))
    context.exit(0 if report.whole else 5)


def _print(folder: Path, report: RestoreReport) -> None:
    for remark in report.remarks[:_SHOWN]:
        messages.print(safe(remark))
    if len(report.remarks) > _SHOWN:
        messages.print(f"… and {len(report.remarks) - _SHOWN:,} more remarks; --json lists them all")
    if report.stopped:
        messages.print("Stopped: what has come is kept; run it again to go on.")
        return
    for bag, why in report.missing:
        messages.print(safe(f"missing: {bag}: {why}"), style="red")
    bags = counted(len(report.restored) + len(report.already), "bag")
    output.print(
        safe(f"{folder} is {report.name} as of edition {report.edition} of {report.date[:10]}: ")
        + f"{bags}, {human_size(report.fetched)} fetched"
        + (f"; {counted(len(report.missing), 'bag')} that nobody has" if report.missing else "")
    )
    if report.sought:
        output.print(f"Back at last: {counted(len(report.sought), 'file')} that were lost before.")
    if report.differences:
        what = ", ".join(report.differences)
        messages.print(
            f"The next edition will say something else than the last about: {what}.", style="yellow"
        )
    _print_keys(folder, report)
    output.print(f"Next: phono check {folder}")


def _print_keys(folder: Path, report: RestoreReport) -> None:
    if report.keys.can_publish:
        lacking = "" if not report.keys.lacking else "; the root's key stays where it is safe"
        output.print(f"The keys are here: phono publish {folder} goes on where it was{lacking}.")
        return
    lacking = ", ".join(report.keys.lacking)
    messages.print(
        f"Without the keys for {lacking} no further edition can be signed. Put your backup into "
        f"{folder / 'keys'}.\nIf only the root's key is left, it can name new ones; if none is, mirrors have "
        "to be asked to trust a new root: docs/how-to/restore-an-archive.md",
        style="yellow",
    )
