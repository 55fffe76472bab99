"""Counting what figures show, keeping it, and drawing it: by a command, or by a process beside a server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from phonotheque.catalogue import manifest
from phonotheque.ledger.bags import latest_edition
from phonotheque.mirrors.copies import COPIES
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.vault.alone import alone
from phonotheque.vault.archive import Archive
from phonotheque.web.looking.drawings import clear_drawings, draw_all
from phonotheque.web.looking.gathering import gather_of_mirror, gathered
from phonotheque.web.looking.kept import Kept, folder_of, read_kept, write_kept

_A_DAY: Final = timedelta(days=1)


def renew(archive: Archive, *, at: datetime) -> Kept:
    """Count what figures show as of ``at``, keep it, and return it."""
    kept = _counted(archive, read_kept(archive), at)
    write_kept(archive, kept)
    return kept


def renew_and_draw(archive: Archive, *, at: datetime) -> tuple[Kept, int]:
    """Count anew, and draw what shows something else; return what was counted, and how many were drawn.

    What was counted before is shown until all is drawn; its drawings stay until the next time, for pages that
    are open. Raises BusyError while another process does it. Nothing else is changed, or locked.
    """
    with _alone(archive):
        before = read_kept(archive)
        kept = _counted(archive, before, at)
        if before is None:
            write_kept(archive, kept)  # figures without plots are better than none
        drawn = draw_all(archive, kept)
        write_kept(archive, kept)
        clear_drawings(archive, kept, *([before] if before else []))
        return kept, drawn


def _counted(archive: Archive, before: Kept | None, at: datetime) -> Kept:
    if archive.is_mirror:
        return gather_of_mirror(archive, at=at, before=before)
    with gathered(archive, at=at, before=before) as found:
        return found.kept


def is_due(archive: Archive, kept: Kept | None, at: datetime) -> bool:
    """Tell whether figures lack, are a day old, or are older than the snapshot, the edition or the copies.

    Raises the errors of the ledger and the disk.
    """
    if kept is None:
        return True
    counted = datetime.fromisoformat(kept.first.at)
    if at - counted >= _A_DAY or _changed_since(archive.public / COPIES, counted):
        return True
    if archive.is_mirror:
        return _changed_since(trust_dir(archive) / EDITION, counted)
    snapshot = manifest.current(archive.catalogue)
    if (snapshot.stamp if snapshot else None) != kept.snapshot:
        return True
    with archive.ledger.connect() as ledger:
        edition = latest_edition(ledger)
    return (edition.number if edition else None) != kept.first.edition


def _changed_since(path: Path, counted: datetime) -> bool:
    try:
        return path.stat().st_mtime > counted.timestamp() + 1
    except FileNotFoundError:
        return False


def _alone(archive: Archive) -> AbstractContextManager[None]:
    """Be the only one who renews the figures of an archive."""
    folder = folder_of(archive)
    return alone(
        folder,
        f"{folder} is being renewed by another process.",
        "It does what you would; wait until it has finished.",
    )
