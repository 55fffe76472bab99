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

    Of a folder that is empty, or gone itself, that is not believed: raises PhonothequeError, as for what
    cannot be looked at.
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
        if folder not in believed and (not _there(folder) or not os.listdir(folder)):
            raise PhonothequeError(
                f"{_said(folder)} holds nothing at all: perhaps a disk is not mounted.",
                "Nothing was given up. Mount it; or, if it is gone for good, name the files themselves.",
            )
        believed.add(folder)
        found.append(item)
    return found


def _there(path: bytes) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise PhonothequeError(
            f"{_said(path)} cannot be looked at: {error.strerror}.",
            "Nothing was given up. Make it readable, or name it itself.",
        ) from error
    return True


def _said(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
