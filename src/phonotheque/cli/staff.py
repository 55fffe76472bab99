"""phono staff: who may log in to the reading room and review what visitors ask for."""

from __future__ import annotations

import sys

import click
from rich.table import Table
from sqlalchemy import Connection

from phonotheque.cli.common import archive_argument, json_option, output, safe, show
from phonotheque.ledger.staff import (
    accounts,
    add_account,
    change_password,
    record_action,
    remove_account,
    sessions_of_each,
)
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.web.staff.passwords import MOST, hash_password, parse_name


@click.group("staff")
def staff_command() -> None:
    """Who may log in to the reading room, with “phono serve --staff”, and review requests."""


@staff_command.command("add")
@archive_argument
@click.argument("name")
def add_command(archive: Archive, name: str) -> None:
    """Let NAME log in. The password is asked for; or it is the first line of the standard input."""
    _refuse_mirror(archive)
    name = parse_name(name)
    password = hash_password(name, _password())
    at = timestamp(now())
    with archive.writing("staff add"), archive.ledger.begin() as ledger:
        add_account(ledger, name, password, at=at)
        _record(archive, ledger, "add account", name, at)
    output.print(f"{name} may log in.")


@staff_command.command("password")
@archive_argument
@click.argument("name")
def password_command(archive: Archive, name: str) -> None:
    """Change the password of NAME, whose browsers are all logged out by that."""
    name = parse_name(name)
    password = hash_password(name, _password())
    at = timestamp(now())
    with archive.writing("staff password"), archive.ledger.begin() as ledger:
        change_password(ledger, name, password, at=at)
        _record(archive, ledger, "change password", name, at)
    output.print(f"{name} has another password, and is logged out everywhere.")


@staff_command.command("remove")
@archive_argument
@click.argument("name")
def remove_command(archive: Archive, name: str) -> None:
    """Let NAME log in no more, at once. What they did stays on record."""
    name = parse_name(name)
    at = timestamp(now())
    with archive.writing("staff remove"), archive.ledger.begin() as ledger:
        remove_account(ledger, name)
        _record(archive, ledger, "remove account", name, at)
    output.print(f"{name} may log in no more.")


@staff_command.command("list")
@archive_argument
@json_option
def list_command(archive: Archive, as_json: bool) -> None:
    """List who may log in."""
    with archive.ledger.connect() as ledger:
        found, begun = accounts(ledger), sessions_of_each(ledger)
    data = [
        {
            "name": one.name,
            "added_at": one.added_at,
            "password_changed_at": one.changed_at,
            "sessions": begun.get(one.name, 0),
        }
        for one in found
    ]

    def text() -> None:
        if not data:
            output.print("Nobody may log in.")
            return
        table = Table("Name", "Added", "Password of", "Browsers", box=None, pad_edge=False)
        for one in data:
            row = (one["name"], one["added_at"], one["password_changed_at"], one["sessions"])
            table.add_row(*(safe(str(value)[:10] if "T" in str(value) else str(value)) for value in row))
        output.print(table)

    show(data, as_json, text)


def _password() -> str:
    """Ask for a password, twice; or read it from whatever is no terminal."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline(4 * MOST).rstrip("\r\n")


def _refuse_mirror(archive: Archive) -> None:
    if archive.is_mirror:
        raise UsageError(
            f"{archive.folder} is a mirror: it decides on nothing.", "Staff review at the publisher."
        )


def _record(archive: Archive, ledger: Connection, action: str, name: str, at: str) -> None:
    agent = archive.settings.archive.agent
    record_action(ledger, at=at, name=agent[:64], action=action, subject=f"staff {name}")
