"""Which catalogue a room shows, and who makes its index."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.catalogue import index
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.room import state
from phonotheque.web.room.state import Shelf
from tests.endtoend.commands import wait_for
from tests.postgresql import copy_tree


def test_a_room_that_renews_nothing_waits_for_an_index(
    library: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_LOOK", 0.0)
    copy_tree(library.folder, tmp_path / "archive")
    archive = open_archive(tmp_path / "archive")
    snapshot = next(archive.catalogue.glob(f"*/{index.STATE}")).parent
    (snapshot / index.STATE).unlink()
    waiting = Shelf(archive, renews=False)  # as a worker's is
    assert waiting.current() is None
    assert not (snapshot / index.STATE).exists()
    made = Shelf(archive)
    assert made.current() is not None
    wait_for(waiting.current, "it is opened")
