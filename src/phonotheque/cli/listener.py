"""phono listener: who may keep stars and playlists with their player. To listen, nobody needs it."""

from __future__ import annotations

import click
from rich.table import Table

from phonotheque.cli.common import archive_argument, json_option, output, safe, show
from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.listeners import listeners_of


@click.group("listener")
def listener_command() -> None:
    """Who may keep stars and playlists with their player. To listen, nobody needs it."""


@listener_command.command("add")
@archive_argument
@click.argument("name")
@json_option
def add_command(archive: Archive, name: str, as_json: bool) -> None:
    """Let NAME keep stars and playlists: prints a password and a key for their player.

    The password is made here, and is to be used for nothing else. It is kept as it is, since players prove
    that they know it by a hash of it; of the key only a hash is kept, so it is shown this once.
    """
    one, key = listeners_of(archive).add(name)
    data = {"name": one.name, "password": one.password, "api_key": key}

    def text() -> None:
        output.print(safe(f"Name:     {one.name}"))
        output.print(f"Password: {one.password}")
        output.print(f"API key:  {key}", soft_wrap=True)

    show(data, as_json, text)


@listener_command.command("list")
@archive_argument
@json_option
def list_command(archive: Archive, as_json: bool) -> None:
    """List who keeps stars and playlists; no password is shown."""
    data = [{"name": one.name, "added_at": one.added_at} for one in listeners_of(archive).all()]

    def text() -> None:
        if not data:
            output.print("Nobody.")
            return
        table = Table("name", "since", box=None)
        for one in data:
            table.add_row(safe(one["name"]), one["added_at"])
        output.print(table)

    show(data, as_json, text)


@listener_command.command("remove")
@archive_argument
@click.argument("name")
def remove_command(archive: Archive, name: str) -> None:
    """Forget NAME, with their stars and playlists."""
    listeners_of(archive).remove(name)
    output.print(safe(f"{name} is forgotten."))
