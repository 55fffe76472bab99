"""The publisher goes on while mirrors are still at what was before: something is out, or taken back."""

from __future__ import annotations

import pytest

from tests.endtoend.promises import rows
from tests.network.conftest import Ground
from tests.network.parties import World, until
from tests.network.well import assert_well

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.once("about networks")]


def test_an_edition_is_published_while_mirrors_sync(fresh: World, ground: Ground) -> None:
    old = fresh.publisher.bags
    three = fresh.mirrors[:3]
    fresh.lab.slow(fresh.publisher.host, 3)
    for mirror in three:
        mirror.start()
    until(lambda: any(mirror.complete for mirror in three), "somebody holds a bag")
    fresh.publisher.publish()
    new = fresh.publisher.bags
    assert new.keys() > old.keys()
    fresh.tracker.know(new)
    assert not all(mirror.complete >= old.keys() for mirror in three), "the mirrors were too quick"
    for mirror in three:
        mirror.await_bags(new)
        assert set(ground.songs) | set(ground.second) <= mirror.music
    assert_well(fresh)


def test_something_is_withdrawn_while_mirrors_sync(fresh: World, ground: Ground) -> None:
    """One mirror holds it all already, two are in the middle; a fourth comes when it is over."""
    one, two, three, four, _ = fresh.mirrors
    one.start()
    one.await_bags(fresh.publisher.bags)
    fresh.lab.slow(two.host, 4)
    fresh.lab.slow(three.host, 4)
    for mirror in (two, three):
        mirror.start()
    until(lambda: two.complete or three.complete, "somebody holds a bag")
    gone = ground.songs[0]
    fresh.withdraw(gone)
    assert len(fresh.withdrawn) > len(ground.withdrawn)
    four.budget = "1GB"
    four.start()
    for mirror in (one, two, three, four):
        mirror.await_bags(fresh.publisher.bags)
        assert gone not in mirror.music
        assert set(ground.songs[1:]) <= mirror.music
    proofs = rows(one.folder, "SELECT detail FROM events WHERE type = 'deletion'")
    assert any(gone in str(detail) for (detail,) in proofs)
    assert_well(fresh)
