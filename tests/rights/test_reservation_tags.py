"""A reservation against mining in a file's own tags takes away mining, and grants nothing."""

from __future__ import annotations

from datetime import date

import pytest

from phonotheque.model.audio import Tags
from phonotheque.model.rights import Act, Answer, Evidence, Kind
from phonotheque.rights.decide import decide
from phonotheque.rights.tags import from_tags

BY = "https://creativecommons.org/licenses/by/4.0/"
KEYS = ("TDM-RESERVATION", "tdm_reservation", "TXXX:TDM-RESERVATION", "----:com.apple.iTunes:TDM-RESERVATION")


def tags(key: str, *values: str) -> Tags:
    return Tags(licences=(BY,), raw={"LICENSE": (BY,), key: values})


@pytest.mark.parametrize("key", KEYS)
def test_one_reserves_mining_and_nothing_else(key: str) -> None:
    found = from_tags(tags(key, "1"))
    reservation = found.statements[-1]
    assert (reservation.kind, reservation.acts) == (Kind.RESERVATION, (Act.MINE,))
    assert reservation.evidence_origin == f"tag:{key}"
    answers = {act: decide(found.statements, act, on=date(2026, 1, 1)).answer for act in Act}
    assert answers == {Act.MINE: Answer.NO} | dict.fromkeys(
        (Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE), Answer.YES
    )


def test_nought_grants_nothing() -> None:
    alone = Tags(raw={"TDM-RESERVATION": ("0",)})
    assert from_tags(alone) == Evidence()


def test_several_values_reserve_if_one_does() -> None:
    assert from_tags(tags("TDM-RESERVATION", "0", "1")).statements[-1].kind is Kind.RESERVATION


@pytest.mark.parametrize(
    "values", [("yes please",), ("true",), ("2",), ("0", "maybe"), ("0",) * 60 + ("1 ",)]
)
def test_what_is_not_nought_reserves_and_is_asked_about_if_it_is_not_one(values: tuple[str, ...]) -> None:
    found = from_tags(tags("TDM-RESERVATION", *values))
    assert [one.kind for one in found.statements] == [Kind.LICENCE, Kind.RESERVATION]
    assert decide(found.statements, Act.MINE, on=date(2026, 1, 1)).answer is Answer.NO
    assert ["neither 0 nor 1" in one.text for one in found.questions] == [True] * ("1 " not in values)


def test_a_hostile_field_is_quoted_within_bounds() -> None:
    found = from_tags(tags("TDM-RESERVATION", *(f"{number}" * 1000 for number in range(2, 500))))
    assert len(found.statements[-1].evidence) == len(found.questions[0].evidence) <= 2000
