"""phono init: make a new archive."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import click

from phonotheque.cli.common import json_option, messages, output, show
from phonotheque.editions.trust import create_keys, init_repository, root_fingerprint
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import SETTINGS_FILE, now, open_archive
from phonotheque.vault.place import write_durably

_SETTINGS = """\
# The settings of this archive. Everything here may be edited; docs/settings.md explains each.

[archive]
id = {id}
name = {name}
agent = {agent}  # who is named in the ledger as having done things

[mandate]
# May this archive keep copies without a licence or other basis, and why? Say so in words, for example
# "Legal deposit under ...". Empty: only what has a basis is kept. It never allows publishing.
preserve = {mandate}

[publish]
url = {url}  # where a web server shows the folder public/; mirrors fetch from there
trackers = []
bag_bytes = "32GiB"
bag_files = 5000
"""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="What the archive is called.")
@click.option("--agent", default="archivist", show_default=True, help="Who acts, as named in the ledger.")
@click.option("--mandate", default="", help="What allows keeping copies without any other basis, in words.")
@click.option("--url", default="", help="Where public/ will be served, for mirrors.")
@json_option
def init_command(folder: Path, name: str, agent: str, mandate: str, url: str, as_json: bool) -> None:
    """Make a new archive in FOLDER: settings, an empty ledger, signing keys."""
    if not name.strip():
        raise UsageError("The archive's name is empty.", 'Give one: --name "Songs of our village"')
    if folder.exists() and os.listdir(folder) and not _unfinished(folder):
        raise UsageError(f"{folder} is not empty.", "Choose a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("vault/incoming", "vault/bags", "catalogue", "public"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    create_keys(folder / "keys")
    values = {"id": str(uuid.uuid4()), "name": name.strip(), "agent": agent, "mandate": mandate, "url": url}
    # JSON's strings are TOML's, so whatever was typed stays one value.
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    if not (folder / "public" / "metadata" / "timestamp.json").exists():
        init_repository(folder / "public", folder / "keys", now=now())
    write_durably(folder / SETTINGS_FILE, _SETTINGS.format(**quoted).encode())
    archive = open_archive(folder)
    archive.ledger.connect().close()
    fingerprint = root_fingerprint((folder / "public" / "metadata" / "1.root.json").read_bytes())

    def text() -> None:
        output.print(f"Made the archive {folder}. Next: phono add {folder} FOLDER-OF-MUSIC")
        messages.print(
            f"Back up {folder / 'keys'} now, apart from this disk: who loses these keys can publish\n"
            f"no further edition, who copies them can publish in your name.\n"
            f"Tell mirrors this fingerprint by another way than the archive itself:\n  {fingerprint}",
        )

    show({"folder": str(folder), "id": values["id"], "root": fingerprint}, as_json, text)


def _unfinished(folder: Path) -> bool:
    """Whether an interrupted ``init`` left this: the settings are written last."""
    made = {"vault", "catalogue", "public", "keys"}
    return set(os.listdir(folder)) <= made and not list((folder / "vault" / "bags").glob("*"))
