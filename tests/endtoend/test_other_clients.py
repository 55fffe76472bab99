"""Other people's programs on what we publish: tuf alone, bagit. BitTorrent clients: see tests/clients."""

from __future__ import annotations

import shutil
from pathlib import Path

import bagit
import pytest
from tuf.ngclient import Updater

from tests.endtoend.commands import phono, serving
from tests.endtoend.small_music import write_album

pytestmark = pytest.mark.xdist_group("other-clients")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive that has published an edition."""
    place = tmp_path_factory.mktemp("published")
    archive = place / "archive"
    write_album(place / "music", "Björk & Ωμέγα 音楽")
    phono("init", archive, "--name", "For others")
    phono("add", archive, place / "music")
    phono("publish", archive)
    return archive


def test_the_tuf_client_alone_fetches_the_edition(published: Path, tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "targets").mkdir()
    shutil.copy(published / "public/metadata/1.root.json", tmp_path / "metadata/root.json")
    with serving(published) as address:
        updater = Updater(
            metadata_dir=str(tmp_path / "metadata"),
            metadata_base_url=f"{address}/metadata/",
            target_dir=str(tmp_path / "targets"),
            target_base_url=f"{address}/targets/",
            bootstrap=None,
        )
        updater.refresh()
        for name in ("edition.json", "editions/1/edition.json"):
            found = updater.get_targetinfo(name)
            assert found is not None
            path = Path(updater.download_target(found))
            assert path.read_bytes() == (published / "public/targets/edition.json").read_bytes()


def test_bagit_validates_every_bag(published: Path) -> None:
    bags = sorted((published / "vault/bags").iterdir())
    assert len(bags) == 2
    for bag in bags:
        bagit.Bag(str(bag)).validate()
