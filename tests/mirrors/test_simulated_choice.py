"""The simulation chooses as mirrors do: its rule for arrays is compared with the one that ships."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.choose import Candidate, choose, spread_of
from phonotheque.mirrors.simulation.choice import Known, pick, ranks, spread

BAGS = st.lists(
    st.tuples(st.integers(1, 50), st.integers(0, 5), st.integers(0, 5), st.none() | st.integers(0, 10**6)),
    min_size=1,
    max_size=30,
)


@given(BAGS, st.integers(0, 400), st.text(max_size=3), st.booleans(), st.data())
def test_mirrors_in_a_simulation_choose_as_mirrors_do(
    bags: list[tuple[int, int, int, int | None]],
    budget: int,
    seed: str,
    catalogue: bool,
    data: st.DataObject,
) -> None:
    candidates = [
        Candidate(f"bag-{n:03d}", size, proven, catalogue and n == 0, claimed, listens)
        for n, (size, proven, claimed, listens) in enumerate(bags)
    ]
    held = data.draw(st.sets(st.integers(0, len(bags) - 1)))
    choice = choose(candidates, budget, {candidates[n].id for n in held}, seed)
    shipped = [bag for bag in choice.chosen if bag not in {candidates[n].id for n in held}]

    sizes, proven, claimed = (
        np.array(column, dtype=np.int64) for column in list(zip(*bags, strict=True))[:3]
    )
    mask = np.zeros(len(bags), dtype=np.bool_)
    mask[sorted(held)] = True
    order = np.array(list(spread_of(candidates, seed).values()))
    known = Known(sizes, ranks(proven, claimed, 0 if catalogue else -1))
    room = budget - int(sizes[mask].sum())
    assert [candidates[n].id for n in pick(known, mask, room, order)] == shipped
    most = data.draw(st.integers(0, len(bags)))
    assert [candidates[n].id for n in pick(known, mask, room, order, most)] == shipped[:most]


def test_each_mirror_has_an_order_of_its_own_and_all_places_are_as_likely() -> None:
    bags = np.arange(50)
    orders = np.array([np.argsort(spread(mirror, bags)) for mirror in range(2000)])
    assert len({tuple(order) for order in orders}) == 2000
    # How often each bag comes first: chi-squared with 49 degrees of freedom is below 94.6 in 9,999 of 10,000.
    first = np.bincount(orders[:, 0], minlength=50)
    assert float((((first - 40.0) ** 2) / 40.0).sum()) < 94.6
    assert (spread(7, bags) == spread(7, bags)).all()
