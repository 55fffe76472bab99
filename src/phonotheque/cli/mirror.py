"""phono mirror: hold somebody else's edition, as much of it as fits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.common import (
    Size,
    counted,
    human_size,
    json_option,
    messages,
    output,
    safe,
    show,
)
from phonotheque.cli.following import keeping_signpost, known_peers, origin_of, web_addresses
from phonotheque.cli.log import log_option, logging_as, tell
from phonotheque.cli.mirror_choice import (
    agree_to_drop,
    drop_option,
    explain_option,
    explaining,
    keep_choice,
    only_option,
    plain,
    print_left_out,
)
from phonotheque.cli.mirror_list import list_command
from phonotheque.cli.mirror_work import at_work, keep_address, reporting
from phonotheque.cli.others import WithOthers
from phonotheque.cli.transfer import Transfer, tempo_of, transfer_options
from phonotheque.mirrors.holdings import lost_by_moving
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.only import parse_query
from phonotheque.mirrors.only_one import check_only_one
from phonotheque.mirrors.recordings import read_list
from phonotheque.mirrors.reporting import check_reporting
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import parse_country
from phonotheque.vault.archive import SETTINGS_FILE, Archive
from phonotheque.vault.settings_file import set_in_file


@click.command("mirror", cls=WithOthers, others={"list": list_command})
@click.argument("origin")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--budget", type=Size(), help="How much of your disk it may take: 500GB, 2TB. Kept for next time."
)
@drop_option
@click.option(
    "--trust", default="", metavar="SHA256", help="Demand this fingerprint of the publisher's root."
)
@click.option(
    "--in",
    "country",
    default="",
    metavar="COUNTRY",
    help="Where this mirror is (FR, JP): it may hold what is for people there, too. Kept for next time.",
)
@click.option("--move", is_flag=True, help="With --in: erase, unasked, what may not be held there.")
@click.option(
    "--once", is_flag=True, help="Stop when everything is here, instead of serving and following on."
)
@transfer_options
@click.option(
    "--active",
    type=click.IntRange(min=1),
    help="Bags offered to peers at a time; of more, each has its turn.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Hold only the recordings that this file lists. Kept for next time.",
)
@click.option("--whole-bags", is_flag=True, help="Hold whole bags again, after --recordings.")
@click.option(
    "--serve", default="", metavar="ADDRESS:PORT", help="Serve it over HTTP, too. Kept for next time."
)
@click.option(
    "--metrics",
    default="",
    metavar="ADDRESS:PORT",
    help="Answer monitors; a port alone: this machine's. Kept for next time.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="ORIGIN",
    help="Also ask this mirror's web server or folder, and follow it where ORIGIN fails. Repeatable.",
)
@click.option("--report", is_flag=True, help="Tell the publisher what is held, signed; a name only if set.")
@log_option
@only_option
@explain_option
@json_option
@click.pass_context
def mirror_command(
    context: click.Context,
    origin: str,
    folder: Path | None,
    budget: int | None,
    drop: bool,
    trust: str,
    country: str,
    move: bool,
    once: bool,
    transfer: Transfer,
    active: int | None,
    recordings: Path | None,
    whole_bags: bool,
    serve: str,
    metrics: str,
    also: tuple[str, ...],
    report: bool,
    log_format: str | None,
    only: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Hold what fits of the edition at ORIGIN (a URL, or an archive's or mirror's folder) in FOLDER.

    ORIGIN may also be a public key, which is followed through the DHT: btpk:HEX, or a magnet link with it.

    Every byte is verified before it counts as held. Without --once it goes on serving what it holds to others
    and follows new editions, until Ctrl-C. Run it again at any time: nothing verified is fetched twice. A
    mirror that was begun needs no ORIGIN any more.

    What an edition withdraws, or no longer lets be held where the mirror is, is erased; the proof is kept.

    phono mirror list ORIGIN tells people with a client of their own what to hold.
    """
    if folder is None:
        origin, folder = "", Path(origin)
    if only is not None:
        parse_query(only)  # a mistake in it is named before anything is made
    check_only_one(folder)
    if country and not move and (folder / SETTINGS_FILE).exists():
        _ask_before_moving(open_mirror(folder, origin), parse_country(country, "--in"))
    mirror = open_mirror(folder, origin, budget=budget or 0, trust=trust, country=country)
    allowed = budget or mirror.settings.mirror.budget
    if not allowed:
        raise UsageError("How much may the mirror take?", "Say it: --budget 100GB")
    mirror = transfer.over(_keeping_parts(mirror, recordings, whole_bags))
    if active:
        mirror = _with(mirror, active=active)
    ours = mirror.settings.mirror
    swarm = transfer.swarm(ours)
    transfer = known_peers(transfer, swarm)
    also = also or ours.also
    agree_to_drop(mirror, allowed, lowered=allowed < mirror.settings.mirror.budget, drop=drop)
    mirror = keep_choice(mirror, budget, only)
    report = report or ours.report
    if report:
        check_reporting(mirror)
    with (
        logging_as(log_format or mirror.settings.log.format) as logged,
        at_work(
            mirror,
            budget=allowed,
            serve=keep_address(mirror, "serve", serve),
            metrics=keep_address(mirror, "metrics", metrics),
            logged=logged,
            once=once,
        ) as work,
        keeping_signpost(mirror, swarm, transfer, work.progress.say, once=once),
    ):
        result = sync(
            mirror,
            origin_of(mirror, swarm, transfer, also, work.progress.say, work.stop, budget=allowed),
            budget=allowed,
            peers=transfer.peers,
            also=web_addresses(also),
            once=once,
            trust=trust or ours.trust or None,
            swarm=swarm,
            tempo=tempo_of(ours),
            pace=transfer.pace,
            progress=work.progress,
            stop=work.stop,
            on_listening=work.on_listening,
            on_report=work.on_report,
            on_round=explaining(
                reporting(mirror, work) if report else work.on_round, wanted=explain and not as_json
            ),
        )
        tell("ended", edition=result.edition, held=len(result.complete))
    if as_json or not logged:
        show(plain(result, explain=explain), as_json, lambda: _print(folder, result, explained=explain))
    context.exit(4 if result.refused else 0)


