"""What tests of pages share: an archive with music, and a mirror of it. They are read, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from phonotheque.vault.archive import Archive
from tests.web.room.archives import make_library, make_twin, own_settings


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A small published archive (tests/web/room/archives.py). It is everybody's: change a copy."""
    place = tmp_path_factory.mktemp("library")
    with own_settings(place):
        archive = make_library(place / "library")
        yield archive
        archive.close()


@pytest.fixture(scope="session")
def twin(library: Archive) -> Iterator[Archive]:
    """A mirror of that archive, in Germany."""
    place = library.folder.parent
    with own_settings(place):
        mirror = make_twin(library, place / "twin")
        yield mirror
        mirror.close()
