"""What a mirror offers to peers: some bags at a time, each read when its turn comes, and parts as parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.messages import Moved
from phonotheque.mirrors.offering import Offering
from phonotheque.mirrors.origin import open_origin
from phonotheque.vault.archive import Archive
from tests.mirrors.mirror_publisher import Publisher
from tests.mirrors.mirror_runs import ALL, Told, run

pytestmark = pytest.mark.ledger  # a mirror has one

TURN = 10.0


class _Keeper:
    """Takes the place of the swarm process, to see what is in it."""

    def __init__(self) -> None:
        self.now: dict[str, dict[str, Any]] = {}

    def add(self, bag: str, torrent: bytes, save_path: str, **options: Any) -> None:
        assert bag not in self.now
        self.now[bag] = options | {"torrent": torrent, "save_path": save_path}

    def remove(self, bag: str) -> None:
        self.now.pop(bag, None)


class Offered:
    """An offering of a mirror with so many places, and a clock."""

    def __init__(self, mirror: Archive, publisher: Publisher, active: int) -> None:
        settings = mirror.settings
        self.mirror = replace(
            mirror, settings=replace(settings, mirror=replace(settings.mirror, active=active))
        )
        self.keeper, self.time, self.said = _Keeper(), 0.0, list[str]()
        keeper: Any = self.keeper
        self.offering = Offering(
            self.mirror,
            open_origin(str(publisher.folder)),
            keeper,
            peers=(),
            progress=Told(self.said.append),
            turn=TURN,
            clock=lambda: self.time,
        )

    def at(self, moment: float, taken: int = 0) -> set[str]:
        self.time = moment
        self.offering.step(taken)
        return set(self.keeper.now)


@pytest.fixture
def mirror(published: Publisher, tmp_path: Path) -> Archive:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    return mirror


def test_each_bag_is_offered_in_its_turn_and_what_is_asked_for_stays(
    published: Publisher, mirror: Archive
) -> None:
    there = Offered(mirror, published, active=2)
    there.offering.hold(published.bags, {})
    assert there.said == ["2 of 3 bags are offered to peers at a time; each within 0.0 h."]
    first = there.at(0.0)
    assert len(first) == 2
    assert there.at(9.0) == first
    asked = min(first)
    there.offering.heard(Moved(asked, 1, 0, 900, 0, 0, peers=1, seeds=5))
    second = there.at(10.0)
    assert second == {asked, *(set(ALL) - first)}
    for options in there.keeper.now.values():
        assert (options["have"], options["save_path"]) == (None, str(mirror.bags))
    # Bags on their way take places, but never all.
    assert len(there.at(11.0, taken=4)) == 1
    there.keeper.now.clear()  # the process was lost
    there.offering.again()
    assert len(there.at(12.0)) == 2


def test_a_part_is_offered_as_one_and_anew_when_it_has_grown(published: Publisher, mirror: Archive) -> None:
    there = Offered(mirror, published, active=5)
    entry = next(bag for bag in published.bags if bag.id == "audio-1")
    songs = sorted(path for path in published.contents["audio-1"])
    small, large = (frozenset(f"data/{song}" for song in songs[:count]) for count in (1, 2))
    there.offering.hold([entry], {"audio-1": small})
    assert there.at(0.0) == {"audio-1"}
    options = there.keeper.now["audio-1"]
    assert options["have"] == options["wanted"]
    assert sum(options["have"]) == 1  # one small song of one piece
    there.offering.hold([entry], {"audio-1": large})
    assert there.at(1.0) == {"audio-1"}
    assert sum(there.keeper.now["audio-1"]["have"]) == 3
    there.offering.hold([entry], {})
    there.at(2.0)
    assert there.keeper.now["audio-1"]["have"] is None
    assert there.offering.leave(["audio-1", "audio-2"]) == {"audio-1"}


def test_a_torrent_that_is_gone_is_said_and_hinders_no_other(
    published: Publisher, mirror: Archive, tmp_path: Path
) -> None:
    there = Offered(mirror, published, active=5)
    entry = next(bag for bag in published.bags if bag.id == "audio-1")
    for tree in (mirror.public, published.public):
        (tree / "targets" / entry.torrent.path).unlink()
    there.offering.hold(published.bags, {})
    assert there.at(0.0) == {"audio-2", "catalogue-1"}
    assert there.said[-1].startswith("audio-1 is not offered: ")
    assert there.at(20.0) == {"audio-2", "catalogue-1"}
