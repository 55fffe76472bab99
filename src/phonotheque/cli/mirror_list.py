"""phono mirror list: which bags to hold with a client of your own, as magnets, torrents or JSON."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from phonotheque.cli.common import Size, counted, human_size, messages, progress_bars, safe
from phonotheque.cli.mirror_choice import explain_option, print_explained
from phonotheque.cli.transfer import own_proxy
from phonotheque.mirrors.listing import Listing, list_bags, listing_json, magnet, torrent_of
from phonotheque.mirrors.only import parse_query
from phonotheque.mirrors.origin import open_origin
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from phonotheque.model.settings import parse_country
from phonotheque.vault.archive import now
from phonotheque.vault.place import write_durably

_MACHINE_ID = Path("/etc/machine-id")  # machine-id(5)


@click.command("list")
@click.argument("origin")
@click.option("--max", "most", type=Size(), help="How much it may take, such as 2TB. Without it: everything.")
@click.option("--only", default="", metavar="QUERY", help="Only bags that match, as phono mirror has it.")
@click.option(
    "--in",
    "country",
    default="",
    metavar="COUNTRY",
    help="Where you are: list what is for people there, too.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["magnets", "magnets-v1", "torrents", "json"]),
    default="magnets",
    show_default=True,
    help="What to give for each bag; magnets-v1 are for clients that take no others, as rtorrent.",
)
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="With --as torrents: the folder for them."
)
@click.option(
    "--trust", default="", metavar="SHA256", help="Demand this fingerprint of the publisher's root."
)
@click.option(
    "--name", default="", help="Whose list it is: the same name gets the same bags. Else this machine's."
)
@click.option("--proxy", metavar="URL", help="Ask through this proxy: socks5://HOST:PORT.")
@explain_option
@click.option("--json", "as_json", is_flag=True, help="The same as --as json.")
def list_command(
    origin: str,
    most: int | None,
    only: str,
    country: str,
    form: str,
    to: Path | None,
    trust: str,
    name: str,
    proxy: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """List bags of the edition at ORIGIN (a URL, or a folder with a public tree) for a client of your own.

    They are chosen as a mirror chooses: what the fewest others hold comes first. Everything is verified as a
    mirror does it; nothing is kept but what --to says. Without --trust, compare the fingerprint shown.
    """
    form = "json" if as_json else form
    if form == "torrents" and to is None:
        raise UsageError("Where shall the torrents go?", "Name a folder: --to FOLDER")
    if form != "torrents" and to is not None:
        raise UsageError("--to is for --as torrents.", "Leave it out, or add --as torrents.")
    query = parse_query(only)
    country = parse_country(country, "--in") if country else ""
    source = open_origin(origin, country=country, proxy=own_proxy(proxy))
    with TemporaryDirectory(prefix="phonotheque-") as scratch, progress_bars() as progress:
        listing = list_bags(
            source,
            most=most,
            query=query,
            country=country,
            whose=name or _this_machine(),
            scratch=Path(scratch),
            now=now(),
            trust=trust or None,
            say=progress.say,
        )
        _tell(listing, explain=explain and form != "json")
        if form == "json":
            click.echo(
                json.dumps(listing_json(source, listing, explain=explain), ensure_ascii=False, indent=1)
            )
            return
        progress.start("Torrents", total_files=len(listing.bags))
        failures = []
        for bag in listing.bags:
            try:
                data, meta = torrent_of(source, bag)
            except (NetworkError, NotFoundError, VerificationError) as error:
                failures.append(error)
                progress.say(f"{bag.id} is not listed: {error.message}")
                continue
            progress.advance(files=1, size=len(data))
            if to is None:
                click.echo(magnet(source, bag, meta, v2=form != "magnets-v1"))
            else:
                to.mkdir(parents=True, exist_ok=True)
                write_durably(to / f"{bag.id}.torrent", data)
                click.echo(to / f"{bag.id}.torrent")
    if failures:
        worst = next((one for one in failures if isinstance(one, VerificationError)), failures[0])
        raise type(worst)(f"{counted(len(failures), 'bag')} could not be listed.", "The others are right.")


def _tell(listing: Listing, *, explain: bool) -> None:
    followed = listing.followed
    messages.print(f"Compare the fingerprint {followed.fingerprint} with the publisher's.")
    if followed.stale:
        roles = ", ".join(followed.stale)
        messages.print(f"The publisher's signatures are past their date ({roles}).")
    if explain:
        print_explained(listing.explained, messages)
    edition = followed.edition
    what = f"{counted(len(listing.bags), 'bag')} of {len(edition.bags):,}, {human_size(listing.bytes)}"
    messages.print(safe(f"{what}, of edition {edition.number} of {edition.archive.name}."))


def _this_machine() -> str:
    """Return what differs from machine to machine and stays; of it, only a hash decides anything."""
    try:
        return _MACHINE_ID.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return socket.gethostname()
