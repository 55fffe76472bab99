"""What is damaged at the publisher, and taken back by nobody, is not erased anywhere, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.mirrors.home import open_mirror
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import link_or_copy
from tests.editions.test_revision import (
    LATER,
    LATEST,
    NOW,
    WITHDRAWN,
    edition,
    music_bags,
    payload,
    sha256,
    stocked,
    withdraw,
)
from tests.mirrors.mirror_runs import run

__all__ = ["stocked"]
pytestmark = pytest.mark.ledger  # a mirror has one


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4] + b"rot!")


def hashes_below(folder: Path) -> set[str]:
    return {sha256(path) for path in folder.rglob("*") if path.is_file()}


def in_bag(archive: Archive, bag: str, name: str) -> Path:
    (found,) = (archive.bags / bag / "data").rglob(name)
    return found


def test_mirrors_keep_what_the_publisher_lost_and_give_it_back(stocked: Archive, tmp_path: Path) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "01 One.flac"))
    gone = sha256(in_bag(stocked, old, "02 Two.flac"))
    mirror = open_mirror(tmp_path / "mirror", str(stocked.folder))
    run(mirror)
    spoil(in_bag(stocked, old, "01 One.flac"))
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    assert edition(stocked).sought == ((lost, "WORLD"),)
    for _ in range(2):
        run(mirror)
        held = hashes_below(mirror.folder / "vault")
        assert lost in held, "nobody took it back, and this is the last good copy"
        assert gone not in held
    # A good copy comes back to where the damaged one lies.
    (kept,) = (path for path in (mirror.folder / "vault").rglob("*.flac") if sha256(path) == lost)
    place = in_bag(stocked, old, "01 One.flac")
    place.unlink()
    link_or_copy(kept, place, allow_link=False)
    publish(stocked, at=LATEST)  # it waits again
    publish(stocked, at=LATEST)
    assert edition(stocked).sought == ()
    assert lost in {digest for bag in music_bags(stocked) for digest in payload(stocked, bag).values()}
    assert not (stocked.bags / old).exists()
    result = run(mirror)
    assert result.reused >= place_size(mirror, lost)
    assert not (mirror.folder / "vault" / "leaving" / old).exists()


def place_size(mirror: Archive, wanted: str) -> int:
    """The bytes of a file that the mirror shows."""
    (found,) = (path for path in mirror.bags.rglob("*.flac") if sha256(path) == wanted)
    return found.stat().st_size


def test_what_is_damaged_does_not_stop_a_withdrawal(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "03 Three.flac"))
    spoil(in_bag(stocked, old, "03 Three.flac"))
    withdraw(stocked, "one.flac", "two.flac")
    result = publish(stocked, at=LATER)
    current = edition(stocked)
    assert result.new
    assert [(one.bag, one.replaced_by, one.reason) for one in current.withdrawals] == [(old, None, WITHDRAWN)]
    assert len(current.tombstones) == 2
    assert current.sought == ((lost, "WORLD"),)
    again = publish(stocked, at=LATEST)
    assert not again.new
    assert {finding.what for finding in again.failures} == {"unproven"}, "it is named, and kept"
    assert in_bag(stocked, old, "03 Three.flac").exists()


def test_a_new_bag_of_which_nothing_is_whole_is_left_out_and_told(stocked: Archive) -> None:
    for path in stocked.incoming.rglob("*"):
        if path.is_file() and len(path.name) == 64:
            spoil(path)
    result = publish(stocked, at=NOW)
    assert result.new
    assert music_bags(stocked) == []
    assert {finding.what for finding in result.failures} == {"damaged"}
    assert not publish(stocked, at=LATER).new
