"""Whether a disk is full: said in words where somebody wants something kept."""

from __future__ import annotations

import shutil
import sqlite3
from errno import EDQUOT, ENOSPC
from typing import Final

from sqlalchemy.exc import DBAPIError

from phonotheque.vault.archive import Archive

# Errors that may mean so; :func:`is_full` tells.
ERRORS: Final = (OSError, DBAPIError)
_LITTLE: Final = 1024**2  # bytes free: SQLite then calls it an I/O error, too
_DISK_FULL: Final = "53100"  # PostgreSQL's manual, appendix A


def is_full(error: BaseException, archive: Archive) -> bool:
    """Whether what failed did so because a disk is full, or what somebody may use of it."""
    if isinstance(error, OSError):
        return error.errno in (ENOSPC, EDQUOT)
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        little = shutil.disk_usage(archive.folder).free < _LITTLE
        return code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and little)
    return getattr(cause, "sqlstate", None) == _DISK_FULL
