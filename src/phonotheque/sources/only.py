"""Taking in only some files of a folder: the way to them, and which of them were there."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

from sqlalchemy import Engine

from phonotheque.jobs.tracking import Job
from phonotheque.ledger.jobs import Outcome, open_items, settle_items

_GONE = "not there any more"


def above(places: Set[bytes]) -> frozenset[bytes]:
    """Return every folder that lies above one of these absolute paths."""
    folders: set[bytes] = set()
    for place in places:
        while (folder := os.path.dirname(place)) != place and folder not in folders:
            folders.add(folder)
            place = folder
    return frozenset(folders)


def is_under(path: bytes, places: Set[bytes]) -> bool:
    """Whether an absolute path is one of these, or in a folder that is."""
    while path not in places:
        folder = os.path.dirname(path)
        if folder == path:
            return False
        path = folder
    return True


def settle_met(
    engine: Engine, job: Job, folder: Path, only: Set[bytes], unwalkable: Set[bytes], *, at: str
) -> None:
    """Record as done what of ``only`` lies under ``folder``, is there and was looked at; say of the rest why.

    ``unwalkable`` are the files and folders that could not be looked at.
    """
    here = frozenset([os.fsencode(folder)])
    with engine.connect() as ledger:  # not what this job did, and may have moved away, or failed at
        still_open = {item.item for item in open_items(ledger) if item.job != job.id}
    met, missed = [], {}
    for place in sorted(place for place in only & still_open if is_under(place, here)):
        if is_under(os.path.dirname(place), unwalkable):
            missed[place] = "a folder above it cannot be looked into"
            continue
        try:
            os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            missed[place] = _GONE
        except OSError as error:
            missed[place] = error.strerror or str(error)
        else:
            met.append(place)
    with engine.begin() as ledger:
        settle_items(ledger, met, at=at, but=job.id)
        for place, reason in missed.items():
            job.failed(ledger, place, Outcome.FAILED, reason, 1)
