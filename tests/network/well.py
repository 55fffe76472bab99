"""What must be true at the end of every scenario, whatever happened."""

from __future__ import annotations

from pathlib import Path

from tests.endtoend.commands import findings
from tests.endtoend.promises import broken, sha256
from tests.network.asking import offers, status
from tests.network.parties import Mirror, World, until


def assert_well(world: World) -> None:
    """Nothing verified was lost, nothing withdrawn is served, every mirror's check is clean.

    Mirrors that run are asked over HTTP and as a peer, and then ended; all are read from their disks.
    """
    asked = [mirror for mirror in world.mirrors if mirror.process]
    assert asked, "nobody is there to be asked"
    for mirror in asked:
        _nothing_withdrawn_is_served(world, mirror)
    for mirror in asked:
        mirror.end()
    stones = {digest for stone in world.publisher.edition["tombstones"] for digest in stone["sha256"]}
    for mirror in world.mirrors:
        if mirror.folder.exists():
            assert findings(mirror.folder) == [], mirror.host.name
            assert broken(mirror.folder) == [], mirror.host.name
            assert not stones & _on_disk(mirror.folder), f"{mirror.host.name} has what was withdrawn"
            lost = world.before.get(mirror.host.name, set()) - mirror.music - stones
            assert not lost, f"{mirror.host.name} has lost {lost}"


def _nothing_withdrawn_is_served(world: World, mirror: Mirror) -> None:
    mirror.await_serving()
    bags = world.publisher.bags
    held = bags[min(mirror.complete & bags.keys())]
    assert status(world.stranger, mirror.host, f"bags/{held['id']}/bagit.txt") == 200
    infohash = bytes.fromhex(held["torrent"]["infohash_v1"])
    until(lambda: offers(world.stranger, mirror.host, infohash), f"{mirror.host.name} offers {held['id']}")
    assert world.withdrawn
    for name, bag in world.withdrawn.items():
        for path in (f"bags/{name}/bagit.txt", f"targets/{bag['torrent']['path']}"):
            assert status(world.stranger, mirror.host, path) in (404, 410), path
        for infohash in (bag["torrent"]["infohash_v1"], bag["torrent"]["infohash_v2"][:40]):
            assert not offers(world.stranger, mirror.host, bytes.fromhex(infohash)), name


def _on_disk(folder: Path) -> set[str]:
    files = (path for path in (folder / "vault").rglob("*") if path.is_file() and not path.is_symlink())
    return {sha256(path) for path in files}
