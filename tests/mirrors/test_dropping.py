from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.choose import Candidate
from phonotheque.mirrors.dropping import Dropping, Held, Terms, drop
from phonotheque.mirrors.lowering import Lowering
from phonotheque.vault.archive import timestamp
from tests.mirrors.mirror_publisher import NOW, later

HELD = st.lists(
    st.builds(
        Held,
        bag=st.builds(
            Candidate,
            id=st.text("abcdefgh", min_size=1, max_size=4),
            size=st.integers(1, 50),
            listens=st.none() | st.integers(0, 10**6),
            unwanted=st.sampled_from(["", "not asked for"]),
        ),
        proven=st.integers(0, 7),
        whole=st.booleans(),
        stays=st.booleans(),
        here=st.none() | st.integers(1, 50),
    ),
    unique_by=lambda one: one.bag.id,
    max_size=20,
)
ALL = 10**6  # bytes: as much as is needed


def held(name: str, size: int = 10, others: int = -1, *, unwanted: str = "", **more: Any) -> Held:
    return Held(Candidate(name, size, unwanted=unwanted), others + 1, **more)


def announce(bags: Sequence[Held], room: int, keep: int = 3, seed: str = "m", size: int = ALL) -> Dropping:
    return drop(bags, room, Lowering(size), Terms(keep, seed, NOW, NOW))


def settle(bags: Sequence[Held], room: int, before: Dropping, keep: int = 3, seed: str = "m") -> Dropping:
    """A day after the publisher was told of what was announced, by a count that is as the one before."""
    told = dict.fromkeys(before.leaving, timestamp(NOW))
    return drop(bags, room, before.lowering, Terms(keep, seed, later(days=1), later(days=1), told))


def test_what_fits_is_not_dropped_and_ends_what_was_agreed() -> None:
    bags = [held("a", others=9), held("b", whole=False)]
    assert announce(bags, 20) == Dropping()


def test_without_the_keepers_word_nothing_is_dropped() -> None:
    bags = [held("a", others=9), held("b", whole=False)]
    assert drop(bags, 0, None, Terms(3, "m", NOW, NOW)) == Dropping()


def test_first_what_was_never_whole_then_what_nobody_asks_for_then_what_most_others_hold() -> None:
    bags = [
        held("begun", whole=False),
        held("unwanted", others=3, unwanted="not asked for"),
        held("common", others=9),
        held("enough", others=3),
        held("few", others=2),
        held("catalogue", others=9, stays=True),
    ]
    order = ["begun", "unwanted", "common", "enough"]
    for number in range(5):
        found = announce(bags, 60 - 10 * number)
        assert [*found.dropped, *found.leaving] == order[:number]
        assert set(found.dropped) <= {"begun"}
        assert not found.kept
    found = announce(bags, 0)
    assert [*found.dropped, *found.leaving] == order
    assert "2 other mirrors have proved lately to hold it, and it takes 3" in found.kept["few"]
    assert "it is not dropped for a budget" in found.kept["catalogue"]
    assert "never here as a whole" in found.dropped["begun"]
    after = settle(bags[1:], 0, found)
    assert list(after.dropped) == order[1:]
    assert "10 other mirrors have proved to hold it (3 are enough)" in after.dropped["common"]


def test_without_proofs_nothing_that_was_whole_goes() -> None:
    found = announce([held("a"), held("b", others=1)], 10)
    assert not found.dropped
    assert not found.leaving
    assert "no other mirrors have proved" in found.kept["a"]
    assert "1 other mirror has proved" in found.kept["b"]


def test_a_part_counts_with_what_is_here_of_it() -> None:
    bags = [held("part", 100, others=9, here=5), held("whole", 50, others=4)]
    assert announce(bags, 55) == Dropping()
    assert list(announce(bags, 50).leaving) == ["part"]


def test_a_publisher_who_was_told_and_counts_no_more_ends_it() -> None:
    bags = [held("a", others=9)]
    before = announce(bags, 0)
    for counted in (None, NOW):
        for days, leaves in ((13, True), (14, False)):
            terms = Terms(3, "m", later(days=days), counted, {"a": timestamp(NOW)})
            found = drop(bags, 0, before.lowering, terms)
            assert not found.dropped
            assert ("a" in found.leaving) is leaves
            assert found.lowering is not None
            assert ("a" in found.lowering.resting) is not leaves


