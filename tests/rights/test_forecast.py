"""What changes by itself: the same as deciding on every day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement
from phonotheque.model.territory import WORLD, parse_territory
from phonotheque.rights.decide import allowed_in
from phonotheque.rights.forecast import changes
from tests.rights.stating import PLACES, statements_of_all_kinds

BOTH = (Covers.RECORDING, Covers.COMPOSITION)


@settings(max_examples=30)
@given(
    st.lists(statements_of_all_kinds(), max_size=4),
    st.sampled_from(Act),
    st.sampled_from(PLACES),
    st.dates(date(2025, 11, 1), date(2027, 2, 1)),
)
def test_it_finds_what_deciding_day_by_day_finds(
    statements: list[Statement], act: Act, place: str, since: date
) -> None:
    within = parse_territory(place)
    until = since + timedelta(days=240)
    found = {one.day: one for one in changes(statements, act, since=since, until=until, within=within)}
    before = allowed_in(statements, act, on=since - timedelta(days=1)) & within
    for number in range(241):
        day = since + timedelta(days=number)
        after = allowed_in(statements, act, on=day) & within
        if after == before:
            assert day not in found
        else:
            assert (found[day].gained, found[day].lost) == (after & ~before, before & ~after)
        before = after


def test_a_recording_becomes_free_country_by_country_and_an_agreement_ends() -> None:
    facts = [
        Statement(Kind.DATES, None, "label", "grant", "Ann", covers=work, dates=dates)
        for work, dates in zip(
            BOTH,
            (Dates(published="1928", country="US"), Dates(published="1920", country="US")),
            strict=True,
        )
    ]
    deal = Statement(
        Kind.DEPOSIT, None, "7", "grant", "Ann", territory="JP", acts=(Act.STREAM,), valid_until="2027-06-30"
    )
    found = changes(
        [*facts, deal], Act.STREAM, since=date(2026, 11, 27), until=date(2030, 1, 1), within=WORLD
    )
    assert [(str(one.day), str(one.gained), str(one.lost)) for one in found] == [
        ("2027-07-01", "", "JP"),
        ("2029-01-01", "US", ""),
    ]


@pytest.mark.parametrize("days", [("2029-01-01", "2029-01-01"), ("2028-01-02", "2030-01-01")])
def test_both_bounds_are_looked_at(days: tuple[str, str]) -> None:
    since, until = map(date.fromisoformat, days)
    said = Statement(Kind.LICENCE, "CC0-1.0", "x", "grant", "Ann", valid_from="2029-01-01")
    (one,) = changes([said], Act.STREAM, since=since, until=until)
    assert one.gained == WORLD
    assert changes([said], Act.STREAM, since=until + timedelta(days=1), until=date(2031, 1, 1)) == ()


def test_the_first_day_of_all_is_no_turn() -> None:
    always = Statement(Kind.LICENCE, "CC0-1.0", "label", "grant", "Ann", valid_from="0001-01-01")
    assert changes([always], Act.DISTRIBUTE, since=date.min, until=date.max) == ()
