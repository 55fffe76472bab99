from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.territory import COUNTRIES, EU, NOWHERE, WORLD, Territory, parse_territory

CODES = st.frozensets(st.sampled_from(["US", "DE", "FR", "JP", "IT"]))
TERRITORIES = st.builds(Territory, CODES | st.just(EU), all_but=st.booleans())


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("WORLD", "WORLD"), ("FR DE", "DE FR"), ("WORLD -FR -DE", "WORLD -DE -FR"), ("", ""),
        ("US EU", "EU US"),
        (" ".join(sorted(EU)), "EU"), (" ".join(sorted(COUNTRIES)), "WORLD"),
        ("EU DE", "EU"), ("WORLD -EU", "WORLD -EU"),
    ],
)  # fmt: skip
def test_a_territory_has_one_way_to_be_written(text: str, written: str) -> None:
    assert str(parse_territory(text)) == written


@pytest.mark.parametrize("text", ["Germany", "de", "WORLD DE", "DE,FR", "XX", "DE -FR", "WORLD  -DE", "DE "])
def test_what_names_no_territory_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="“"):
        parse_territory(text)


@given(TERRITORIES)
def test_what_is_written_is_read(territory: Territory) -> None:
    assert parse_territory(str(territory)) == territory


@given(TERRITORIES, TERRITORIES, st.sampled_from(["US", "DE", "SE", "JP", "IT", "BR", "??"]))
def test_territories_are_sets(one: Territory, other: Territory, country: str) -> None:
    assert (country in (one & other)) is (country in one and country in other)
    assert (country in (one | other)) is (country in one or country in other)
    assert (country in ~one) is (country not in one)
    if one <= other and country in one:
        assert country in other


def test_the_world_and_nowhere() -> None:
    assert WORLD.worldwide
    assert not NOWHERE
    assert Territory(COUNTRIES) == WORLD
    assert NOWHERE <= parse_territory("DE") <= WORLD
    assert not parse_territory("DE") <= parse_territory("FR")


def test_texts_of_strangers_are_bounded() -> None:
    all_but_all = " ".join(("WORLD", *(f"-{code}" for code in sorted(COUNTRIES))))
    assert parse_territory(all_but_all) == ~Territory(COUNTRIES)
    with pytest.raises(ValueError, match="names no territory"):
        parse_territory("WORLD" + " -FR" * 1000)
    for number in range(5000):
        parse_territory("WORLD" + " -FR" * (number % 300) + " -DE" * (number // 300))
    assert parse_territory.cache_info().currsize <= 1024
