from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.choose import Candidate, choose

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.text("abcdefgh", min_size=1, max_size=4),
        size=st.integers(1, 50),
        copies=st.none() | st.integers(0, 5),
        catalogue=st.booleans(),
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
    assert choose(data.draw(st.permutations(bags)), budget, held, seed).chosen == choice.chosen
