"""phono fetch: one recording alone, verified, with its credits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.common import (
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.cli.transfer import Transfer, own_settings, tempo_of, transfer_options
from phonotheque.editions.export.attribution import ENCODED, UNCHANGED, Credit, credit
from phonotheque.mirrors.alone import Asking
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.single import Single, fetch_single
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.model.errors import VerificationError
from phonotheque.model.settings import parse_country
from phonotheque.rights.records import read_statement


@click.command("fetch")
@click.argument("origin")
@click.argument("recording")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="The folder for the file.",
)
@click.option(
    "--in",
    "country",
    default="",
    metavar="COUNTRY",
    help="Where you are (FR, JP): what is for people there can be had, too.",
)
@click.option(
    "--trust", default="", metavar="SHA256", help="Demand this fingerprint of the publisher's root."
)
@transfer_options
@json_option
def fetch_command(
    origin: str,
    recording: str,
    to: Path,
    country: str,
    trust: str,
    transfer: Transfer,
    as_json: bool,
) -> None:
    """Fetch RECORDING alone from ORIGIN: the URL or folder of an archive's public tree, or of a mirror's.

    RECORDING is its id, its ISRC, the SHA-256 of a file, or a path in a bag (BAG/data/…). Nothing else of
    the bag comes but what says whose it is. Run it again: what is here is not fetched a second time.
    """
    settings = transfer.over_settings(own_settings())
    swarm = transfer.swarm(settings)
    country = parse_country(country, "--in") if country else ""
    asking = Asking(
        country=country,
        trust=trust or None,
        swarm=swarm,
        peers=resolve_peers(transfer.peers, by_number=swarm.proxy is not None),
        patience=transfer.patience,
        tempo=tempo_of(settings),
    )
    with progress_bars() as progress:
        found = fetch_single(
            open_origin(origin, country=country, proxy=swarm.proxy),
            recording,
            to,
            _state(origin),
            asking,
            progress=progress,
        )
    said = _credit(found)
    data = asdict(found) | {"path": str(found.path), "credit": said.line}
    show(data, as_json, lambda: _print(found, said))


def _state(origin: str) -> Path:
    """Return where what is trusted of an origin is kept: with each user's own state."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    address = origin.rstrip("/") if "://" in origin else str(Path(origin).resolve())
    return Path(base) / "phonotheque" / "fetch" / hashlib.sha256(address.encode()).hexdigest()[:32]


def _credit(found: Single) -> Credit:
    """Return how to credit a file, by the statements in its bag."""
    record = found.record
    rights = record.get("rights")
    listed = rights.get("statements") if isinstance(rights, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise VerificationError(f"{found.bag} does not say on which terms {found.file} may be had.")
    return credit(
        [read_statement(one) for one in listed],
        [],
        title=_text(record.get("title")) or found.path.stem,
        artist=", ".join(_texts(record.get("artists"))) or None,
        notice=_text(record.get("copyright")) or None,
        source=f"{found.archive}, edition {found.edition}, {found.bag}",
        changes=ENCODED if record.get("kind") == "access" else UNCHANGED,
        conditions=(),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _print(found: Single, said: Credit) -> None:
    if found.first_use:
        messages.print(f"First contact: compare the fingerprint {found.fingerprint} with the publisher's.")
    if found.offline:
        messages.print(f"The origin does not answer; this is edition {found.edition}, accepted before.")
    if found.stale:
        roles = ", ".join(found.stale)
        messages.print(f"The publisher's signatures are past their date ({roles}).")
    if found.others:
        messages.print(f"Of {counted(found.others + 1, 'file')} of this recording, the largest was taken.")
    how = "was here already" if found.here_already else f"{human_size(found.fetched)} fetched"
    output.print(safe(f"{found.path}: {human_size(found.size)}, every byte verified; {how}."))
    output.print(safe(said.line))
