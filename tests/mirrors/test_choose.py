from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.choose import Candidate, Verdict, choose, counted

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.text("abcdefgh", min_size=1, max_size=4),
        size=st.integers(1, 50),
        copies=st.none() | st.integers(0, 5),
        catalogue=st.booleans(),
        claimed=st.integers(0, 3),
        listens=st.none() | st.integers(0, 10**6),
        unwanted=st.sampled_from(["", "", "", "not asked for"]),
    ),
    unique_by=lambda bag: bag.id,
    max_size=20,
)


def test_the_catalogue_then_what_is_held_then_what_is_rare() -> None:
    bags = [
        Candidate("common", 10, copies=7),
        Candidate("unknown", 10),
        Candidate("held", 10, copies=9),
        Candidate("catalogue", 10, copies=9, catalogue=True),
        Candidate("rare", 10, copies=1),
    ]
    assert choose(bags, 1000, {"held"}, "m").chosen == ("catalogue", "held", "unknown", "rare", "common")
    choice = choose(bags, 35, {"held"}, "m")
    assert choice.chosen == ("catalogue", "held", "unknown")
    assert dict(choice.left_out) == {
        "rare": "needs 10 bytes where 5 are left of the budget",
        "common": "needs 10 bytes where 5 are left of the budget",
    }


def test_a_smaller_bag_may_take_the_room_a_larger_one_cannot() -> None:
    bags = [Candidate("large", 90), Candidate("small", 5, copies=3)]
    assert choose(bags, 10, set(), "m").chosen == ("small",)


def test_a_lowered_budget_deletes_nothing_and_takes_nothing() -> None:
    bags = [Candidate("a", 60), Candidate("b", 60), Candidate("new", 5)]
    choice = choose(bags, 70, {"a", "b"}, "m")
    assert len(choice.chosen) == 1
    assert "kept" in dict(choice.left_out)[({"a", "b"} - set(choice.chosen)).pop()]
    assert "new" in dict(choice.left_out)


def test_mirrors_spread_without_talking() -> None:
    bags = [Candidate(f"bag-{i}", 10) for i in range(50)]
    copies = Counter(bag for m in range(40) for bag in choose(bags, 100, set(), f"mirror-{m}").chosen)
    assert len(copies) == 50
    assert max(copies.values()) < 20


def test_what_is_heard_much_comes_a_little_sooner_and_everything_has_its_turn() -> None:
    bags = [Candidate(f"bag-{i}", 10, listens=10**6 if i % 2 else 0) for i in range(50)]
    copies = Counter(bag for m in range(400) for bag in choose(bags, 100, set(), f"mirror-{m}").chosen)
    heard = sum(count for bag, count in copies.items() if int(bag[4:]) % 2)
    assert 1.1 < heard / (4000 - heard) < 2
    assert min(copies[bag.id] for bag in bags) > 20  # of 80 in the mean


def test_what_the_query_does_not_ask_for_is_left_out_unless_it_is_here_or_the_catalogue() -> None:
    why = "not asked for by licence:cc0: none of its 5 files are"
    bags = [
        Candidate("catalogue", 10, catalogue=True, unwanted=why),
        Candidate("held", 10, unwanted=why),
        Candidate("other", 10, unwanted=why),
        Candidate("asked", 10, copies=4, claimed=7, listens=1234),
    ]
    choice = choose(bags, 1000, {"held"}, "m")
    assert choice.chosen == ("catalogue", "held", "asked")
    assert dict(choice.left_out) == {"other": why}
    told = {one.bag: (one.verdict, one.why) for one in choice.explained}
    assert told["other"] == (Verdict.LEFT_OUT, why)
    assert told["held"] == (Verdict.HELD, f"here already, and what is here stays ({why})")
    assert told["asked"][0] is Verdict.CHOSEN
    assert told["asked"][1].startswith("4 mirrors have proved to hold it, 7 say so; 1,234 listens; number ")


def test_what_is_only_said_counts_up_to_three_copies() -> None:
    bags = [
        Candidate("nobody's", 10),
        Candidate("said by one", 10, claimed=1),
        Candidate("proved by two", 10, copies=2, claimed=2),
        Candidate("said by a thousand", 10, claimed=1000),
        Candidate("proved by four", 10, copies=4, claimed=4),
        Candidate("proved by two, said by many", 10, copies=2, claimed=99),
    ]
    assert choose(bags, 1000, set(), "m").chosen == tuple(bag.id for bag in bags)


