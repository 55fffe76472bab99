"""An archive of one's own to play from: shelves and listeners are written beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive, open_archive
from tests.postgresql import copy_tree
from tests.web.room.archives import own_settings
from tests.web.subsonic.player import Player, playing


@pytest.fixture(scope="module")
def shelved(library: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A copy of the small archive."""
    yield from _copied(library, tmp_path_factory.mktemp("shelved"))


@pytest.fixture(scope="module")
def player(shelved: Archive) -> Iterator[Player]:
    """A guest, of whom it is not known where they are."""
    with playing(shelved) as found:
        yield found


@pytest.fixture
def own(library: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A copy of the small archive, for one test to change."""
    yield from _copied(library, tmp_path)


@pytest.fixture
def own_twin(twin: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A copy of its mirror."""
    yield from _copied(twin, tmp_path)


def _copied(archive: Archive, place: Path) -> Iterator[Archive]:
    with own_settings(place):
        copy_tree(archive.folder, place / "copy")
        copy = open_archive(place / "copy")
        yield copy
        copy.close()
