"""phono publish: seal bags and publish a signed edition."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from phonotheque.cli.common import (
    archive_argument,
    cluster_option,
    counted,
    human_size,
    job,
    json_option,
    messages,
    on_cluster,
    output,
    safe,
    show,
)
from phonotheque.cli.pages import renew_pages
from phonotheque.editions.publish import PublishResult, publish
from phonotheque.ledger.jobs import Outcome, settle_kind
from phonotheque.mirrors.copies import COPIES
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive, now, timestamp


@click.command("publish")
@archive_argument
@click.option(
    "--date", "date", help="The edition's date (ISO 8601, UTC); now by default. Same date, same bytes."
)
@click.option(
    "--with-nonfree",
    "nonfree",
    is_flag=True,
    help="Publish also those tables of the catalogue that are CC BY-NC-SA.",
)
@cluster_option
@json_option
@click.pass_context
def publish_command(
    context: click.Context,
    archive: Archive,
    date: str | None,
    nonfree: bool,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Seal what is new into bags and publish the next edition under ARCHIVE/public.

    Only what the plan selects and a recorded basis allows goes out. A bag with something in it that was taken
    back, or may no longer be shared there, is replaced by one without it. The reading room is written as
    plain files, too; if [publish] pages is false, those of an earlier time are removed. Exit code 4 when a
    file that should have gone out is damaged or missing: the rest is published.
    """
    result = publish_edition(on_cluster(archive, cluster), _moment(date), nonfree)
    for failure in result.failures:
        messages.print(safe(f"{failure.what}: {failure.path}: {failure.detail}"), style="red")
    data = {
        "edition": result.number,
        "new": result.new,
        "bags": [asdict(bag) for bag in result.bags],
        "revised": [
            {
                "bag": one.before,
                "replaced_by": one.after.id if one.after else None,
                "reason": one.reason,
                "files_out": one.left,
            }
            for one in result.revised
        ],
        "failures": [asdict(failure) for failure in result.failures],
    }
    show(data, as_json, lambda: _print(archive, result))
    renew_pages(archive)  # after what counts is told: it takes a while, and can be done again
    context.exit(4 if result.failures else 0)


def publish_edition(archive: Archive, at: datetime, nonfree: bool) -> PublishResult:
    """Publish, as a job that can be told to try again what failed."""
    with job(archive, "publish", archive.settings.archive.name, {"nonfree": nonfree}) as running:
        result = publish(archive, at=at, nonfree=nonfree, progress=running)
        with archive.ledger.begin() as ledger:
            settle_kind(ledger, "publish", at=timestamp(now()))  # whatever failed before was tried again
            for failure in result.failures:
                reason = f"{failure.what}: {failure.detail}"
                running.failed(ledger, failure.path.encode(errors="replace"), Outcome.FAILED, reason, 1)
        if (archive.public / COPIES).exists():
            from phonotheque.mirrors.telling_health import update_health  # slow to import, and seldom needed

            update_health(archive, at=now())  # new bags have no copies, former ones are counted no more
    return result


def _print(archive: Archive, result: PublishResult) -> None:
    if not result.new:
        output.print(f"Nothing new to publish: edition {result.number} is current.")
        return
    output.print(f"Published edition {result.number}: {counted(len(result.bags), 'new bag')}.")
    for one in result.revised:
        instead = f"; the rest is {one.after.id}" if one.after else "; nothing is left of it"
        messages.print(safe(f"{one.before}: {counted(one.left, 'file')} out: {one.reason}{instead}"))
    for bag in result.bags:
        whom = "" if bag.audience == WORLDWIDE else f"  for {bag.audience}"
        size = f"{counted(bag.payload_files, 'file')}  {human_size(bag.bytes)}"
        output.print(f"  {bag.id}  {size}  {bag.infohash_v2[:16]}…{whom}")
    where = archive.settings.publish.url or archive.public
    output.print(f"Others can hold it with: phono mirror {where} MY-MIRROR --budget 100GB")


def _moment(date: str | None) -> datetime:
    if date is None:
        return now()
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        raise UsageError(
            f"“{date}” is not a date.", "Write it like 2026-11-21 or 2026-11-21T10:15:00Z."
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).replace(microsecond=0)
