"""phono holdings: what mirrors say that they hold; saying it, and taking it in by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    json_option,
    messages,
    output,
    safe,
    show,
)
from phonotheque.ledger.mirrors import (
    MirrorRecord,
    all_mirrors,
    changes_of,
    find_mirror,
    forget_mirror,
    holds_of,
)
from phonotheque.ledger.packed import oldest_verified
from phonotheque.ledger.proofs import Proof, proof_totals, proofs_of_mirror
from phonotheque.mirrors.astray import Bags, astray, bags_by_number
from phonotheque.mirrors.report import MAX_REPORT_BYTES
from phonotheque.mirrors.reporting import signed_report
from phonotheque.mirrors.taking_reports import Taken, take_report
from phonotheque.mirrors.telling_health import update_health
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.vault.archive import Archive, now

_SHOWN = 20
_ASTRAY = {
    "taken_back": "was taken back in the edition that it follows",
    "not_for_there": "is not for people where it says it is",
}


class _DefaultToList(click.Group):
    """``phono holdings ARCHIVE`` lists; ``phono holdings add ARCHIVE …`` takes a report in."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("holdings", cls=_DefaultToList)
def holdings_command() -> None:
    """Show which mirrors there are, what they say that they hold, and when they said it.

    \b
    phono holdings ARCHIVE                 list
    phono holdings export MIRROR           a mirror's signed report, to be sent as a file
    phono holdings add ARCHIVE REPORT…     take such files in
    phono holdings forget ARCHIVE MIRROR   forget a mirror, and its key
    """


@holdings_command.command("list")
@archive_argument
@click.option("--mirror", "mirror_id", metavar="ID", help="One mirror only, with how its holdings changed.")
@json_option
def list_command(archive: Archive, mirror_id: str | None, as_json: bool) -> None:
    """List mirrors that reported to ARCHIVE. What they say is a claim: nobody verified it."""
    _check_is_publisher(archive)
    with archive.ledger.connect() as ledger:
        mirrors = all_mirrors(ledger) if mirror_id is None else [_known(archive, mirror_id)]
        among, totals = bags_by_number(ledger), proof_totals(ledger)
        detailed = mirror_id is not None
        told = [_told(ledger, mirror, among, history=as_json or detailed) for mirror in mirrors]
    show({"mirrors": told}, as_json, lambda: _print(archive, mirrors, told, totals, detailed=detailed))


@holdings_command.command("export")
@archive_argument
def export_command(archive: Archive) -> None:
    """Print the signed report of the mirror ARCHIVE, to be sent to its publisher as a file.

    It names the bags that are held, and nobody: a name, an address or a country are in it only if they were
    set in [mirror].
    """
    data = signed_report(archive, now())
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.flush()


@holdings_command.command("add")
@archive_argument
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def add_command(archive: Archive, reports: tuple[Path, ...], as_json: bool) -> None:
    """Take in reports that mirrors sent as files, and count copies anew.

    A mirror's first report binds its id to its key. Those that cannot be taken are named, and end it with
    their exit code after the others were taken.
    """
    _check_is_publisher(archive)
    taken, refused = list[Taken](), list[tuple[Path, PhonothequeError]]()
    with archive.writing("holdings"):
        for path in reports:
            try:
                taken.append(take_report(archive, _read(path), at=now(), by_hand=True))
            except PhonothequeError as error:
                refused.append((path, error))
        if any(not one.again for one in taken):
            update_health(archive, at=now())
    data = {
        "taken": [asdict(one) for one in taken],
        "refused": [{"file": str(path), "reason": why.message} for path, why in refused],
    }
    for path, why in refused:
        messages.print(safe(f"{path}: {why.message} {why.advice}"), style="red")
    show(data, as_json, lambda: _print_taken(taken))
    if refused:
        click.get_current_context().exit(refused[0][1].exit_code)


@holdings_command.command("forget")
@archive_argument
@click.argument("mirror_id", metavar="MIRROR")
@json_option
def forget_command(archive: Archive, mirror_id: str, as_json: bool) -> None:
    """Forget the mirror with the id MIRROR: its key, what it said and what it proved.

    Its next report is a first one, and may be signed by another key.
    """
    _check_is_publisher(archive)
    with archive.writing("holdings"):
        mirror = _known(archive, mirror_id)
        with archive.ledger.begin() as ledger:
            forget_mirror(ledger, mirror.number)
        update_health(archive, at=now())
    show({"forgotten": mirror.id}, as_json, lambda: output.print(f"Forgot {mirror.id}."))


def _check_is_publisher(archive: Archive) -> None:
    if archive.is_mirror:
        raise UsageError(
            f"{archive.folder} is a mirror: others report to its publisher.",
            f"What it holds: phono status {archive.folder}. Its own report: phono holdings export",
        )