@given(HELD, st.integers(0, 400), st.integers(1, 4), st.text(max_size=3), st.integers(1, 300), st.data())
def test_no_more_goes_than_is_needed_and_agreed_and_nothing_without_proof(
    bags: list[Held], room: int, keep: int, seed: str, agreed: int, data: st.DataObject
) -> None:
    first = announce(bags, room, keep, seed, agreed)
    assert announce(data.draw(st.permutations(bags)), room, keep, seed, agreed) == first
    by_id = {one.bag.id: one for one in bags}
    assert not any(by_id[bag].whole or by_id[bag].stays for bag in first.dropped)
    left = [one for one in bags if one.bag.id not in first.dropped]
    found = settle(left, room, first, keep, seed)
    gone = {*first.dropped, *found.dropped}
    for bag in gone:
        assert not by_id[bag].stays
        assert not by_id[bag].whole or (bag in first.leaving and by_id[bag].others >= keep)
    need = min(sum(one.bytes for one in bags) - room, agreed)
    size = sum(by_id[bag].bytes for bag in gone)
    if gone:
        assert all(size - by_id[bag].bytes < need for bag in gone)
    if size < need:
        may_go = {one.bag.id for one in bags if not one.stays and (not one.whole or one.others >= keep)}
        assert gone == may_go


def test_a_large_one_that_goes_last_spares_others() -> None:
    bags = [held("small", 10, others=9), held("large", 100, others=8)]
    found = announce(bags, 20)
    assert list(found.leaving) == ["large"]


@dataclass
class Shrinking:
    """A mirror in a small world: what it holds, and what it has told."""

    name: str
    bags: set[str]
    lowering: Lowering | None = field(default_factory=lambda: Lowering(ALL))
    told: dict[str, str] = field(default_factory=dict)  # as the publisher knows it
    known: tuple[datetime, dict[str, int]] | None = None


def world(random: Random, mirrors: int, bags: int, keep: int, *, lost: float) -> dict[str, int]:
    """Mirrors that all hold the same and shrink to half at once, with looks and reports that come late or not
    at all; return how many hold each bag in the end.
    """
    names = [f"bag-{number}" for number in range(bags)]
    all_of_them = [Shrinking(f"mirror-{number}-{random.random()}", set(names)) for number in range(mirrors)]
    for hour in range(0, 24 * 40, 4):
        now = NOW + timedelta(hours=hour)
        for one in random.sample(all_of_them, mirrors):
            if random.random() >= lost:  # it looks
                counted = {bag: sum(bag in m.bags - m.told.keys() for m in all_of_them) for bag in names}
                if random.random() < 0.7 or one.known is None:  # else it sees what it saw before
                    one.known = now, counted
                at, proven = one.known
                late = now - at <= timedelta(days=2)
                here = [Held(Candidate(bag, 10), proven[bag] if late else 0) for bag in sorted(one.bags)]
                terms = Terms(keep, one.name, now, at if late else None, dict(one.told))
                found = drop(here, 10 * bags // 2, one.lowering, terms)
                one.bags -= found.dropped.keys()
                one.lowering = found.lowering
            if random.random() >= lost:  # its report is taken
                announced = one.lowering.announced if one.lowering else {}
                one.told = {bag: one.told.get(bag, timestamp(now)) for bag in announced}
    return {bag: sum(bag in one.bags for one in all_of_them) for bag in names}


@given(st.integers(0, 2**32), st.integers(2, 7), st.integers(1, 3), st.sampled_from([0.0, 0.3, 0.8]))
def test_mirrors_that_shrink_together_leave_enough_copies(
    seed: int, mirrors: int, keep: int, lost: float
) -> None:
    left = world(Random(seed), mirrors, 4, keep, lost=lost)
    assert all(copies >= min(keep, mirrors) for copies in left.values())


def test_mirrors_that_shrink_together_do_get_room() -> None:
    """Ten mirrors of which each drops what three others hold: in the end five copies of each bag, as fit."""
    left = world(Random(1), 10, 4, 3, lost=0.0)
    assert sum(left.values()) == 10 * 2
