"""phono serve: show the public tree over HTTP."""

from __future__ import annotations

import click

from phonotheque.cli.common import archive_argument, messages, output
from phonotheque.vault.archive import Archive


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
def serve_command(archive: Archive, host: str, port: int) -> None:
    """Show the public tree of ARCHIVE (or of a mirror) over HTTP, until Ctrl-C.

    Only what was published is served. Mirrors and torrent clients can fetch from it.
    """
    from phonotheque.web.serve import serve

    def ready(port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}/"
        output.print(url)
        messages.print(f"Others can hold a copy with: phono mirror {url} MY-MIRROR --budget 100GB")
        messages.print("Ctrl-C ends it.")

    serve(archive, host, port, ready=ready)
    messages.print("Stopped.")
