"""phono deposit: take in a folder that somebody deposits under a signed agreement; give a receipt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from phonotheque.catalogue.resolving import resolver_at
from phonotheque.cli.common import (
    Folder,
    counted,
    human_size,
    job,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.editions.upholding import cover_copies
from phonotheque.model.errors import UsageError
from phonotheque.sources.agreement import TEMPLATE
from phonotheque.sources.deposit import Deposited, Papers, deposit_folder
from phonotheque.sources.deposit_files import write_manifest
from phonotheque.sources.folder import said
from phonotheque.sources.held import catalogue_is_behind, rebuild_catalogue
from phonotheque.sources.receipt import receipt_of
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.place import write_durably

_SHOWN = 20  # files that were not taken in, named to a person
_FILE = click.Path(path_type=Path)


@click.command("deposit")
@click.argument("archive", type=Folder(), required=False)
@click.argument("folder", type=_FILE, required=False)
@click.option("--agreement", type=_FILE, help="The agreement: a TOML file, as --template prints one.")
@click.option("--signature", type=_FILE, help="Its signature by an SSH key (ssh-keygen -Y sign).")
@click.option("--key", "keys", type=_FILE, help="The depositor's public key or keys (.pub).")
@click.option("--document", type=_FILE, help="The signed document that the agreement names, such as a scan.")
@click.option("--receipt", type=_FILE, help="Where to write the receipt; by default into the archive.")
@click.option("--template", is_flag=True, help="Print an agreement to fill in, and do nothing else.")
@click.option(
    "--manifest", type=_FILE, metavar="FOLDER", help="List the files of FOLDER, and do nothing else."
)
@click.option("--workers", type=click.IntRange(1), help="Processes to use; one per core by default.")
@json_option
def deposit_command(
    archive: Archive | None,
    folder: Path | None,
    agreement: Path | None,
    signature: Path | None,
    keys: Path | None,
    document: Path | None,
    receipt: Path | None,
    template: bool,
    manifest: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Take FOLDER into ARCHIVE under a signed agreement, with exactly the acts that it grants.

    \b
    phono deposit --template > agreement.toml     what the depositor fills in
    phono deposit --manifest FOLDER               lists the files; its hash goes into the agreement
    phono deposit ARCHIVE FOLDER --agreement agreement.toml --signature agreement.toml.sig --key me.pub

    Every file is verified first: if one is missing, not listed or another, nothing is taken in. Interrupted,
    run it again; done, it gives the same receipt.
    """
    if template:
        click.echo(TEMPLATE, nl=False)
        return
    if manifest is not None:
        _manifest(manifest, as_json)
        return
    if archive is None or folder is None or agreement is None:
        raise UsageError(
            "A deposit needs an archive, a folder and an agreement.",
            "phono deposit ARCHIVE FOLDER --agreement FILE; phono deposit --help says more.",
        )
    resolver_at(archive.settings.catalogue.resolve_on)  # says what it lacks before anything is read
    papers = Papers(agreement, signature, keys, document)
    with job(archive, "deposit", said(folder.resolve())) as progress:
        done = deposit_folder(archive, folder, papers, progress, workers)
        if (done.added is not None and done.added.changed) or catalogue_is_behind(archive):
            rebuild_catalogue(archive, at=now(), progress=progress)
        cover_copies(archive, at=timestamp(now()))
        made = receipt_of(archive, done.deposit.id)
        place = receipt or place_for_receipt(archive, done.deposit.id)
        write_receipt(made, place)
    again = done.added is None
    show({**made, "receipt": str(place), "again": again}, as_json, lambda: _print(done, made, place))
    if done.deposit.finished_at is None:
        messages.print("Some files could not be read. Repeat the deposit: it goes on.", style="yellow")
        click.get_current_context().exit(1)


def place_for_receipt(archive: Archive, known_as: str) -> Path:
    """Return where the archive keeps a receipt: in a folder that is its owner's alone, as it names people."""
    home = archive.folder / "receipts"
    home.mkdir(mode=0o700, exist_ok=True)
    return home / known_as


def write_receipt(receipt: dict[str, Any], folder: Path) -> None:
    """Write a receipt into a folder: ``receipt.json`` and ``receipt.html``."""
    from phonotheque.web.receipt import receipt_page

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(receipt, ensure_ascii=False, indent=1) + "\n"
    write_durably(folder / "receipt.json", text.encode("utf-8", "replace"))
    write_durably(folder / "receipt.html", receipt_page(receipt).encode("utf-8", "replace"))


def _manifest(folder: Path, as_json: bool) -> None:
    with progress_bars() as bars:
        place, sha256, files = write_manifest(folder, bars)
    block = f'[manifest]\nname = "{place.name}"\nsha256 = "{sha256}"'

    def text() -> None:
        messages.print(safe(f"Listed {counted(files, 'file')} in {place}. Write this into the agreement:"))
        output.print(block)

    show({"manifest": str(place), "sha256": sha256, "files": files}, as_json, text)


def _print(done: Deposited, receipt: dict[str, Any], place: Path) -> None:
    kept = sum(file["held"] for file in receipt["files"])
    size = human_size(receipt["bytes"])
    if done.added is None:
        output.print("This agreement was carried out before; nothing was read again.")
    files = counted(len(receipt["files"]), "file")
    output.print(safe(f"Deposited by {receipt['depositor']}: {files}, {size}; {kept:,} kept."))
    for file in receipt["not_taken"][:_SHOWN]:
        messages.print(safe(f"  not taken in: {file['path']}: {file['reason']}"))
    if (more := len(receipt["not_taken"]) - _SHOWN) > 0:
        messages.print(f"  … and {more:,} more, in the receipt")
    output.print(safe(f"Receipt for the depositor: {place / 'receipt.html'} and receipt.json beside it."))
