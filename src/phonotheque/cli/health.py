"""phono health: how many copies of each bag mirrors have, and what is at risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from sqlalchemy import select

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
from phonotheque.ledger.copy_counts import LEVELS, Level, Measure, over_time
from phonotheque.ledger.mirrors import claimants
from phonotheque.ledger.proofs import proofs_of_bag
from phonotheque.ledger.schema import bags
from phonotheque.mirrors.health import BagHealth, Health, look
from phonotheque.mirrors.scrape import Hashes, Scraped, scrape
from phonotheque.mirrors.telling_health import update_health
from phonotheque.model.errors import BusyError, NotFoundError, UsageError
from phonotheque.vault.archive import Archive, now, timestamp

_SHOWN = 20


@click.command("health")
@archive_argument
@click.option(
    "--bag", "bag_id", metavar="ID", help="One bag: who says they hold it, who proved it, over time."
)
@click.option("--scrape", "ask_trackers", is_flag=True, help="Also ask the archive's trackers for seeders.")
@click.option("--all", "everything", is_flag=True, help="List every bag at risk.")
@json_option
@click.pass_context
def health_command(
    context: click.Context,
    archive: Archive,
    bag_id: str | None,
    ask_trackers: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Count how many mirrors have each bag of ARCHIVE: as they say, and as they proved.

    A bag is safe with [health] copies proven copies; what has fewer is at risk. What nobody verified is
    called a claim, and makes nothing safe. The counts are kept, and shown in public/copies.json and
    public/health.atom. Exit code 4 while any bag is at risk.
    """
    scraped = _scrape(archive) if ask_trackers else Scraped({}, ())
    health = _count(archive, scraped.seeders if ask_trackers else None)
    if bag_id is not None:
        _show_bag(archive, health, bag_id, as_json)
    else:
        show(_told(health, scraped), as_json, lambda: _print(health, everything))
    at_risk = health.at_risk if bag_id is None else [bag for bag in health.at_risk if bag.id == bag_id]
    context.exit(4 if at_risk else 0)


def _count(archive: Archive, seeders: Mapping[str, int] | None) -> Health:
    """Count and record; if somebody else is changing the archive, count only."""
    at = now()
    try:
        with archive.writing("health"):
            return update_health(archive, at=at, seeders=seeders)
    except BusyError as error:
        messages.print(f"{error.message} This count is not kept.")
        return look(archive, at=at, seeders=seeders)


def _scrape(archive: Archive) -> Scraped:
    trackers = archive.settings.publish.trackers
    if not trackers:
        raise UsageError("This archive's torrents have no trackers.", "Leave out --scrape.")
    with archive.ledger.connect() as ledger:
        rows = ledger.execute(select(bags.c.id, bags.c.infohash_v1, bags.c.infohash_v2))
        torrents = {row.id: Hashes(row.infohash_v1, row.infohash_v2) for row in rows}
    scraped = scrape(trackers, torrents)
    for tracker, why in scraped.failures:
        messages.print(safe(f"{tracker}: {why}"), style="yellow")
    return scraped


def _bag(bag: BagHealth) -> dict[str, Any]:
    return {
        "id": bag.id,
        "edition": bag.edition,
        "bytes": bag.bytes,
        "proven": bag.count.proven,
        "proven_since": bag.count.proven_since,
        "claimed": bag.count.claimed,
        "seeders_claimed_by_trackers": bag.count.seeders,
    }


def _told(health: Health, scraped: Scraped) -> dict[str, Any]:
    return {
        "archive": health.archive,
        "edition": health.edition,
        "time": health.at,
        "wanted": health.settings.copies,
        "proof_days": health.settings.proof_days,
        "mirrors": health.mirrors,
        "reporting": health.reporting,
        "levels": {measure: health.levels(measure) for measure in Measure},
        "at_risk": len(health.at_risk),
        "bags": [_bag(bag) for bag in health.bags],
        "trackers_failed": [{"tracker": tracker, "reason": why} for tracker, why in scraped.failures],
    }


