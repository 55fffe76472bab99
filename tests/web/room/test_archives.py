"""The archive that tests of pages read is what they take it for."""

from __future__ import annotations

from phonotheque.vault.archive import Archive
from tests.web.room.archives import Title
from tests.web.room.visits import visiting


def test_the_shared_archive_can_be_visited(library: Archive, twin: Archive) -> None:
    with visiting(library) as visit:
        assert Title.OPENING in visit.text("en/search?q=opening")
    with visiting(twin) as visit:
        assert visit.ask("en/").status == 200
