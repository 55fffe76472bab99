"""phono mirror: hold somebody else's edition, as much of it as fits."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from phonotheque.cli.common import (
    Size,
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.holdings import lost_by_moving
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import parse_country
from phonotheque.vault.archive import SETTINGS_FILE, Archive


@click.command("mirror")
@click.argument("origin")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--budget", type=Size(), help="How much of your disk it may take: 500GB, 2TB. Kept for next time."
)
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
@click.option("--peer", "peers", multiple=True, metavar="HOST:PORT", help="Also ask this peer. Repeatable.")
@click.option(
    "--listen", multiple=True, metavar="ADDRESS:PORT", help="Where to listen for peers. Repeatable."
)
@click.option("--no-discovery", is_flag=True, help="Look for no peers by DHT or local broadcast.")
@click.option(
    "--no-web-seed", is_flag=True, help="Fetch from peers only, not from the publisher's web server."
)
@click.option(
    "--patience", type=float, default=120.0, show_default=True, help="Seconds to wait for any data."
)
@json_option
@click.pass_context
def mirror_command(
    context: click.Context,
    origin: str,
    folder: Path,
    budget: int | None,
    trust: str,
    country: str,
    move: bool,
    once: bool,
    peers: tuple[str, ...],
    listen: tuple[str, ...],
    no_discovery: bool,
    no_web_seed: bool,
    patience: float,
    as_json: bool,
) -> None:
    """Hold what fits of the edition at ORIGIN (a URL, or an archive's or mirror's folder) in FOLDER.

    Every byte is verified before it counts as held. Without --once it goes on serving what it holds to others
    and follows new editions, until Ctrl-C. Run it again at any time: nothing verified is fetched twice.

    What an edition withdraws, or no longer lets be held where the mirror is, is erased; the proof is kept.
    """
    if country and not move and (folder / SETTINGS_FILE).exists():
        _ask_before_moving(open_mirror(folder, origin), parse_country(country, "--in"))
    mirror = open_mirror(folder, origin, budget=budget or 0, trust=trust, country=country)
    allowed = budget or mirror.settings.mirror.budget
    if not allowed:
        raise UsageError("How much may the mirror take?", "Say it: --budget 100GB")
    with progress_bars() as progress, _ending_well() as stop:
        result = sync(
            mirror,
            open_origin(mirror.settings.mirror.origin, country=mirror.settings.mirror.country),
            budget=allowed,
            peers=peers,
            once=once,
            trust=trust or mirror.settings.mirror.trust or None,
            swarm=swarm_settings(listen, no_discovery, no_web_seed),
            pace=Pace(stall_timeout=patience),
            progress=progress,
            stop=stop,
            on_listening=lambda port, _: messages.print(f"Listening for peers on port {port}."),
            on_round=None if once else _tell_changes(),
        )
    show(asdict(result), as_json, lambda: _print(folder, result))
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


def swarm_settings(listen: tuple[str, ...], no_discovery: bool, no_web_seed: bool) -> SwarmSettings:
    """Return settings from the flags that ``mirror`` and ``repair`` share."""
    settings = SwarmSettings(listen=listen) if listen else SwarmSettings()
    quiet = no_discovery or settings.local
    return SwarmSettings(
        listen=settings.listen,
        dht=not quiet,
        lsd=not quiet,
        port_mapping=not quiet,
        web_seed=not no_web_seed,
    )


@contextmanager
def _ending_well() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into an orderly end, the second into a hard one."""
    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        messages.print("Ending; once more to end at once.")
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_changes() -> Callable[[SyncResult], None]:
    """Return what tells of a running mirror's rounds, if they have changed anything."""
    seen: list[tuple[int, tuple[str, ...]]] = []

    def tell(result: SyncResult) -> None:
        now = (result.edition, result.complete)
        if seen[-1:] == [now] and not result.erased_files:
            return
        seen[:] = [now]
        held = f"Edition {result.edition}: {counted(len(result.complete), 'bag')} held and served"
        gone = f"; {counted(result.erased_files, 'file')} erased" if result.erased_files else ""
        waiting = f"; {len(result.missing)} not to be had yet" if result.missing else ""
        messages.print(f"{held}{gone}{waiting}.")

    return tell


def _print(folder: Path, result: SyncResult) -> None:
    if result.stale:
        roles = ", ".join(result.stale)
        messages.print(f"The publisher's signatures are past their date ({roles}); still followed.")
    for bag, reason in (*result.refused, *result.missing):
        messages.print(safe(f"{bag}: {reason}"), style="red")
    for bag, reason in result.left_out:
        messages.print(safe(f"{bag}: left out, {reason}"), style="dim")
    for bag, successor in result.withdrawn:
        instead = f"; what remains of it is {successor}" if successor else ""
        messages.print(safe(f"{bag}: withdrawn{instead}"), style="dim")
    if result.erased_files:
        gone = f"{counted(result.erased_files, 'file')}, {human_size(result.erased_bytes)}"
        messages.print(f"Erased {gone} that may not be held any more; the proof is in the mirror's ledger.")
    fetched = f"fetched {human_size(result.fetched)}, {human_size(result.verified_already)} were here already"
    held = f"{counted(len(result.complete), 'bag')} of edition {result.edition}"
    output.print(f"{folder} holds {held}, every byte verified; {fetched}.")
