"""phono serve: show the public tree over HTTP."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

import click

from phonotheque.cli.common import archive_argument, messages, output
from phonotheque.cli.log import log_option, logging_as, tell
from phonotheque.cli.service import notify
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import RequestsSettings, parse_country
from phonotheque.vault.archive import Archive

_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")


@click.command("serve")
@archive_argument
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for every one."
)
@click.option(
    "--port",
    default=8750,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes any that is free.",
)
@click.option(
    "--visitors-in",
    default="",
    metavar="COUNTRY",
    help="Everybody who reaches this server is there: give them what may be had in that country, too.",
)
@click.option(
    "--country-header",
    default="",
    metavar="NAME",
    help="A header in which a proxy in front says where a visitor is. Only if nobody can go around it.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy in front, or its network: believe it when it says for whom it asks. May be given again.",
)
@click.option(
    "--requests",
    is_flag=True,
    help="Take in, by a form, what visitors ask to correct or withdraw. [requests] form in the settings.",
)
@click.option(
    "--staff",
    is_flag=True,
    help="Let staff log in and review what was asked: see “phono staff”. [requests] staff in the settings.",
)
@click.option(
    "--processes",
    type=click.IntRange(0, 256),
    help="Processes that make pages; 0: one on each core. [serve] processes in the settings.",
)
@log_option
def serve_command(
    archive: Archive,
    host: str,
    port: int,
    visitors_in: str,
    country_header: str,
    trusted_proxies: tuple[str, ...],
    requests: bool,
    staff: bool,
    processes: int | None,
    log_format: str | None,
) -> None:
    """Show ARCHIVE (or a mirror) over HTTP until Ctrl-C: a room to read in, and its public tree.

    Of audio, only what its decisions allow is served. Mirrors and torrent clients can fetch from it. What may
    be had in some countries only goes to who says in the header Phonotheque-Country that they are there, as
    mirrors do, unless an option knows better.
    """
    from phonotheque.web.guard import Visitors
    from phonotheque.web.room.serving import serve
    from phonotheque.web.server import url_of

    if visitors_in and country_header:
        raise UsageError("Where visitors are cannot be known in two ways.", "Give one of the two options.")
    if country_header and not _HEADER.fullmatch(country_header):
        raise UsageError(f"“{country_header}” is no name of a header.", "Write it like CF-IPCountry.")
    archive = _with_processes(_behind(archive, trusted_proxies), processes)
    country = parse_country(visitors_in, "--visitors-in") if visitors_in else ""
    archive = _taking(archive, requests, staff)

    def ready(port: int) -> None:
        url = url_of(host, port)
        notify("READY=1", f"STATUS=Serving at {url}")
        if logged:
            tell("serving", what="bags", url=url)
            return
        output.print(url)
        messages.print(f"Others can hold a copy with: phono mirror {url} MY-MIRROR --budget 100GB")
        if archive.settings.requests.staff:
            messages.print(f"Staff log in at {url}en/staff/")
        messages.print("Ctrl-C ends it.")

    # uvicorn closes its connections at either signal, and then sends it again to whom it came.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with logging_as(log_format or archive.settings.log.format) as logged:
            visitors = Visitors(country, country_header)
            serve(archive, host, port, ready=ready, visitors=visitors)
            tell("ended")
    finally:
        signal.signal(signal.SIGTERM, before)
    if not logged:
        messages.print("Stopped.")


def _behind(archive: Archive, proxies: tuple[str, ...]) -> Archive:
    """Return the archive with the proxies that it trusts, by its settings or for this run."""
    from phonotheque.web.proxied import parse_proxies, trusted_proxies

    parse_proxies(proxies, "--trusted-proxy")
    told = replace(archive.settings.serve, trusted_proxies=proxies or archive.settings.serve.trusted_proxies)
    archive = replace(archive, settings=replace(archive.settings, serve=told))
    trusted_proxies(archive.settings)
    return archive


def _with_processes(archive: Archive, processes: int | None) -> Archive:
    if processes is None:
        return archive
    told = replace(archive.settings.serve, processes=processes)
    return replace(archive, settings=replace(archive.settings, serve=told))


def _taking(archive: Archive, requests: bool, staff: bool) -> Archive:
    """Return the archive with what is taken in by its settings, or for this run. Raises UsageError."""
    if (requests or staff) and archive.is_mirror:
        raise UsageError(
            f"{archive.folder} is a mirror: it takes in no requests, and decides on nothing.",
            "Leave --requests and --staff out; its pages lead to the publisher.",
        )
    before = archive.settings.requests
    taken = RequestsSettings(form=requests or before.form, staff=staff or before.staff)
    return replace(archive, settings=replace(archive.settings, requests=taken))
