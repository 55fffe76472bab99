"""Other people's clients download a bag from our mirror, by torrent file and by magnet link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import bagit
import pytest

from phonotheque.editions.edition import read_edition
from tests.clients.programs import PROGRAMS
from tests.clients.tracker import tracker
from tests.endtoend.commands import PATIENCE, phono, seeding, wait_for
from tests.endtoend.promises import sha256
from tests.endtoend.small_music import write_album

pytestmark = [pytest.mark.xdist_group("other-clients"), pytest.mark.once("about the bytes of bags")]


@dataclass(frozen=True)
class Offered:
    """A bag of a mirror that serves it, and the two ways to ask for it."""

    bag: Path
    torrent: Path
    magnet: str

    def by(self, way: str) -> str:
        return self.magnet if way == "magnet" else str(self.torrent)


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offered]:
    """Let a mirror serve a bag; the torrents name a tracker, and no web seed."""
    place = tmp_path_factory.mktemp("offered")
    archive, mirror = place / "archive", place / "mirror"
    write_album(place / "music", "Björk & Ωμέγα 音楽")
    phono("init", archive, "--name", "For others")
    with tracker() as announce:
        settings = archive / "phonotheque.toml"
        settings.write_text(settings.read_text().replace("trackers = []", f'trackers = ["{announce}"]'))
        phono("add", archive, place / "music")
        phono("publish", archive)
        edition = read_edition((archive / "public/targets/edition.json").read_bytes())
        entry = next(bag for bag in edition.bags if bag.wave == 1)
        magnet = (
            f"magnet:?xt=urn:btih:{entry.torrent.infohash_v1}&xt=urn:btmh:1220{entry.torrent.infohash_v2}"
            f"&dn={quote(entry.id)}&tr={quote(announce, safe='')}"
        )
        with seeding(archive, mirror):
            bag = mirror / "vault" / "bags" / entry.id
            wait_for(bag.exists, f"{bag} is there")
            yield Offered(bag, mirror / "public/targets" / entry.torrent.path, magnet)


@pytest.mark.parametrize("way", ["torrent", "magnet"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_downloads_a_bag(
    offered: Offered,
    name: str,
    way: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    program = PROGRAMS[name]
    record_property("client", f"{program.version()}, by {way}")
    wanted = files(offered.bag)
    with program.downloading(offered.by(way), tmp_path) as downloads:
        bag = downloads / offered.bag.name
        wait_for(lambda: holds(bag, wanted), f"{bag} has arrived", 2 * PATIENCE)
    # Some clients write the torrent's padding to the disk, too.
    assert {path for path in files(bag).keys() - wanted.keys() if not path.startswith(".pad/")} == set()
    bagit.Bag(str(bag)).validate(processes=1)


def holds(folder: Path, wanted: Mapping[str, str]) -> bool:
    """Tell whether all of it is there; what is on its way changes its name at any moment."""
    try:
        return all(sha256(folder / path) == digest for path, digest in wanted.items())
    except FileNotFoundError:
        return False


def files(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a folder."""
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}
