"""Serving a reading room until interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.looking.renewing import Renewer
from phonotheque.web.proxied import trusted_proxies
from phonotheque.web.room.app import reading_room
from phonotheque.web.room.opening import Opening
from phonotheque.web.room.workers import Workers
from phonotheque.web.server import listen, run

_MOST: Final = 8  # processes, unless somebody asks for more


def processes_of(archive: Archive) -> int:
    """Return how many processes are to make pages; 1 is the server itself."""
    return archive.settings.serve.processes or min(_MOST, len(os.sched_getaffinity(0)))


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
    number = processes_of(archive)
    working = Workers(archive, visitors, number) if number > 1 else nullcontext()
    with listen(host, port) as listening, renewing, working as workers:
        application = reading_room(archive, visitors, workers=workers)
        application.state.shelves.look()  # they are filled before somebody waits for them
        application.state.room.note_held()
        room = application.state.room
        with Opening(archive, room.published) if archive.is_mirror else nullcontext():
            run(application, listening, lambda: ready(int(listening.getsockname()[1])), proxies)
