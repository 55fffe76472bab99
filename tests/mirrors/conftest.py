from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.vault.archive import Archive, open_archive
from tests.conftest import ARCHIVE_ID
from tests.mirrors.audits import NOW, fill
from tests.mirrors.mirror_publisher import Publisher


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    return Publisher(folder)


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("audio-2")
    publisher.publish(1)
    return publisher


@pytest.fixture(scope="module")
def archive_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an archive that has published an edition; nobody changes it."""
    place = tmp_path_factory.mktemp("audit")
    folder = place / "archive"
    folder.mkdir()
    (folder / "phonotheque.toml").write_text(f'[archive]\nid = "{ARCHIVE_ID}"\nname = "archive"\n')
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(place / "config"))
        archive = open_archive(folder)
        fill(archive, place / "in")
        publish(archive, at=NOW)
        archive.close()
    return folder


@pytest.fixture
def archive_tree(archive_base: Path, tmp_path: Path, own_settings: Path) -> Archive:
    """A copy of that archive, without its ledger: an audit needs none."""
    shutil.copytree(
        archive_base, tmp_path / "archive", symlinks=True, ignore=shutil.ignore_patterns("ledger.sqlite*")
    )
    return open_archive(tmp_path / "archive")
