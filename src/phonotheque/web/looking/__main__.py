"""Renew the figures of the archive or mirror that is named, once, letting everything else go first."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from phonotheque.model.errors import BusyError, PhonothequeError
from phonotheque.vault.archive import now, open_archive
from phonotheque.web.looking.making import renew_and_draw


def main() -> int:
    """Return the exit code."""
    with suppress(PermissionError):  # a service may be forbidden to change any priority, its own included
        os.nice(19)
    try:
        renew_and_draw(open_archive(Path(sys.argv[1])), at=now())
    except BusyError:
        return 0  # somebody else is at it
    except PhonothequeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