def _print(health: Health, everything: bool) -> None:
    settings = health.settings
    listed = f"{counted(len(health.bags), 'bag')} of edition {health.edition}"
    heard = f"{health.reporting:,} of them heard of in the last {settings.silent_days} days"
    output.print(f"{listed}; {counted(health.mirrors, 'mirror')}, {heard}")
    for measure, what in (
        (Measure.PROVEN, f"Proven copies, in the last {settings.proof_days} days"),
        (Measure.CLAIMED, "Claimed copies, which nobody verified"),
    ):
        levels = health.levels(measure)
        words = ", ".join(
            f"{_level(level, settings.copies)}: {levels[level]:,}" for level in LEVELS if levels[level]
        )
        output.print(f"{what}:  {words}")
    if not health.at_risk:
        output.print(f"Every bag has at least {settings.copies} proven copies.")
        return
    size = human_size(sum(bag.bytes for bag in health.at_risk))
    few = f"{counted(len(health.at_risk), 'bag')} ({size}) with fewer than {settings.copies} proven copies"
    output.print(f"At risk: {few}", style="yellow")
    shown = health.at_risk if everything else health.at_risk[:_SHOWN]
    for bag in shown:
        seeders = (
            ""
            if bag.count.seeders is None
            else f", {counted(bag.count.seeders, 'seeder')} as trackers last claimed"
        )
        copies = f"{bag.count.proven} proven, {bag.count.claimed} claimed{seeders}"
        output.print(safe(f"  {bag.id}  {human_size(bag.bytes)}: {copies}"))
    if len(shown) < len(health.at_risk):
        output.print(f"  … and {len(health.at_risk) - len(shown):,} more; --all and --json list them all")


def _level(level: Level, wanted: int) -> str:
    return {
        Level.NONE: "none",
        Level.ONE: "one",
        Level.FEW: f"two to {wanted - 1}" if wanted > 3 else "two",
        Level.ENOUGH: f"{wanted} or more",
    }[level]


def _show_bag(archive: Archive, health: Health, bag_id: str, as_json: bool) -> None:
    bag = next((bag for bag in health.bags if bag.id == bag_id), None)
    if bag is None:
        raise NotFoundError(
            f"The current edition has no bag {bag_id}.",
            f"List them with: phono health {archive.folder} --json",
        )
    with archive.ledger.connect() as ledger:
        heard_since = timestamp(now() - timedelta(days=health.settings.silent_days))
        said_by = claimants(ledger, bag_id, since=heard_since)
        proofs = proofs_of_bag(ledger, bag_id)
        history = over_time(ledger, bag_id)
    data = {
        **_bag(bag),
        "claimed_by": [
            {"mirror": mirror.id, "name": mirror.name, "said_at": mirror.reported_at, "verified_since": when}
            for mirror, when in said_by
        ],
        "proofs": [asdict(proof) for proof in proofs],
        "over_time": [asdict(day) for day in history],
    }

    def text() -> None:
        output.print(safe(f"{bag.id}  {human_size(bag.bytes)}, edition {bag.edition}"), style="bold")
        wanted = f"{health.settings.copies} proven are wanted"
        output.print(f"Proven {bag.count.proven}, claimed {bag.count.claimed}; {wanted}")
        for mirror, when in said_by[:_SHOWN]:
            since = f"every byte verified since {when[:10]}" if when else "never verified"
            name = f"{mirror.name} ({mirror.id})" if mirror.name else mirror.id
            output.print(safe(f"  claims it: {name}, on {mirror.reported_at}; {since}, as it says"))
        for proof in proofs[:_SHOWN]:
            asked = f"{counted(proof.blocks, 'block')} at {proof.address}"
            output.print(safe(f"  {proof.outcome} on {proof.at}: {proof.mirror}, {asked}"))
        for day in history[-_SHOWN:]:
            seeders = "" if day.seeders is None else f", {day.seeders} seeders claimed"
            output.print(f"  since {day.day}: {day.proven} proven, {day.claimed} claimed{seeders}")

    show(data, as_json, text)