def _ask_before_moving(mirror: Archive, country: str) -> None:
    """Let nobody erase what is held by a slip of the keys: what is erased has to be fetched again."""
    lost = lost_by_moving(mirror, country)
    if not lost:
        return
    held = f"{counted(len(lost), 'bag')} ({human_size(sum(lost.values()))})"
    what = f"{held} held here may not be held in {country}"
    if not sys.stdin.isatty():
        raise UsageError(f"{what}.", "If the mirror has moved there, say so with --move: they are erased.")
    click.confirm(f"{what}. Erase them?", abort=True, err=True)


def _keeping_parts(mirror: Archive, recordings: Path | None, whole_bags: bool) -> Archive:
    """Keep from now on which recordings are wanted, or that whole bags are again."""
    if recordings is not None and whole_bags:
        raise UsageError("--recordings and --whole-bags say different things.", "Give one of them.")
    name = str(recordings.resolve()) if recordings else "" if whole_bags else None
    if name is None or name == mirror.settings.mirror.recordings:
        return mirror
    if recordings is not None:
        read_list(recordings)  # a mistake in it is named before anything is kept
    set_in_file(mirror.folder / SETTINGS_FILE, "mirror", "recordings", name)
    return _with(mirror, recordings=name)


def _with(mirror: Archive, **changes: Any) -> Archive:
    settings = mirror.settings
    return replace(mirror, settings=replace(settings, mirror=replace(settings.mirror, **changes)))


def _print(folder: Path, result: SyncResult, *, explained: bool) -> None:
    if result.stale:
        roles = ", ".join(result.stale)
        messages.print(f"The publisher's signatures are past their date ({roles}); still followed.")
    for bag, reason in (*result.refused, *result.missing):
        messages.print(safe(f"{bag}: {reason}"), style="red")
    if not explained:
        print_left_out(result)
    for bag, successor in result.withdrawn:
        instead = f"; what remains of it is {successor}" if successor else ""
        messages.print(safe(f"{bag}: withdrawn{instead}"), style="dim")
    if result.erased_files:
        gone = f"{counted(result.erased_files, 'file')}, {human_size(result.erased_bytes)}"
        messages.print(f"Erased {gone} that are held no more; the proof is in the mirror's ledger.")
    fetched = f"fetched {human_size(result.fetched)}, {human_size(result.verified_already)} were here already"
    parts = f" and parts of {len(result.partial)}" if result.partial else ""
    held = f"{counted(len(result.complete), 'bag')}{parts} of edition {result.edition}"
    output.print(f"{folder} holds {held}, every byte verified; {fetched}.")
