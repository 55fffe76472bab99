"""Which of the files that an add failed at are gone, and need not be asked for any more."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlalchemy import Connection

from phonotheque.ledger.jobs import Item, jobs_named
from phonotheque.model.errors import PhonothequeError
from phonotheque.sources.only import is_under


def gone(ledger: Connection, items: Sequence[Item]) -> list[Item]:
    """Return those of ``items`` that are files of folders that were added, and are not there any more.

    Of a file whose nearest folder that is there is empty, as a place is where no disk is mounted, that is not
    believed; nor where the added folder is gone itself: raises PhonothequeError, as for what cannot be
    looked at.
    """
    added = {
        record.id: [os.fsencode(folder) for folder in record.options.get("folders", ())]
        for record in jobs_named(ledger, {item.job for item in items})
        if record.kind == "add"
    }
    found, believed = [], set[bytes]()
    for item in items:
        folder = next((one for one in added.get(item.job, ()) if is_under(item.item, {one})), None)
        if folder is None or _there(item.item):
            continue
        nearest = os.path.dirname(item.item) if item.item != folder else folder
        while nearest != folder and not _there(nearest):
            nearest = os.path.dirname(nearest)
        if nearest not in believed and not _has_something(nearest):
            raise PhonothequeError(
                f"{_said(nearest)} holds nothing at all: perhaps a disk is not mounted.",
                "Nothing was given up. Mount it; or, if all is gone for good, name the files themselves.",
            )
        believed.add(nearest)
        found.append(item)
    return found


def _has_something(folder: bytes) -> bool:
    """Whether a folder holds anything; a file that stands in its place is something, too."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:  # it is gone, or a link to what is gone
        return False
    except NotADirectoryError:
        return True
    except OSError as error:
        raise _unseen(folder, error) from error


def _there(path: bytes) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unseen(path, error) from error
    return True


def _unseen(path: bytes, error: OSError) -> PhonothequeError:
    return PhonothequeError(
        f"{_said(path)} cannot be looked at: {error.strerror}.",
        "Nothing was given up. Make it readable, or name it itself.",
    )


def _said(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
