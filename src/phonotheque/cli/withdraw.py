"""phono withdraw: what somebody asks to be taken back; what was decided, by whom, when and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.editions.covering import Covered, covered_by
from phonotheque.editions.inbox import settle, waiting
from phonotheque.editions.upholding import uphold
from phonotheque.editions.withdrawing import (
    Asked,
    Done,
    accept,
    check_asked,
    hold,
    refuse,
    request,
    reverse,
)
from phonotheque.ledger.withdrawals import (
    State,
    TakenBack,
    Withdrawal,
    all_withdrawals,
    items_of,
    taken_back,
    withdrawal,
)
from phonotheque.model.errors import BusyError, UsageError
from phonotheque.model.rights import WORLDWIDE, Act
from phonotheque.vault.archive import Archive, now, timestamp

_ACTS = [act.value for act in Act if act is not Act.PRESERVE]
_LISTED = 20  # files and recordings that are named to a person
F = TypeVar("F", bound=Callable[..., Any])


@click.group("withdraw")
def withdraw_command() -> None:
    """Take back what is held or published: a request, its review, the decision, and perhaps its reversal.

    \b
    phono withdraw request ARCHIVE WHAT… --by NAME --reason TEXT     record what somebody asks
    phono withdraw accept ARCHIVE ID                                 take it back, at once
    phono withdraw refuse|reverse ARCHIVE ID --reason TEXT           let it be shown, again
    phono withdraw list|show ARCHIVE …                               what was asked and decided
    """


def _deciding(command: F) -> F:
    """Give a command what all decisions have in common."""
    by = click.option("--by", help="Who decides; the archive's agent by default.")
    return archive_argument(click.argument("name", metavar="ID")(by(json_option(command))))


@withdraw_command.command("request")
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar="WHAT...")
@click.option("--by", required=True, help="Who asks. Never made public without --public-name.")
@click.option("--contact", help="How they are reached. Never made public.")
@click.option("--reason", required=True, help="Why. Never made public.")
@click.option("--public-reason", help="What everybody may read; “withdrawn on request” by default.")
@click.option("--public-name", is_flag=True, help="Let everybody read who asked.")
@click.option(
    "--document",
    "--evidence",
    type=click.Path(path_type=Path),
    help="A file that shows who asks, or why: kept by its hash, never made public.",
)
@click.option("--territory", default=WORLDWIDE, show_default=True, help="Where: WORLD or country codes.")
@click.option(
    "--act",
    "acts",
    multiple=True,
    type=click.Choice(_ACTS),
    help="What is no longer allowed. Repeatable; all of these by default. A copy is still kept.",
)
@click.option("--erase", is_flag=True, help="Delete the bytes, too. Hashes, sizes and names stay.")
@click.option("--hold", "held", is_flag=True, help="Hide it at once, while it is reviewed.")
@click.option("--accept", "accepted", is_flag=True, help="Accept it at once.")
@click.option("--dry-run", is_flag=True, help="Only show what it covers.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is right.")
@json_option
def request_command(
    archive: Archive,
    words: tuple[str, ...],
    held: bool,
    accepted: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    acts: tuple[str, ...],
    **asked_options: Any,
) -> None:
    """Record a request to take back WHAT: ids of recordings or releases, ISRCs, names as listed, SHA-256.

    It covers every copy of the recordings, also those that come in later. What it covers is shown first.
    """
    if held and accepted:
        raise UsageError("--hold and --accept exclude each other.", "What is accepted is hidden anyway.")
    asked = check_asked(Asked(words=words, acts=tuple(map(Act, acts)), **asked_options))
    covered = covered_by(archive, words)
    if not as_json:
        _print_covered(covered, asked)
    if dry_run:
        show({"covers": _covers(covered)}, as_json, lambda: messages.print("Nothing was recorded."))
        return
    if not yes and sys.stdin.isatty():
        click.confirm("Record this request?", abort=True, err=True)
    at = timestamp(now())
    with archive.writing("withdraw request"):
        _bring_up_to_date(archive, at)
        one = request(archive, asked, covered, at=at)
        done = Done(one)
        agent = archive.settings.archive.agent
        if held or accepted:
            done = (accept if accepted else hold)(archive, one.id, by=agent, note=None, at=at)
    data = _told(done.withdrawal) | {"covers": _covers(covered)} | _came_of(done)
    show(data, as_json, lambda: _print_done(archive, done))


@withdraw_command.command("hold")
@_deciding
@click.option("--reason", "note", help="Why.")
def hold_command(archive: Archive, name: str, by: str | None, note: str | None, as_json: bool) -> None:
    """Hide what request ID covers while it is reviewed."""
    _decide(archive, "hold", lambda who, at: hold(archive, name, by=who, note=note, at=at), by, as_json)


@withdraw_command.command("accept")
@_deciding
@click.option("--reason", "note", help="Why.")
def accept_command(archive: Archive, name: str, by: str | None, note: str | None, as_json: bool) -> None:
    """Accept request ID: what it covers is withheld at once, and leaves its bags with the next edition."""
    _decide(archive, "accept", lambda who, at: accept(archive, name, by=who, note=note, at=at), by, as_json)


@withdraw_command.command("refuse")
@_deciding
@click.option("--reason", "note", required=True, help="Why.")
def refuse_command(archive: Archive, name: str, by: str | None, note: str, as_json: bool) -> None:
    """Refuse request ID; what was on hold is shown again."""
    _decide(archive, "refuse", lambda who, at: refuse(archive, name, by=who, note=note, at=at), by, as_json)


@withdraw_command.command("reverse")
@_deciding
@click.option("--reason", "note", required=True, help="Why.")
def reverse_command(archive: Archive, name: str, by: str | None, note: str, as_json: bool) -> None:
    """Reverse withdrawal ID: what is otherwise allowed goes out again with the next edition."""
    _decide(archive, "reverse", lambda who, at: reverse(archive, name, by=who, note=note, at=at), by, as_json)


@withdraw_command.command("list")
@archive_argument
@click.option(
    "--state", type=click.Choice([state.value for state in State]), help="Only those in this state."
)
@json_option
def list_command(archive: Archive, state: str | None, as_json: bool) -> None:
    """List what was asked to be taken back, and how it stands."""
    _take_in_if_free(archive)
    with archive.ledger.connect() as ledger:
        found = [one for one in all_withdrawals(ledger) if state in (None, one.state.value)]

    def text() -> None:
        if not found:
            output.print("Nothing was asked to be taken back.")
            return
        table = Table("Id", "Asked", "State", "Since", "By", "What", box=None, pad_edge=False)
        for one in found:
            since = one.steps[-1].at[:10]
            what = ", ".join(one.asked_for)
            row = (one.id[:8], one.requested_at[:10], one.state.value, since, one.asked_by, what)
            table.add_row(*map(safe, row))
        output.print(table)

    show([_told(one) for one in found], as_json, text)


@withdraw_command.command("show")
@archive_argument
@click.argument("name", metavar="ID")
@json_option
def show_command(archive: Archive, name: str, as_json: bool) -> None:
    """Show a withdrawal: what was asked, every step, and the evidence of what was taken back."""
    with archive.ledger.connect() as ledger:
        one = withdrawal(ledger, name)
        covers = items_of(ledger, one.id)
        taken = taken_back(ledger, one.id)
    data = _told(one) | {
        "covers": [{"kind": item.kind.value, "value": item.value} for item in covers],
        "taken_back": [asdict(file) for file in taken],
    }
    show(data, as_json, lambda: _print_withdrawal(one, taken))


def _decide(
    archive: Archive, what: str, decide: Callable[[str, str], Done], by: str | None, as_json: bool
) -> None:
    at = timestamp(now())
    with archive.writing(f"withdraw {what}"):
        _bring_up_to_date(archive, at)
        done = decide(by or archive.settings.archive.agent, at)
    show(_told(done.withdrawal) | _came_of(done), as_json, lambda: _print_done(archive, done))


def _bring_up_to_date(archive: Archive, at: str) -> None:
    """Take in what visitors ask for, and complete what was interrupted. The lock must be held."""
    for message in settle(archive, at=at).unreadable:
        messages.print(safe(message))
    uphold(archive, at=at)


def _take_in_if_free(archive: Archive) -> None:
    """Take in what visitors ask for; if the archive is being changed just now, say how much waits."""
    if not waiting(archive):
        return
    try:
        with archive.writing("withdraw list"):
            for message in settle(archive, at=timestamp(now())).unreadable:
                messages.print(safe(message))
    except BusyError as error:
        requests = counted(len(waiting(archive)), "request")
        messages.print(safe(f"{requests} in the inbox cannot be taken in yet: {error.message}"))


def _told(one: Withdrawal) -> dict[str, Any]:
    return asdict(one) | {"state": one.state.value, "public": one.told}


def _came_of(done: Done) -> dict[str, Any]:
    return {"withheld": list(done.withheld), "erased": done.erased, "to_be_erased": done.waiting}


def _covers(covered: Covered) -> dict[str, Any]:
    return asdict(covered)


def _print_covered(covered: Covered, asked: Asked) -> None:
    where = "" if asked.territory == WORLDWIDE else f" in {asked.territory}"
    acts = ", ".join(act.value for act in asked.acts)
    recordings, files = counted(len(covered.recordings), "recording"), counted(len(covered.files), "file")
    messages.print(f"This covers {recordings} and {files} that are known: no {acts}{where}.")
    for recording in covered.recordings[:_LISTED]:
        line = f"{recording.title or '(no title)'} · {recording.artist or 'unknown'}  {recording.id}"
        messages.print(safe(f"  {line}"))
    for file in covered.files[:_LISTED]:
        held = "held" if file.held else "known, not kept"
        messages.print(safe(f"  {file.kind} {file.sha256[:16]}…  {file.name} ({held})"))
    more = max(len(covered.recordings) - _LISTED, 0) + max(len(covered.files) - _LISTED, 0)
    if more:
        messages.print(f"  and {more:,} more; --dry-run --json lists all.")


def _print_done(archive: Archive, done: Done) -> None:
    one = done.withdrawal
    output.print(safe(f"Withdrawal {one.id} is {one.state.value}."))
    if one.state is State.REQUESTED:
        output.print(f"Decide with: phono withdraw accept {archive.folder} {one.id[:8]}, or refuse.")
    if done.erased:
        output.print(f"The bytes of {counted(done.erased, 'file')} were deleted.")
    if done.waiting:
        output.print(f"The bytes of {counted(done.waiting, 'file')} go with their bags.")
    if done.withheld:
        files = counted(len(done.withheld), "published file")
        output.print(f"{files} shown to nobody from now on; sealed bags are as they were.")
        output.print(f"Tell mirrors with the next edition: phono publish {archive.folder}")
    if one.state is State.REVERSED:
        output.print(f"What is otherwise allowed goes out again with: phono publish {archive.folder}")
        if one.erase:
            output.print("What was erased has to be added again first.")


def _print_withdrawal(one: Withdrawal, taken: list[TakenBack]) -> None:
    output.print(f"Withdrawal {one.id}", style="bold")
    pairs = (
        ("State", one.state.value),
        ("Asked for", ", ".join(one.asked_for)),
        ("By", f"{one.asked_by}{' (public)' if one.public_name else ''}"),
        ("Contact", one.contact),
        ("Reason", one.reason),
        ("Public", one.told),
        ("Document", one.document_sha256),
        ("Where", one.territory),
        ("No", ", ".join(act.value for act in one.acts)),
        ("Bytes", "erased" if one.erase else "kept, and shown to nobody"),
    )
    for label, value in pairs:
        if value:
            output.print(safe(f"{label:<10} {value}"))
    output.print("\nSteps", style="bold")
    for step in one.steps:
        output.print(
            safe(f"{step.at}  {step.step.value} by {step.by}{': ' + step.note if step.note else ''}")
        )
    if taken:
        output.print(f"\n{counted(len(taken), 'file')} taken back", style="bold")
    for file in taken[:_LISTED]:
        where = f"; was published as {', '.join(file.bagged)}" if file.bagged else ""
        output.print(safe(f"{file.sha256}  {file.name}{where}"))
    if len(taken) > _LISTED:
        output.print(f"and {len(taken) - _LISTED:,} more; --json lists all.")
