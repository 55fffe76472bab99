"""phono check: verify every byte, all of it now or some of it each night."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from types import FrameType
from typing import Any

import click

from phonotheque.cli.common import (
    Size,
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
from phonotheque.cli.scrubbing import print_run, print_standing, warn_of_pace
from phonotheque.mirrors.holdings import expected_bags, parts_expected
from phonotheque.mirrors.scrubbing import note_checked, note_whole, units_of
from phonotheque.model.durations import duration_or_none, parse_duration
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.check import (
    Checked,
    check_bags,
    check_catalogue,
    check_incoming,
    check_ledger,
    record_check,
    recorded_bags,
)
from phonotheque.vault.scrub import Budget, End, Run, scrub
from phonotheque.vault.scrub_standing import Standing, standing

_SHOWN = 50


class Duration(click.ParamType[timedelta]):
    """A length of time, written like 2h or 30d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return it. Raises UsageError, which names the value."""
        return value if isinstance(value, timedelta) else parse_duration(value)


@click.command("check")
@archive_argument
@click.option(
    "--due", is_flag=True, help="Read some of it: what is due, as much as [check] in the settings allows."
)
@click.option("--for", "seconds", type=Duration(), help="Read what is due for so long: 2h, 45m.")
@click.option("--bytes", "size", type=Size(), help="Read so much of what is due: 500GB.")
@click.option(
    "--within", type=Duration(), help="The period in which all is to be read, such as 30d: what is due."
)
@json_option
@click.pass_context
def check_command(
    context: click.Context,
    archive: Archive,
    due: bool,
    seconds: timedelta | None,
    size: int | None,
    within: timedelta | None,
    as_json: bool,
) -> None:
    """Re-read and re-hash everything ARCHIVE (or a mirror) holds. Exit code 4 when something is wrong.

    With --due, or any of the three after it, it reads a part: what was read the longest ago first, until the
    budget is used up. Run so every night, it reads everything within the period, goes on wherever it was
    ended, and says how it stands. Exit code 1 when something is overdue.
    """
    if due or seconds or size or within:
        _scrub(context, archive, _budget(archive, seconds, size, within), as_json)
        return
    with archive.writing("check"):
        checked = _check(archive)
    wrong = [(part.subject, finding) for part in checked for finding in part.findings]

    def text() -> None:
        for subject, finding in wrong[:_SHOWN]:
            messages.print(safe(f"{finding.what}: {subject}: {finding.path}: {finding.detail}"), style="red")
        if len(wrong) > _SHOWN:
            messages.print(f"… and {len(wrong) - _SHOWN} more; --json lists them all")
        size = sum(part.bytes for part in checked)
        read = counted(sum(part.files for part in checked), "file")
        verdict = f"{counted(len(wrong), 'thing')} wrong" if wrong else "all as it should be"
        output.print(
            f"Checked {', '.join(part.subject for part in checked)}: {read}, {human_size(size)}: {verdict}."
        )
        if wrong:
            messages.print(f"To fetch what is damaged or missing from others: phono repair {archive.folder}")

    show({"checked": [asdict(part) for part in checked], "wrong": len(wrong)}, as_json, text)
    context.exit(4 if wrong else 0)


def _check(archive: Archive) -> list[Checked]:
    checked = [check_ledger(archive)]
    if checked[0].findings:
        return checked  # a ledger that cannot be trusted says nothing about the rest
    with progress_bars() as progress:
        if archive.is_mirror:
            checked += check_bags(archive, expected_bags(archive), progress, parts=parts_expected(archive))
        else:
            checked.append(check_catalogue(archive))
            checked.append(check_incoming(archive, progress))
            checked += check_bags(archive, recorded_bags(archive), progress)
    for part in checked:
        record_check(archive, part)
    note_checked(archive, checked, now())
    return checked


def _budget(
    archive: Archive, seconds: timedelta | None, size: int | None, within: timedelta | None
) -> Budget:
    """Return what was given; where neither time nor bytes were, what the settings have."""
    settings = archive.settings.check
    if seconds is None and size is None:
        seconds, size = duration_or_none(settings.time), settings.bytes or None
    period = within or parse_duration(settings.within)
    return Budget(seconds.total_seconds() if seconds else None, size, period)


def _scrub(context: click.Context, archive: Archive, budget: Budget, as_json: bool) -> None:
    with progress_bars() as progress, stopping() as (stop, signals):
        progress.start("Looking up what is held")
        units = units_of(archive, now())
        run = scrub(
            archive,
            units,
            budget,
            on_whole=lambda unit, done: note_whole(archive, unit, done),
            progress=progress,
            stop=stop,
        )
        stands = standing(archive, units, budget.period, now(), run)
    data = {"run": asdict(run), "standing": asdict(stands)}

    def text() -> None:
        print_run(run)
        print_standing(stands)

    show(data, as_json, text)
    warn_of_pace(run, stands)
    if run.wrong or stands.wrong:
        messages.print(f"To fetch what is damaged or missing from others: phono repair {archive.folder}")
    context.exit(_exit_code(run, stands, signals))


def _exit_code(run: Run, stands: Standing, signals: list[int]) -> int:
    if run.wrong or stands.wrong:
        return 4
    if run.ended is End.STOPPED and signals == [signal.SIGINT]:
        return 128 + signal.SIGINT
    if run.unreachable:
        return 5
    return 1 if stands.overdue.units else 0


@contextmanager
def stopping() -> Iterator[tuple[threading.Event, list[int]]]:
    """Let the first Ctrl-C or SIGTERM end the run after the files being read, the second at once."""
    stop, caught = threading.Event(), list[int]()

    def end(number: int, _frame: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        stop.set()
        messages.print("Ending after the files that are being read; once more to end at once.")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
