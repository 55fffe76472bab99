"""Which files of a folder are added, and how many are to come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.progress import Progress
from phonotheque.sources.folder import FoundFile, Unwalkable, walk
from phonotheque.sources.only import above, is_under
from phonotheque.vault.archive import Archive


def walk_for(
    archive: Archive, folder: Path, only: frozenset[bytes] | None
) -> Iterator[FoundFile | Unwalkable]:
    """Yield what lies in a folder, or of that only what is asked for; never what is the archive's own."""
    own = (archive.folder, archive.incoming, archive.bags, archive.public)
    skip = [part for part in own if part.exists()]
    if only is None:
        return walk(folder, skip=skip)
    ways = above(only)
    found = walk(folder, skip=skip, into=lambda path: path in ways or is_under(path, only))
    # A folder on the way that cannot be listed hides what is asked for.
    return (
        item
        for item in found
        if is_under(item.path, only) or (isinstance(item, Unwalkable) and item.path in ways)
    )


@contextmanager
def looking_ahead(
    archive: Archive, folder: Path, only: frozenset[bytes] | None, progress: Progress
) -> Iterator[None]:
    """Count what is to come in a thread, so that the remaining time can be told while the walk streams."""
    if only is not None:  # few: not worth a second walk
        yield
        return
    stop = threading.Event()

    def count() -> None:
        for chunk in batched(walk_for(archive, folder, only), IN_A_STATEMENT):
            if stop.is_set():
                return
            size = sum(item.size for item in chunk if isinstance(item, FoundFile))
            progress.grow(files=len(chunk), size=size)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
