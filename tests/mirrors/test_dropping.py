from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.choose import Candidate
from phonotheque.mirrors.dropping import Held, drop

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
        others=st.integers(0, 6),
        whole=st.booleans(),
        stays=st.booleans(),
    ),
    unique_by=lambda one: one.bag.id,
    max_size=20,
)


def held(name: str, size: int = 10, others: int = 0, *, unwanted: str = "", **more: bool) -> Held:
    return Held(Candidate(name, size, unwanted=unwanted), others, **more)


def test_what_fits_is_not_dropped() -> None:
    found = drop([held("a", others=9), held("b", whole=False)], 20, 3, "m")
    assert (found.dropped, found.kept) == ({}, {})


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
        found = drop(bags, 60 - 10 * number, 3, "m")
        assert set(found.dropped) == set(order[:number])
        assert not found.kept
    found = drop(bags, 0, 3, "m")
    assert set(found.dropped) == set(order)
    assert "2 other mirrors have proved lately to hold it, and it takes 3" in found.kept["few"]
    assert "it is not dropped for a budget" in found.kept["catalogue"]
    assert "9 other mirrors have proved to hold it (3 are enough)" in found.dropped["common"]
    assert "never here as a whole" in found.dropped["begun"]


def test_without_proofs_nothing_that_was_whole_goes() -> None:
    found = drop([held("a"), held("b", others=1)], 10, 3, "m")
    assert not found.dropped
    assert "no other mirrors have proved" in found.kept["a"]
    assert "1 other mirror has proved" in found.kept["b"]


@given(HELD, st.integers(0, 400), st.integers(1, 4), st.text(max_size=3), st.data())
def test_no_more_goes_than_is_needed_and_nothing_without_proof(
    bags: list[Held], budget: int, keep: int, seed: str, data: st.DataObject
) -> None:
    found = drop(bags, budget, keep, seed)
    by_id = {one.bag.id: one for one in bags}
    for bag in found.dropped:
        assert not by_id[bag].stays
        assert not by_id[bag].whole or by_id[bag].others >= keep
    left = sum(one.bag.size for one in bags if one.bag.id not in found.dropped)
    may_go = [one for one in bags if not one.stays and (not one.whole or one.others >= keep)]
    if left > budget:  # then all went that may go, and of the rest it is said why not
        assert set(found.dropped) == {one.bag.id for one in may_go}
        assert found.kept.keys() == by_id.keys() - found.dropped.keys()
    else:
        assert not found.kept
        assert all(left + by_id[bag].bag.size > budget for bag in found.dropped)
    assert drop(data.draw(st.permutations(bags)), budget, keep, seed) == found


def test_mirrors_that_shrink_together_do_not_all_drop_the_same() -> None:
    """Of bags that equally many hold, each mirror drops those that it would take last."""
    bags = [held(f"bag-{i}", others=3) for i in range(40)]
    gone = [set(drop(bags, 300, 3, f"mirror-{m}").dropped) for m in range(4)]
    assert all(len(one) == 10 for one in gone)
    assert not set.intersection(*gone)
