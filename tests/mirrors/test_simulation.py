"""The simulation agrees with what can be reckoned: closed forms of replicas that fail and are replaced."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.mirrors.simulation.flow import Asking, flow
from phonotheque.mirrors.simulation.run import YEAR, Run
from phonotheque.mirrors.simulation.scenario import Group, Scenario, Shock
from phonotheque.mirrors.simulation.summary import proportion, simulate
from tests.docs.docs_pages import DOCS, codes, table

# Mirrors that hold everything, never leave, and come to no harm but what a test adds.
CALM = Group(
    budget=(10**12, 10**12), disk=10**12, disk_failures=0, leave=0, outages=0, rot=0, download=1e9, upload=1e9
)
PLAIN = Scenario(bags=1, bag_size=(1000, 1000), copies_days=0, drill_days=0, step_days=0.05)


def lost_by(years: float, replicas: int, failing: float, replacing: float) -> float:
    """The probability that all replicas are gone at one time: a chain of birth and death, rates per year."""
    chain = np.zeros((replicas + 1, replicas + 1))
    for gone in range(replicas):
        chain[gone, gone + 1] = (replicas - gone) * failing
        if gone:
            chain[gone, gone - 1] = gone * replacing
    chain -= np.diag(chain.sum(axis=1))
    steps = 1 << 16
    moved = np.linalg.matrix_power(np.eye(replicas + 1) + chain * (years / steps), steps)
    return float(moved[0, replicas])


def test_the_chain_gives_the_known_mean_time_to_loss() -> None:
    failing, replacing = 0.1, 12.0
    mean = (3 * failing + replacing) / (2 * failing**2)  # of two replicas
    assert lost_by(50, 2, failing, replacing) == pytest.approx(1 - math.exp(-50 / mean), rel=0.01)


@pytest.mark.parametrize(
    ("replicas", "failing", "days", "years"), [(1, 0.5, 10.0, 1.0), (2, 3.0, 20.0, 2.0), (3, 6.0, 20.0, 3.0)]
)
def test_replicas_that_fail_and_are_replaced_are_lost_as_often_as_reckoned(
    replicas: int, failing: float, days: float, years: float
) -> None:
    begun = 0.02  # years, until each mirror has its copy
    group = replace(CALM, count=replicas, disk_failures=failing, replaced_after=days)
    told = replace(PLAIN, years=years + begun, publisher_lost_after=begun, groups=(group,))
    runs = 120
    lost = sum(Run(told, 3, number).finish().lost for number in range(runs))
    expected = lost_by(years, replicas, failing, YEAR / days)
    assert 0.1 < expected < 0.9
    # Some copies may be away when the publisher goes, and a copy comes up to a step late.
    assert lost / runs == pytest.approx(
        expected, abs=3.5 * math.sqrt(expected * (1 - expected) / runs) + 0.02
    )


def test_bit_rot_that_a_scrub_finds_in_time_is_lost_as_seldom_as_reckoned() -> None:
    rate, scrub, years, bags = 1.0, 60.0, 3.0, 3000  # wrong places per copy and year; days
    group = replace(CALM, count=2, budget=(10**13, 10**13), rot=1000 * rate, scrub_days=scrub)
    told = replace(
        PLAIN,
        bags=bags,
        bag_size=(10**9, 10**9),
        groups=(replace(group, download=1e12),),
        publisher_upload=1e12,
        publisher_lost_after=0.01,  # as soon as both have all
        years=years,
    )
    outcome = Run(told, 5).finish()
    period = rate * scrub / YEAR
    second = 1 - (1 - math.exp(-period)) / period  # that the other copy goes wrong before the first is found
    # Renewal: until the first copy goes wrong, then until it is found or the second does.
    expected = 1 - math.exp(-years * second / (1 / (2 * rate) + second / rate))
    assert outcome.lost / bags == pytest.approx(
        expected, abs=3.5 * math.sqrt(expected * (1 - expected) / bags)
    )


def test_nothing_is_lost_while_the_publisher_stays_and_all_is_covered_at_last() -> None:
    group = Group(count=40, budget=(2 * 10**11, 10**12), leave=0.5, disk_failures=0.5, liars=0.2)
    told = Scenario(bags=60, years=3, groups=(group,))
    summary = simulate(told, 2, seed=1)
    assert summary.run_loses.value == 0
    assert summary.most_lost == 0
    assert summary.covered[0] is not None
    assert summary.moments[-1].lost == 0
    assert sum(summary.copies) == pytest.approx(60)


def test_a_run_is_the_same_each_time_and_another_one_is_not() -> None:
    told = Scenario(bags=50, years=2, groups=(Group(count=20, leave=0.4),), publisher_lost_after=1)
    assert Run(told, 1, 0).finish() == Run(told, 1, 0).finish()
    assert Run(told, 1, 0).finish() != Run(told, 1, 1).finish()


def test_when_all_mirrors_leave_everything_is_lost_on_that_day() -> None:
    told = Scenario(
        bags=20,
        years=3,
        groups=(replace(CALM, count=5, arrive=0),),
        publisher_lost_after=1,
        shocks=(Shock(2, 1.0),),
    )
    outcome = Run(told, 1).finish()
    assert outcome.lost == 20
    assert outcome.first_lost == pytest.approx(2 * YEAR)
    assert outcome.copies == [20]


def test_liars_leave_bags_without_copies_unless_drills_find_them_out() -> None:
    """A liar claims what the fewest have: who believes it takes other bags."""
    group = replace(CALM, count=12, budget=(5 * 10**9, 5 * 10**9), download=1e5, liars=0.5)
    told = Scenario(bags=30, bag_size=(10**9, 10**9), years=1, groups=(group,), drill_days=0)
    believed = Run(told, 4).finish()
    drilled = Run(replace(told, drill_days=2), 4).finish()
    assert min(sample.few for sample in drilled.samples) <= min(sample.few for sample in believed.samples)
    assert drilled.copies[0] <= believed.copies[0]


def test_no_bag_starves_between_two_drills() -> None:
    """If only proofs counted, the bags without any would get all that is fetched until the next drill."""
    group = Group(count=60, budget=(2 * 10**12, 2 * 10**12), upload=1e6)
    told = Scenario(bags=600, years=1, groups=(group,), publisher_upload=4e6, drill_days=60)
    outcome = Run(told, 1).finish()
    assert outcome.copies[0] == 0
    assert outcome.samples[-1].mean > 4
    assert outcome.samples[-1].few < 600 // 20


def test_room_that_is_kept_for_what_nobody_has_lets_more_be_lost() -> None:
    group = Group(count=12, budget=(10**12, 10**12), leave=0.4)
    told = Scenario(bags=150, years=6, groups=(group,), publisher_lost_after=1)
    keeping = sum(Run(told, 1, number).finish().lost for number in range(4))
    passing = sum(Run(replace(told, passes_over=True), 1, number).finish().lost for number in range(4))
    assert passing < keeping


GROUPS = st.builds(
    Group,
    count=st.integers(1, 6),
    budget=st.sampled_from([(10**9, 5 * 10**9), (3 * 10**9, 3 * 10**9), (10**11, 10**11)]),
    disk=st.sampled_from([10**9, 10**12]),
    disk_failures=st.sampled_from([0.0, 5.0]),
    loses=st.sampled_from(["disk", "all"]),
    leave=st.sampled_from([0.0, 3.0]),
    outages=st.sampled_from([0.0, 50.0]),
    rot=st.sampled_from([0.0, 2e4]),
    download=st.sampled_from([1e3, 1e5]),
    liars=st.sampled_from([0.0, 0.3]),
    fooling=st.sampled_from([0.0, 1.0]),
)


@settings(max_examples=25)
@given(
    st.lists(GROUPS, min_size=1, max_size=3),
    st.integers(0, 9),
    st.sampled_from([None, 0.1]),
    st.integers(1, 30),
)
def test_counts_are_those_of_the_table_of_copies(
    groups: list[Group], seed: int, lost: float | None, bags: int
) -> None:
    told = Scenario(
        years=0.5,
        bags=bags,
        bag_size=(10**8, 10**9),
        groups=tuple(groups),
        publisher_lost_after=lost,
        drill_days=9,
    )
    run = Run(told, seed)
    run.finish()
    world = run.world
    there = [mirror.column for mirror in world.mirrors.values() if mirror.there]
    assert (world.good == world.copies.sum(axis=1)).all()
    assert (world.reachable == world.copies[:, there].sum(axis=1)).all()
    assert world.unheld == int((world.good == 0).sum())
    assert world.unreachable == int((world.reachable == 0).sum())
    assert world.held_bytes == int((world.good * world.sizes).sum())
    assert (world.claimed >= 0).all()
    for mirror in world.mirrors.values():
        assert set(mirror.mine) == set(np.flatnonzero(world.copies[:, mirror.column]))
        assert world.room(mirror) >= 0
        assert not set(mirror.mine) & (set(mirror.queue) | mirror.rotten)


@given(st.data(), st.integers(1, 6), st.integers(1, 6))
def test_no_more_flows_than_is_asked_for_and_can_be_sent(
    data: st.DataObject, bags: int, mirrors: int
) -> None:
    amounts = st.floats(0, 1000).map(lambda amount: amount if amount > 1 else 0.0)
    rows = data.draw(
        st.lists(
            st.tuples(st.integers(0, bags - 1), st.integers(0, mirrors - 1)),
            unique=True,
            min_size=1,
            max_size=12,
        )
    )
    each = np.array(data.draw(st.lists(st.floats(1, 1000), min_size=len(rows), max_size=len(rows))))
    of, by = (np.array(column) for column in zip(*rows, strict=True))
    wanted = np.bincount(of, each, bags)
    room = np.array(data.draw(st.lists(amounts, min_size=mirrors, max_size=mirrors)))
    copies = np.array(data.draw(st.lists(st.booleans(), min_size=bags * mirrors, max_size=bags * mirrors)))
    publisher = data.draw(amounts)
    table = copies.reshape(bags, mirrors)
    table[of, by] = False  # nobody fetches what is there
    moved = flow(Asking(np.arange(bags), of, by, each), table, room, publisher)
    assert (moved.served <= wanted + 1e-6).all()
    assert (moved.sent <= room + 1e-3).all()
    assert moved.published <= publisher + 1e-6
    assert moved.served.sum() == pytest.approx(moved.sent.sum() + moved.published, rel=1e-4, abs=1e-2)
    nobody = ~(table & (room > 0.5)).any(axis=1)
    assert publisher > 0.5 or (moved.served[nobody] == 0).all()


def test_intervals_are_the_known_ones() -> None:
    five = proportion(5, 10)
    assert five.low == pytest.approx(0.2366, abs=1e-4)
    assert five.high == pytest.approx(0.7634, abs=1e-4)
    none = proportion(0, 1000)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(3 / 1000, rel=0.01)  # the rule of three
    assert proportion(1000, 1000).low == pytest.approx(1 - 3 / 1000, rel=0.01)


def test_the_page_on_scale_names_every_field_of_a_scenario() -> None:
    told = {name for row in table(DOCS / "scale.md", "### The model") for name in codes(row[0])}
    scenario = {field.name for field in fields(Scenario)} - {"groups", "shocks"}
    inside = {field.name for kind in (Group, Shock) for field in fields(kind)}
    assert told == scenario | inside | {"[[mirrors]]", "[[shocks]]"}
