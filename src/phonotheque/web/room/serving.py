"""Serving a reading room until interrupted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.looking.renewing import Renewer
from phonotheque.web.proxied import trusted_proxies
from phonotheque.web.room.app import reading_room
from phonotheque.web.server import listen, run


def serve(
    archive: Archive,
    host: str,
    port: int,
    *,
    ready: Callable[[int], None],
    visitors: Visitors = ANYBODY,
) -> None:
    """Serve the reading room and the public tree until interrupted; ``ready`` is told the port.

    Port 0 takes any that is free. Raises NotFoundError before the first edition, PhonothequeError when the
    address cannot be had.
    """
    if not archive.public.is_dir():
        raise NotFoundError(
            f"{archive.public} does not exist: nothing was published yet.",
            f"Run: phono publish {archive.folder}",
        )
    proxies = trusted_proxies(archive.settings)
    renewing = Renewer(archive) if archive.settings.serve.figures else nullcontext()
    with listen(host, port) as listening, renewing:
        application = reading_room(archive, visitors)
        application.state.shelves.look()  # they are filled before somebody waits for them
        application.state.room.note_held()
        run(application, listening, lambda: ready(int(listening.getsockname()[1])), proxies)
