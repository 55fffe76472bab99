"""phono jobs: what runs, what failed and why; and trying that again."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.add import add_music
from phonotheque.cli.common import (
    archive_argument,
    cluster_option,
    counted,
    failed,
    human_size,
    human_time,
    json_option,
    messages,
    on_cluster,
    output,
    safe,
    show,
)
from phonotheque.cli.publish import publish_edition
from phonotheque.jobs.tracking import Sign, sign_of
from phonotheque.ledger.jobs import (
    Item,
    JobRecord,
    give_up,
    given_up,
    jobs_named,
    last_jobs,
    open_items,
    running_jobs,
)
from phonotheque.model.errors import BusyError, NotFoundError, PhonothequeError, UsageError
from phonotheque.sources.giving_up import gone
from phonotheque.sources.intake import AddOptions
from phonotheque.sources.take_in import How
from phonotheque.vault.archive import Archive, now, timestamp

_LISTED = 50  # items shown to people
_STYLES = {Sign.FAILED: "red", Sign.INTERRUPTED: "yellow", Sign.SILENT: "yellow"}


class _DefaultToList(click.Group):
    """``phono jobs ARCHIVE`` lists; ``phono jobs retry ARCHIVE`` tries again."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("jobs", cls=_DefaultToList)
def jobs_command() -> None:
    """Show what runs, what failed and why; try that again.

    \b
    phono jobs ARCHIVE               list
    phono jobs retry ARCHIVE [ID]    try again what failed or was set aside
    phono jobs give-up ARCHIVE …     ask for some of that no more
    """


@jobs_command.command("list")
@archive_argument
@click.option("--last", default=10, show_default=True, type=click.IntRange(0, 100_000), help="How many jobs.")
@json_option
def list_command(archive: Archive, last: int, as_json: bool) -> None:
    """List what runs, what ran last, and what can be tried again."""
    with archive.ledger.connect() as ledger:
        items = open_items(ledger)
        dropped = given_up(ledger)
        records = {record.id: record for record in running_jobs(ledger)}
        records |= {record.id: record for record in last_jobs(ledger, last)}
    open_in: dict[int, int] = defaultdict(int)
    for item in items:
        open_in[item.job] += 1
    listed = [_job_data(record, open_in[record.id]) for _, record in sorted(records.items(), reverse=True)]
    data = {
        "jobs": listed,
        "items": [_item_data(item) for item in items],
        "given_up": [_item_data(item) for item in dropped],
    }
    show(data, as_json, lambda: _print(archive, data))


@jobs_command.command("retry")
@archive_argument
@click.argument("number", metavar="[ID]", required=False, type=int)
@cluster_option
@json_option
@click.pass_context
def retry_command(
    context: click.Context, archive: Archive, number: int | None, cluster: str | None, as_json: bool
) -> None:
    """Try again what failed or was set aside, in all jobs or in that with the number ID.

    A job that did not come to its end is done again as a whole. Exit code 1 when something failed again.
    """
    archive = on_cluster(archive, cluster)
    with archive.ledger.connect() as ledger:
        before = open_items(ledger, number)
        records = jobs_named(ledger, {item.job for item in before} | ({number} if number else set()))
    if number is not None and not records:
        raise NotFoundError(f"There is no job {number}.", f"See which there are: phono jobs {archive.folder}")
    errors: dict[int, PhonothequeError] = {}
    for record in records:
        try:
            _again(archive, record, [item.item for item in before if item.job == record.id])
        except BusyError:
            raise  # so would all the others
        except PhonothequeError as error:
            if number is not None:
                raise
            errors[record.id] = error
    with archive.ledger.connect() as ledger:
        tried = {item.item for item in before}
        left = [item for item in open_items(ledger) if item.item in tried]
    data = {
        "tried": len(before),
        "done": len(before) - len(left),
        "items": [_item_data(item) for item in left],
        "errors": [{"job": job, "message": error.message} for job, error in errors.items()],
    }
    show(data, as_json, lambda: _print_retried(archive, data))
    for unable in errors.values():
        failed(unable.message, unable.advice, unable.exit_code)
    context.exit(1 if left or errors else 0)


