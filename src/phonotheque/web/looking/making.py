"""Counting everything that figures show: for a command, or for a process of its own beside a server."""

from __future__ import annotations

from datetime import datetime

from phonotheque.catalogue.manifest import current
from phonotheque.vault.archive import Archive
from phonotheque.web.looking.first import first_of_archive, first_of_mirror
from phonotheque.web.looking.kept import Kept, write_kept


def renew(archive: Archive, *, at: datetime) -> Kept:
    """Count what figures show as of ``at``, keep it, and return it."""
    snapshot = current(archive.catalogue)
    with archive.ledger.connect() as ledger:
        if archive.is_mirror:
            first = first_of_mirror(archive, ledger, at, None)
        else:
            first = first_of_archive(archive, ledger, at)
    kept = Kept(first, snapshot.stamp if snapshot else None)
    write_kept(archive, kept)
    return kept
