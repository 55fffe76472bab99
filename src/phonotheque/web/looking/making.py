"""Counting what figures show, and keeping it: by a command, or by a process beside a server."""

from __future__ import annotations

from datetime import datetime

from phonotheque.vault.archive import Archive
from phonotheque.web.looking.gathering import gather_of_mirror, gathered
from phonotheque.web.looking.kept import Kept, read_kept, write_kept


def renew(archive: Archive, *, at: datetime) -> Kept:
    """Count what figures show as of ``at``, keep it, and return it."""
    before = read_kept(archive)
    if archive.is_mirror:
        kept = gather_of_mirror(archive, at=at, before=before)
    else:
        with gathered(archive, at=at, before=before) as found:
            kept = found.kept
    write_kept(archive, kept)
    return kept