@jobs_command.command("give-up")
@archive_argument
@click.argument("names", nargs=-1, type=click.Path(), metavar="[ITEM]...")
@click.option("--gone", "are_gone", is_flag=True, help="All files that are not there any more.")
@click.option("--reason", default="", help="Why, for whoever asks later.")
@json_option
def give_up_command(
    archive: Archive, names: tuple[str, ...], are_gone: bool, reason: str, as_json: bool
) -> None:
    """Ask no more for ITEMs that failed or were set aside, by their paths; or for files that are --gone.

    The ledger keeps that, with its date, beside what had failed. Nothing else is changed, and an item that is
    taken in later, or fails again, is treated as any other.
    """
    if bool(names) == are_gone:
        raise UsageError(
            "Say what is to be given up: items by their paths, or --gone.",
            f"See which there are: phono jobs {archive.folder}",
        )
    with archive.writing("jobs give-up"), archive.ledger.begin() as ledger:
        left = open_items(ledger)
        chosen = gone(ledger, left) if are_gone else _named(archive, left, names)
        give_up(ledger, chosen, reason or ("not there any more" if are_gone else ""), at=timestamp(now()))
    data = {"given_up": [_item_data(item) for item in chosen], "left": len(left) - len(chosen)}
    show(data, as_json, lambda: _print_given_up(data))


def _named(archive: Archive, left: list[Item], names: Iterable[str]) -> list[Item]:
    known = {item.item: item for item in left}
    chosen = {}
    for name in names:
        place = Path(name)
        # An add's folders are named as they resolve.
        paths = (os.fsencode(name), os.fsencode(place.parent.resolve() / place.name))
        found = next((known[path] for path in paths if path in known), None)
        if found is None:
            raise NotFoundError(
                f"{name} is nothing that failed or was set aside.",
                f"Nothing was given up. See which there are: phono jobs {archive.folder}",
            )
        chosen[found.item] = found
    return list(chosen.values())


def _again(archive: Archive, record: JobRecord, items: list[bytes]) -> None:
    whole = sign_of(record, now()) is not Sign.DONE
    if sign_of(record, now()) in (Sign.RUNNING, Sign.SILENT):
        raise PhonothequeError(
            f"Job {record.id} runs, on {record.run.host}.", "Wait until it has ended, or stop it there."
        )
    if record.kind == "publish":
        publish_edition(archive, now(), bool(record.options.get("nonfree")))
        return
    folders = [Path(folder) for folder in record.options.get("folders", ())]
    if record.kind != "add" or (whole and not record.options.get("plain")):
        raise UsageError(
            f"Job {record.id} cannot be done again from here: it is more than a folder of music.",
            f"Run it again: phono {record.kind} {archive.folder} {record.what}",
        )
    options = AddOptions(
        how=How(record.options.get("how", How.COPY)),
        loudness=bool(record.options.get("loudness", True)),
        workers=record.options.get("workers"),
    )
    if whole:
        for folder in folders:
            add_music(archive, folder, options)
        # What was set aside looks unchanged, and was not tried: it is still this job's.
        with archive.ledger.connect() as ledger:
            items = [item.item for item in open_items(ledger, record.id)]
    if items:
        for folder in folders:
            add_music(archive, folder, replace(options, only=frozenset(items)))


def _job_data(record: JobRecord, left: int) -> dict[str, Any]:
    standing = record.standing
    seconds = (_moment(record.seen_at) - _moment(standing.stage_at)).total_seconds()
    rate = standing.files / seconds if seconds > 0 and standing.files else None
    return {
        "id": record.id,
        "kind": record.kind,
        "what": record.what,
        "state": sign_of(record, now()).value,
        "host": record.run.host,
        "pid": record.run.pid,
        "cluster": record.run.cluster,
        "stage": standing.stage,
        "files": standing.files,
        "of_files": standing.of_files,
        "bytes": standing.bytes,
        "of_bytes": standing.of_bytes,
        "files_per_second": None if rate is None else round(rate, 2),
        "started_at": record.started_at,
        "seen_at": record.seen_at,
        "finished_at": record.finished_at,
        "message": record.message,
        "failed": left,
    }


