"""An archive whose figures are counted and drawn: two plots, made up, so that it takes no time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from phonotheque.vault.archive import Archive
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.drawings import draw_all
from phonotheque.web.looking.first import First
from phonotheque.web.looking.kept import Kept, write_kept
from tests.web.report_archive import empty_archive

_FIRST: Final = First("2026-11-26T09:30:00Z", 6, 10, 1.0, 3, 0, 0, 0, 0, None, None, None)
_DAYS: Final = (("2026-11-21", 3, 1, 1, 0), ("2026-11-26", 3, 3, 2, 1))
KEPT: Final = Kept(
    _FIRST,
    None,
    {
        "countries": Counted("countries", ("country", "releases"), (("FR", 1234), ("<b>", 1)), {"known": 9}),
        "copies-over-time": Counted("copies-over-time", ("day", "bags", "one", "two", "three"), _DAYS),
    },
)


def drawn_archive(folder: Path) -> Archive:
    """Return an archive that holds nothing, with figures and plots as if."""
    archive = empty_archive(folder)
    archive.public.mkdir()
    write_kept(archive, KEPT)
    assert draw_all(archive, KEPT) == 4
    return archive