def _known(archive: Archive, mirror_id: str) -> MirrorRecord:
    with archive.ledger.connect() as ledger:
        mirror = find_mirror(ledger, mirror_id)
    if mirror is None:
        raise NotFoundError(
            f"No mirror {mirror_id} is known.", f"See them all with: phono holdings {archive.folder}"
        )
    return mirror


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_REPORT_BYTES + 10)  # what is longer is refused as too long
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no {path}.", "Give the file that phono holdings export wrote."
        ) from error
    except OSError as error:
        raise PhonothequeError(f"{path} cannot be read: {error.strerror}.", "Give a file.") from error


def _told(ledger: Connection, mirror: MirrorRecord, among: Bags, *, history: bool) -> dict[str, Any]:
    """Return what is known of a mirror; what it says itself is under "claims". ``history``: all of it."""
    said = ("edition", "name", "country", "web", "peers", "bags", "bytes", "unknown")
    held = holds_of(ledger, mirror.number)
    told = {
        **{name: getattr(mirror, name) for name in ("id", "key", "first_seen", "reported_at", "received_at")},
        "claims": {name: getattr(mirror, name) for name in said} | {"verified_since": oldest_verified(held)},
        "claims_and_should_not_have": asdict(astray(held, mirror, among)),
    }
    if history:
        told["changes"] = [asdict(change) for change in changes_of(ledger, mirror.number)]
        told["proofs"] = [_proof(proof) for proof in proofs_of_mirror(ledger, mirror.number)]
    return told


def _proof(proof: Proof) -> dict[str, Any]:
    return {name: value for name, value in asdict(proof).items() if name != "mirror"}


def _print(
    archive: Archive,
    mirrors: list[MirrorRecord],
    told: list[dict[str, Any]],
    totals: Mapping[int, tuple[int, int, str | None]],
    *,
    detailed: bool,
) -> None:
    if not mirrors:
        output.print("No mirror has reported yet. Mirrors do it with: phono mirror ORIGIN FOLDER --report")
    for mirror, all_of_it in zip(mirrors, told, strict=True):
        where = f" in {mirror.country}" if mirror.country else ""
        output.print(safe(f"{mirror.name or 'A mirror'}{where}  ({mirror.id})"), style="bold")
        if mirror.reported_at is None:
            output.print("  has never reported")
        else:
            verified = all_of_it["claims"]["verified_since"]
            since = f", every byte verified since {verified[:10]}" if verified else ""
            held = f"{counted(mirror.bags, 'whole bag')}, {human_size(mirror.bytes)}"
            output.print(f"  claims {held}{since}; edition {mirror.edition}; said on {mirror.reported_at}")
        if mirror.unknown:
            output.print(f"  and {counted(mirror.unknown, 'bag')} that are none of this archive's")
        for what, listed in all_of_it["claims_and_should_not_have"].items():
            if listed:
                names = f"{', '.join(listed[:_SHOWN])}{', …' if len(listed) > _SHOWN else ''}"
                said = f"  says that it has what {_ASTRAY[what]}: {names}"
                output.print(safe(said), style="yellow")
        for address in (mirror.web, *mirror.peers):
            if address:
                output.print(safe(f"  says it is at {address}"), style="dim")
        asked, proved, latest = totals.get(mirror.number, (0, 0, None))
        last = f", the last on {latest[:10]}" if latest else ""
        output.print(f"  proved {counted(proved, 'time')} of {asked:,} that it has what was asked{last}")
        if detailed:
            _print_history(all_of_it)


def _print_history(told: dict[str, Any]) -> None:
    for change in told["changes"][:_SHOWN]:
        size = human_size(change["bytes"])
        moved = f"{change['gained']:,} more, {change['lost']:,} fewer"
        output.print(f"  {change['at'][:10]}  {counted(change['bags'], 'bag')}, {size}: {moved}")
    for proof in told["proofs"][:_SHOWN]:
        output.print(safe(f"  {proof['at'][:10]}  {proof['outcome']}: {proof['bag']}, at {proof['address']}"))


def _print_taken(taken: list[Taken]) -> None:
    for one in taken:
        if one.again:
            output.print(f"{one.mirror}: taken before.")
            continue
        new = "a mirror's first report, its key is kept from now on; " if one.first else ""
        unknown = f"; {counted(one.unknown, 'bag')} unknown here" if one.unknown else ""
        held = f"claims {counted(one.bags, 'whole bag')}, {human_size(one.bytes)}"
        output.print(f"{one.mirror}: {new}{held}: {one.gained:,} more, {one.lost:,} fewer{unknown}.")
