"""python -m phonotheque.web.still ARCHIVE: count and draw, write its pages, and print how many there are."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import duckdb

from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import now, open_archive
from phonotheque.web.looking.making import renew_and_draw
from phonotheque.web.room.published import Published
from phonotheque.web.still import WHY
from phonotheque.web.still.writing import write_still

_NICE = 5


def main() -> int:
    """Write the pages of the archive that is named. Its errors are told on stderr, for the one who asked."""
    os.nice(_NICE)
    try:
        archive = open_archive(Path(sys.argv[1]))
        kept = Published(archive).current()
        # As of the edition: published again with the same date, all pages are the same.
        renew_and_draw(archive, at=datetime.fromisoformat(kept.edition.date) if kept else now())
        sys.stdout.write(f"{write_still(archive)}\n")
    except (PhonothequeError, OSError, duckdb.Error) as error:
        why = str(error).splitlines()[0]  # where it was, and what to do, is in further lines
        sys.stderr.write(f"{WHY}{why}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
