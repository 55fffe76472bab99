"""Turns: a bounded number of bags is offered, each in its time; what is asked for stays longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.turns import Turns

TURN = 10.0


def named(count: int) -> list[str]:
    return [f"bag-{number}" for number in range(count)]


def test_all_are_offered_where_there_is_room() -> None:
    turns = Turns(5, TURN)
    turns.hold(named(5))
    assert turns.change(0.0) == ([], named(5))
    assert turns.longest_wait() == 0.0
    for now in (5.0, 20.0, 500.0):
        assert turns.change(now) == ([], [])


@given(
    held=st.integers(1, 60),
    places=st.integers(1, 20),
    asked=st.sets(st.integers(0, 59)),
    seeds=st.lists(st.integers(0, 9), min_size=60, max_size=60),
)
def test_each_has_its_turn_in_the_time_that_is_stated(
    held: int, places: int, asked: set[int], seeds: list[int]
) -> None:
    turns = Turns(places, TURN)
    bags = named(held)
    turns.hold(bags)
    seen, now, uploaded = dict.fromkeys(bags, 0.0), 0.0, 0
    offered: set[str] = set()
    while now <= 3 * turns.longest_wait() + TURN:
        stop, start = turns.change(now)
        offered = (offered - set(stop)) | set(start)
        assert offered == set(turns.offered)
        assert len(offered) == min(held, places)
        uploaded += 1
        for number, bag in enumerate(bags):
            if bag in offered:
                seen[bag] = now
                given_ = uploaded if number in asked else 0
                turns.heard(bag, uploaded=given_, peers=0, seeds=seeds[number])
            assert now - seen[bag] <= turns.longest_wait()
        now += TURN


def test_what_is_asked_for_stays_and_then_what_few_others_have() -> None:
    turns = Turns(4, TURN)
    turns.hold(named(8))
    turns.change(0.0)
    turns.heard("bag-0", uploaded=5000, peers=0, seeds=90)
    turns.heard("bag-1", uploaded=0, peers=0, seeds=7)
    turns.heard("bag-2", uploaded=0, peers=2, seeds=90)
    turns.heard("bag-3", uploaded=0, peers=0, seeds=8)
    assert turns.change(5.0) == ([], [])
    assert turns.change(10.0) == (["bag-3", "bag-1"], ["bag-4", "bag-5"])
    # Bag 0 was asked for before, and not since.
    stop, start = turns.change(20.0)
    assert start == ["bag-6", "bag-7"]
    assert "bag-0" in stop
    assert "bag-2" not in stop


def test_bags_on_their_way_take_places_first() -> None:
    turns = Turns(4, TURN)
    turns.hold(named(4))
    turns.change(0.0)
    stop, start = turns.change(1.0, taken=3)
    assert (len(stop), start) == (3, [])
    assert turns.change(2.0, taken=40) == ([], [])  # one place is left for what is held
    assert len(turns.change(3.0)[1]) == 3


def test_what_has_just_come_is_next_and_what_goes_is_offered_no_more() -> None:
    turns = Turns(2, TURN)
    turns.hold(named(4))
    turns.change(0.0)
    turns.put_first("new")
    assert turns.leave("bag-0")
    assert not turns.leave("bag-3")
    assert turns.change(1.0) == ([], ["new"])
    assert turns.hold(["new", "bag-2"]) == ["bag-1"]
    assert turns.change(2.0) == ([], ["bag-2"])
    assert turns.held == 2