@given(CANDIDATES, st.integers(0, 300), st.text(max_size=3), st.data())
def test_a_choice_is_repeatable_complete_and_within_budget(
    bags: list[Candidate], budget: int, seed: str, data: st.DataObject
) -> None:
    held = data.draw(st.sets(st.sampled_from([bag.id for bag in bags])) if bags else st.just(set()))
    choice = choose(bags, budget, held, seed)
    sizes = {bag.id: bag.size for bag in bags}
    assert sum(sizes[name] for name in choice.chosen) <= budget
    new = [name for name in choice.chosen if name not in held]
    assert not new or sum(sizes[name] for name in {*held, *choice.chosen}) <= budget
    assert sorted([*choice.chosen, *(name for name, _ in choice.left_out)]) == sorted(sizes)
    assert sorted(one.bag for one in choice.explained) == sorted(sizes)
    again = choose(data.draw(st.permutations(bags)), budget, held, seed)
    assert (again.chosen, again.explained) == (choice.chosen, choice.explained)


@given(CANDIDATES, st.integers(0, 300), st.text(max_size=3))
def test_nothing_goes_before_what_has_fewer_copies_and_would_have_fitted(
    bags: list[Candidate], budget: int, seed: str
) -> None:
    chosen = set(choose(bags, budget, set(), seed).chosen)
    for left in (bag for bag in bags if bag.id not in chosen and not bag.unwanted and not bag.catalogue):
        for taken in (bag for bag in bags if bag.id in chosen and not bag.catalogue):
            if counted(left) < counted(taken):
                assert left.size > taken.size  # it was passed over for a smaller one


@given(CANDIDATES, st.integers(0, 300), st.integers(0, 300), st.text(max_size=3))
def test_what_was_taken_stays_when_the_budget_grows_and_when_copies_become_known(
    bags: list[Candidate], budget: int, more: int, seed: str
) -> None:
    before = choose(bags, budget, set(), seed).chosen
    later = [replace(bag, copies=7 - (bag.copies or 0), claimed=9) for bag in bags]
    after = choose(later, budget + more, set(before), seed).chosen
    assert set(before) <= set(after)


@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=40),
    st.lists(st.integers(100, 300), min_size=1, max_size=20),
    st.integers(),
)
def test_mirrors_that_come_one_after_another_leave_no_bag_out(
    sizes: list[int], budgets: list[int], seed: int
) -> None:
    """Their budgets together are twice the archive or more; each knows what the ones before have proved."""
    while sum(budgets) < 2 * sum(sizes):
        budgets = [*budgets, 100]
    copies = Counter[str]()
    for number, budget in enumerate(budgets):
        bags = [Candidate(f"bag-{i}", size, copies=copies[f"bag-{i}"]) for i, size in enumerate(sizes)]
        copies.update(choose(bags, budget, set(), f"{seed} {number}").chosen)
    assert all(copies[f"bag-{i}"] for i in range(len(sizes)))


@pytest.mark.parametrize("seed", range(5))
def test_mirrors_that_come_at_once_leave_no_bag_out_if_they_tell_what_they_have(seed: int) -> None:
    """Ten mirrors have room for a fifth each, and fetch a bag at a time; copies are counted after each."""
    names = [f"bag-{i}" for i in range(100)]
    held: dict[int, list[str]] = {mirror: [] for mirror in range(10)}
    copies = Counter[str]()
    for _ in range(20):
        bags = [Candidate(name, 10, copies=0, claimed=copies[name]) for name in names]
        for mirror, here in held.items():
            chosen = choose(bags, 200, set(here), f"{seed} {mirror}").chosen
            here.append(next(bag for bag in chosen if bag not in here))
        copies = Counter(bag for here in held.values() for bag in here)
    assert min(copies[name] for name in names) >= 1
    assert sum(1 <= copies[name] <= 3 for name in names) >= 90  # the last one without a copy all take at once


def test_how_mirrors_spread_that_know_nothing_of_each_other() -> None:
    """No bag is at a disadvantage: the copies of each are as if drawn by lot."""
    bags = [Candidate(f"bag-{i}", 10) for i in range(100)]
    copies = Counter(bag for m in range(500) for bag in choose(bags, 200, set(), f"mirror-{m}").chosen)
    assert sum(copies.values()) == 100 * 100
    deviation = sqrt(500 * 0.2 * 0.8)
    assert all(abs(copies[bag.id] - 100) < 5 * deviation for bag in bags)