def _item_data(item: Item) -> dict[str, Any]:
    return {
        "job": item.job,
        "item": item.item.decode("utf-8", "backslashreplace"),
        "outcome": item.outcome.value,
        "reason": item.reason,
        "attempts": item.attempts,
        "at": item.at,
    }


def _print(archive: Archive, data: Mapping[str, Any]) -> None:
    if not data["jobs"]:
        messages.print("Nothing has run here yet.")
    for one in data["jobs"]:
        sign = Sign(one["state"])
        left = f"; {counted(one['failed'], 'item')} to try again" if one["failed"] else ""
        line = f"{one['id']:>5}  {one['kind']} {one['what']}: {_story(one, sign)}{left}"
        output.print(safe(line), style=_STYLES.get(sign))
    _print_items(archive, data["items"])
    if data["given_up"]:
        messages.print(f"{counted(len(data['given_up']), 'item')} given up; --json lists them.")


def _story(one: Mapping[str, Any], sign: Sign) -> str:
    where = f"on {one['host']} (process {one['pid']}"
    where += f", workers of {one['cluster']})" if one["cluster"] else ")"
    if sign is Sign.RUNNING:
        return f"{_standing(one)}, {where}"
    if sign is Sign.SILENT:
        return f"no news since {one['seen_at']}: {_standing(one)}; look {where}"
    if sign is Sign.INTERRUPTED:
        since = one["finished_at"] or f"some time after {one['seen_at']}"
        return f"interrupted {since}: {_standing(one)}; run it again to go on"
    if sign is Sign.FAILED:
        return f"failed {one['finished_at']}: {one['message']}"
    lasted = _moment(one["finished_at"]) - _moment(one["started_at"])
    return f"done {one['finished_at']}, in {human_time(lasted / timedelta(seconds=1))}"


def _standing(one: Mapping[str, Any]) -> str:
    said = one["stage"] or "beginning"
    if one["of_files"]:
        said += f", {one['files']:,} of {one['of_files']:,} files"
    elif one["files"]:
        said += f", {counted(one['files'], 'file')}"
    if one["bytes"]:
        said += f", {human_size(one['bytes'])}"
    if rate := one["files_per_second"]:
        said += f", {rate:,.1f} files/s"
        if (one["of_files"] or 0) > one["files"]:
            said += f", {human_time((one['of_files'] - one['files']) / rate)} left"
    return said


def _print_items(archive: Archive, items: list[Mapping[str, Any]]) -> None:
    if not items:
        return
    messages.print(f"\n{counted(len(items), 'item')} to try again: phono jobs retry {archive.folder}")
    for item in items[:_LISTED]:
        tried = counted(item["attempts"], "attempt")
        line = f"  {item['item']}: {item['outcome']} in job {item['job']} after {tried}: {item['reason']}"
        output.print(safe(line))
    if len(items) > _LISTED:
        messages.print(f"  … and {len(items) - _LISTED:,} more; --json lists all")


def _print_retried(archive: Archive, data: Mapping[str, Any]) -> None:
    if not data["tried"]:
        output.print("There was nothing that had failed.")
        return
    output.print(f"Tried {counted(data['tried'], 'item')} again: {data['done']:,} done.")
    _print_items(archive, data["items"])


def _print_given_up(data: Mapping[str, Any]) -> None:
    for item in data["given_up"][:_LISTED]:
        output.print(safe(f"  {item['item']}"))
    if len(data["given_up"]) > _LISTED:
        messages.print(f"  … and {len(data['given_up']) - _LISTED:,} more; --json lists all")
    output.print(f"Given up: {counted(len(data['given_up']), 'item')}; {data['left']:,} to try again.")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
