"""A publisher, a tracker and five mirrors on a network of their own: all is well when nothing is wrong.

And when the network, or what others have to say, is bad.
"""

from __future__ import annotations

import shutil

import pytest

from phonotheque.editions.metainfo import read_torrent
from tests.endtoend.promises import broken
from tests.network.asking import PEERS
from tests.network.conftest import Converged, Ground, SmallDisk
from tests.network.liar import lying
from tests.network.parties import World, until
from tests.network.well import assert_well

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.once("about networks")]
FULL = "bytes free|disk is full|No space left|Make room"


def test_five_mirrors_hold_together_what_fits(world: World, ground: Ground, converged: Converged) -> None:
    bags = world.publisher.bags
    for name in ("one", "two", "three"):
        assert converged.complete[name] == bags.keys()
    for name in ("four", "five"):
        held = converged.complete[name]
        assert any(bag.endswith("catalogue") for bag in held)
        assert held < bags.keys()
        assert sum(bags[bag]["bytes"] for bag in held) <= int(ground.budgets[name])
    # Requests and acknowledgements are some hundredths of what is fetched.
    assert converged.sent > converged.fetched / 5, "nothing came from other mirrors"
    for mirror in world.mirrors:
        mirror.start()
    assert_well(world)


def test_slow_far_and_flapping_links(fresh: World) -> None:
    """Mirror one has a slow line, two is far away and loses packets, three's cable has a loose contact."""
    one, two, three, *_ = fresh.mirrors
    fresh.lab.slow(one.host, 6)
    fresh.lab.slow(three.host, 12)
    fresh.lab.distant(two.host, milliseconds=40, loss=0.01)
    with fresh.lab.flapping(three.host) as pulled:
        for mirror in fresh.mirrors:
            mirror.start()
        for mirror in (one, two, three):
            mirror.await_bags(fresh.publisher.bags)
        until(lambda: pulled, "the cable was pulled at least once")
    for mirror in (one, two, three):
        fresh.lab.quick(mirror.host)
    for mirror in fresh.mirrors[3:]:
        mirror.await_serving()
    assert_well(fresh)


def test_a_peer_that_lies_is_found_out(world: World) -> None:
    """A mirror that knows nobody else takes what a liar sends, believes none of it, and asks better peers."""
    one, two, *_ = world.mirrors
    shutil.rmtree(one.folder)
    world.before.pop(one.host.name)
    public = world.publisher.archive / "public"
    pieces = {}
    for bag in world.publisher.bags.values():
        meta = read_torrent((public / "targets" / bag["torrent"]["path"]).read_bytes())
        pieces[bytes.fromhex(meta.infohash_v1)] = sum(file.pieces for file in meta.files)
    with lying(world.stranger, PEERS, pieces) as liar:
        one.start("--no-web-seed", "--peer", f"{world.stranger.address}:{PEERS}")
        until(lambda: liar.blocks, "the liar has sent something")
        assert not one.complete
        two.start()
        one.await_bags(world.publisher.bags)
        assert_well(world)


def test_a_disk_without_room(fresh: World, small_disk: SmallDisk) -> None:
    """A mirror whose disk is smaller than its budget says so and keeps what it has; with room it goes on."""
    one, two, *_ = fresh.mirrors
    one.folder = small_disk.folder / "one"
    starved = one.start()
    two.start()
    two.await_bags(fresh.publisher.bags)
    starved.await_words(FULL)
    one.end()
    assert "Traceback" not in starved.said
    assert broken(one.folder) == []
    kept = one.music
    assert not one.complete >= fresh.publisher.bags.keys()
    small_disk.grow(64_000_000)
    one.start()
    one.await_bags(fresh.publisher.bags)
    assert kept <= one.music
    assert_well(fresh)
