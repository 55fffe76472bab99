"""phono receipt: write what was handed over and granted; check it against any edition."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.cli.deposit import place_for_receipt, write_receipt
from phonotheque.cli.transfer import own_proxy
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.receipts import Checked, check_receipt
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.settings import parse_country
from phonotheque.sources.receipt import read_receipt, receipt_of, statements_in
from phonotheque.vault.archive import Archive, now

_SHOWN = 50  # files named to a person
_STATES = {
    "as-deposited": "in the edition, as it was handed over",
    "access-copy": "in the edition, as an access copy made from it",
    "withdrawn": "taken back",
    "absent": "not in the edition",
}


@click.group("receipt")
def receipt_command() -> None:
    """Write what was handed over and granted; check it against any edition.

    \b
    phono receipt write ARCHIVE ID --to FOLDER       of a deposit, or of a label's delivery
    phono receipt check RECEIPT.json EDITION         needs no archive
    """


@receipt_command.command("write")
@archive_argument
@click.argument("known_as", metavar="ID")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), help="By default receipts/ID in the archive."
)
@json_option
def write_command(archive: Archive, known_as: str, folder: Path | None, as_json: bool) -> None:
    """Write the receipt of the deposit or the accession ID, as JSON and as a page."""
    made = receipt_of(archive, known_as)
    place = folder or place_for_receipt(archive, made["id"])
    write_receipt(made, place)
    show({**made, "receipt": str(place)}, as_json, lambda: output.print(safe(str(place / "receipt.html"))))


@receipt_command.command("check")
@click.argument("receipt", type=click.Path(path_type=Path))
@click.argument("edition")
@click.option("--trust", help="The fingerprint that the edition's root must have.")
@click.option("--in", "country", metavar="CC", help="Where you are: to look into what is shown there only.")
@json_option
def check_command(receipt: Path, edition: str, trust: str | None, country: str | None, as_json: bool) -> None:
    """Say of each file in RECEIPT whether it is in EDITION, and whether on the terms that were granted.

    EDITION is a web address, or the folder of an archive, of a mirror, or of a public tree. Exits with 4 if a
    file is there on terms that were not granted.
    """
    try:
        value = json.loads(receipt.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no {receipt}.", "Give the receipt.json that the archive gave."
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{receipt} is not JSON: {error}.", "Give the receipt.json, not the page."
        ) from error
    read = read_receipt(value, str(receipt))
    granted = statements_in(read)
    where = parse_country(country, "--in") if country else ""
    origin = open_origin(edition, country=where, proxy=own_proxy())
    with progress_bars() as bars:
        checked = check_receipt(read, granted, origin, now=now(), trust=trust, progress=bars)
    wrong = any(place.differs for file in checked.files for place in file.places)
    data = {
        "edition": checked.edition.number,
        "date": checked.edition.date,
        "archive": checked.edition.archive.name,
        "fingerprint": checked.fingerprint,
        "stale": list(checked.stale),
        "unread_bags": list(checked.unread),
        "as_granted": not wrong,
        "files": [asdict(file) | {"state": file.state} for file in checked.files],
    }
    show(data, as_json, lambda: _print(checked))
    if wrong:
        click.get_current_context().exit(4)


def _print(checked: Checked) -> None:
    edition = checked.edition
    output.print(safe(f"Edition {edition.number} of {edition.archive.name}, {edition.date[:10]}"))
    messages.print(f"Root of trust: {checked.fingerprint} (compare it with what the archive says elsewhere)")
    for role in checked.stale:
        messages.print(f"The signature of {role} has expired: this may not be the newest edition.")
    if checked.unread:
        messages.print(f"{counted(len(checked.unread), 'bag')} of it not here, and not looked into.")
    for file in checked.files[:_SHOWN]:
        output.print(safe(f"{file.path}: {_STATES[file.state]}"))
        for where in (*(f"{place.bag}/{place.path}" for place in file.places), file.withdrawn):
            if where:
                output.print(safe(f"  {where}"), style="dim")
    if len(checked.files) > _SHOWN:
        output.print(f"… and {len(checked.files) - _SHOWN:,} more; --json lists all")
    different = [(file, place) for file in checked.files for place in file.places if place.differs]
    for file, place in different[:_SHOWN]:
        for what in place.differs:
            output.print(safe(f"{file.path} in {place.bag}: {what}."), style="bold red")
    if not different:
        output.print("Everything that is in the edition is there on the terms that were granted.")
