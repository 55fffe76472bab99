from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.rights import DENIALS, Act, Answer, Covers, Kind, Statement
from phonotheque.model.territory import COUNTRIES, EU, NOWHERE, parse_territory
from phonotheque.rights.decide import allowed_in, decide, decide_all, decide_everywhere
from phonotheque.rights.licences import KNOWN_IDS
from phonotheque.rights.records import read_statement, statement_record

P, S, D, M = Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE, Act.MINE


ON = date(2026, 11, 21)


def stated(licence: str | None, kind: Kind = Kind.LICENCE, **more: Any) -> Statement:
    fields: dict[str, Any] = {
        "evidence": "https://example.org/",
        "evidence_origin": "tag:LICENSE",
        "asserted_by": "a tag",
    }
    covers = Covers(more.pop("covers", Covers.BOTH))
    return Statement(kind, licence, **{**fields, **more}, covers=covers)


@pytest.mark.parametrize(
    ("licence", "act", "answer", "conditions"),
    [
        ("CC-BY-4.0", P, "yes", ()),
        ("CC-BY-4.0", S, "yes", ("attribution",)),
        ("CC-BY-4.0", D, "yes", ("attribution",)),
        ("CC-BY-4.0", M, "yes", ("attribution",)),
        ("CC-BY-3.0-AT", D, "yes", ("attribution",)),
        ("CC-BY-SA-3.0", P, "yes", ()),
        ("CC-BY-SA-3.0", D, "yes", ("attribution", "share-alike")),
        ("CC-BY-SA-3.0", M, "yes", ("attribution", "share-alike")),
        ("CC-BY-NC-3.0", P, "yes", ("non-commercial",)),
        ("CC-BY-NC-3.0", S, "yes", ("attribution", "non-commercial")),
        ("CC-BY-NC-3.0", D, "yes", ("attribution", "non-commercial")),
        ("CC-BY-NC-3.0", M, "unknown", ()),
        ("CC-BY-ND-4.0", P, "yes", ()),
        ("CC-BY-ND-4.0", D, "yes", ("attribution", "no-derivatives")),
        ("CC-BY-ND-4.0", M, "unknown", ()),
        ("CC-BY-NC-ND-4.0", S, "yes", ("attribution", "non-commercial", "no-derivatives")),
        ("CC-BY-NC-ND-4.0", M, "unknown", ()),
        ("CC-BY-NC-SA-2.0-UK", D, "yes", ("attribution", "share-alike", "non-commercial")),
        ("CC-SA-1.0", D, "yes", ("share-alike",)),
        ("CC0-1.0", P, "yes", ()),
        ("CC0-1.0", D, "yes", ()),
        ("CC0-1.0", M, "yes", ()),
        ("CC-PDM-1.0", P, "yes", ()),
        ("CC-PDM-1.0", S, "yes", ()),
        ("CC-PDM-1.0", M, "yes", ()),
        ("GPL-2.0-or-later", P, "yes", ()),
        ("GPL-2.0-or-later", D, "yes", ("attribution", "share-alike", "licence-text", "source")),
        ("AGPL-3.0-only", S, "yes", ("attribution", "share-alike", "licence-text", "source")),
        ("GPL-3.0-only", M, "unknown", ()),
        ("LAL-1.3", P, "yes", ()),
        ("LAL-1.3", D, "yes", ("attribution", "share-alike", "licence-text")),
        ("LAL-1.3", M, "unknown", ()),
        ("Sendmail", P, "unknown", ()),
        ("Sendmail", D, "unknown", ()),
        ("my own licence", P, "unknown", ()),
        # A choice: whatever suits the act best. All at once: everything must allow it.
        ("CC-BY-NC-4.0 OR CC-BY-4.0", D, "yes", ("attribution",)),
        ("CC-BY-NC-4.0 OR CC-BY-4.0", M, "yes", ("attribution",)),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", D, "yes", ("attribution", "non-commercial", "share-alike")),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", M, "unknown", ()),
        ("CC-BY-4.0 AND Sendmail", D, "unknown", ()),
    ],
)
def test_what_a_licence_allows(licence: str, act: Act, answer: str, conditions: tuple[str, ...]) -> None:
    decision = decide([stated(licence)], act, on=ON)
    assert decision.answer == answer
    assert set(decision.conditions) == set(conditions)


@pytest.mark.parametrize(
    ("kind", "licence", "allowed"),
    [
        (Kind.MANDATE, None, {P}),
        (Kind.MANDATE, "CC-BY-4.0", {P}),  # whatever else it names
        (Kind.DEPOSIT, None, {P}),
        (Kind.DEPOSIT, "CC-BY-NC-4.0", {P, S, D}),
        (Kind.PUBLIC_DOMAIN, None, {P, S, D, M}),
        (Kind.PUBLIC_DOMAIN, "CC-PDM-1.0", {P, S, D, M}),
        (Kind.PUBLIC_DOMAIN, "CC-BY-4.0", set()),  # cannot both be true
        (Kind.LICENCE, None, set()),
        (Kind.DELIVERY, None, set()),
        (Kind.OWN_WORK, None, set()),
        (Kind.OWN_WORK, "CC-BY-4.0", {P, S, D, M}),
        (Kind.ON_SITE, None, {P}),
        (Kind.UNKNOWN, None, set()),
        (Kind.DATES, None, set()),
    ],
)
def test_what_a_kind_allows(kind: Kind, licence: str | None, allowed: set[Act]) -> None:
    decisions = decide_all([stated(licence, kind)], on=ON)
    assert {act for act, decision in decisions.items() if decision.answer is Answer.YES} == allowed
    assert not any(decision.answer is Answer.NO for decision in decisions.values())


def test_without_statements_everything_is_unknown() -> None:
    for act, decision in decide_all([], on=ON).items():
        assert (decision.act, decision.answer, decision.rule) == (act, Answer.UNKNOWN, "no-basis")
        assert decision.reason == "There is no recorded basis."


def test_recording_and_composition_must_both_say_yes() -> None:
    recording = stated("CC-BY-4.0", covers="recording", id="r")
    composition = stated(None, Kind.PUBLIC_DOMAIN, covers="composition", id="c")
    alone = decide([recording], D, on=ON)
    assert alone.answer is Answer.UNKNOWN
    assert "composition" in alone.reason
    assert "recording" in decide([composition], D, on=ON).reason
    together = decide([recording, composition], D, on=ON)
    assert together.answer is Answer.YES
    assert together.conditions == ("attribution",)
    assert together.rule == "cc-by and public-domain"
    assert together.statements == ("r", "c")


def test_a_statement_never_takes_away_what_another_grants() -> None:
    by, by_nc = stated("CC-BY-4.0", id="1"), stated("CC-BY-NC-4.0", id="2")
    for order in ([by, by_nc], [by_nc, by]):
        decision = decide(order, D, on=ON)
        assert (decision.conditions, decision.statements) == (("attribution",), ("1",))


def test_corroborating_statements_are_all_named() -> None:
    decision = decide(
        [stated("CC-BY-4.0", id="1"), stated("CC-BY-4.0", id="2"), stated("Sendmail", id="3")], D, on=ON
    )
    assert decision.statements == ("1", "2")


def test_a_statement_for_one_country_is_not_for_the_world() -> None:
    american = stated(None, Kind.PUBLIC_DOMAIN, territory="US CA")
    assert decide([american], D, on=ON).answer is Answer.UNKNOWN
    assert "world" in decide([american], D, on=ON).reason
    assert decide([american], D, on=ON, territory="US").answer is Answer.YES
    assert decide([american], D, on=ON, territory="CA").territory == "CA"
    assert "DE" in decide([american], D, on=ON, territory="DE").reason
    assert decide([stated("CC-BY-4.0")], D, on=ON, territory="DE").answer is Answer.YES


STATEMENTS = st.builds(
    stated,
    st.none()
    | st.sampled_from([*KNOWN_IDS, "Sendmail", "nonsense", "CC-BY-4.0 OR GPL-3.0-only", "CC0-1.0 AND MIT"]),
    st.sampled_from(Kind),
    covers=st.sampled_from(Covers),
    territory=st.sampled_from(["WORLD", "US", "DE FR", "WORLD -DE", "EU", " ".join(sorted(COUNTRIES - EU))]),
    acts=st.sampled_from([(), (P, S), (D, M)]),
    valid_until=st.sampled_from([None, "2026-11-20", "2026-11-21"]),
)
LISTS = st.lists(STATEMENTS, max_size=5)


@given(LISTS, STATEMENTS.filter(lambda said: said.kind not in DENIALS), st.sampled_from(Act))
def test_more_statements_never_allow_less(statements: list[Statement], more: Statement, act: Act) -> None:
    before, after = decide(statements, act, on=ON), decide([*statements, more], act, on=ON)
    if before.answer is Answer.YES:
        assert after.answer is Answer.YES


@given(LISTS, st.sampled_from(Act))
def test_order_does_not_change_the_answer(statements: list[Statement], act: Act) -> None:
    decision = decide(statements, act, on=ON)
    turned = decide(statements[::-1], act, on=ON)
    assert (decision.answer, len(decision.conditions)) == (turned.answer, len(turned.conditions))


@given(LISTS, st.sampled_from([S, D, M]))
def test_nothing_is_shared_on_a_mandate(statements: list[Statement], act: Act) -> None:
    mandates = [stated(s.licence, Kind.MANDATE, covers=s.covers, territory=s.territory) for s in statements]
    assert decide(mandates, act, on=ON).answer is Answer.UNKNOWN


@given(LISTS, st.sampled_from(Act))
def test_every_reason_is_a_sentence_and_only_yes_has_conditions(
    statements: list[Statement], act: Act
) -> None:
    decision = decide(statements, act, on=ON)
    assert decision.reason[0].isupper() or decision.reason[0] in "“a"  # “a tag reserves …”
    assert decision.reason.endswith(".")
    assert "\n" not in decision.reason
    assert decision.answer is Answer.YES or not decision.conditions


@pytest.mark.parametrize("kind", [Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK])
def test_an_agreement_allows_exactly_what_it_names(kind: Kind) -> None:
    agreed = stated(None, kind, acts=(P, S), conditions=("attribution",), holder="Ada")
    decisions = decide_all([agreed], on=ON)
    assert {act for act in Act if decisions[act].answer is Answer.YES} == {P, S}
    assert (decisions[P].conditions, decisions[S].conditions) == ((), ("attribution",))
    assert decisions[D].reason == "The agreement with Ada does not allow to distribute it."


def test_a_statement_holds_from_its_first_day_to_its_last() -> None:
    deal = stated(None, Kind.DELIVERY, acts=(S,), valid_from="2026-01-01", valid_until="2026-12-31")
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [decide([deal], S, on=day).answer for day in days] == ["unknown", "yes", "yes", "unknown"]
    assert decide([deal], S, on=days[-1]).reason == "No recorded basis is in force on 2027-01-01."


def test_together_countries_make_a_world() -> None:
    here, elsewhere = stated("CC-BY-4.0", territory="DE"), stated("CC0-1.0", territory="WORLD -DE")
    assert decide([here], D, on=ON).answer is Answer.UNKNOWN
    both = decide([here, elsewhere], D, on=ON)
    assert (both.answer, both.territory, both.conditions) == ("yes", "WORLD", ("attribution",))


def test_all_countries_named_one_by_one_make_a_world() -> None:
    europe = stated("CC-BY-4.0", territory="EU")
    others = stated("CC0-1.0", territory=" ".join(sorted(COUNTRIES - EU)))
    both = decide([europe, others], D, on=ON)
    assert (both.answer, both.territory, both.conditions) == ("yes", "WORLD", ("attribution",))
    assert allowed_in([europe, others], D, on=ON).worldwide
    rows = [(one.act, one.territory, one.answer) for one in decide_everywhere([europe, others], on=ON)]
    assert rows == [(act, "WORLD", "yes") for act in Act]


def test_the_world_without_any_country_is_nowhere() -> None:
    nowhere = parse_territory(" ".join(["WORLD", *(f"-{code}" for code in sorted(COUNTRIES))]))
    assert nowhere == NOWHERE
    assert not nowhere


def test_where_an_act_is_allowed() -> None:
    american = stated(None, Kind.PUBLIC_DOMAIN, territory="US CA")
    assert str(allowed_in([american], D, on=ON)) == "CA US"
    assert not allowed_in([], D, on=ON)
    assert allowed_in([stated("CC-BY-4.0")], D, on=ON).worldwide
    rows = [(d.act, d.territory, d.answer) for d in decide_everywhere([american], on=ON) if d.act is D]
    assert rows == [(D, "WORLD", "unknown"), (D, "CA US", "yes")]


def test_a_withdrawal_takes_away_what_it_names_where_it_says() -> None:
    free = stated("CC0-1.0", id="free")
    court = stated(
        None, Kind.WITHDRAWAL, acts=(S, D), territory="DE", id="court", evidence="by order of a court"
    )
    decisions = decide_all([free, court], on=ON)
    assert [decisions[act].answer for act in (P, S, D, M)] == ["yes", "no", "no", "yes"]
    assert decisions[D].reason == "It was withdrawn: by order of a court."
    assert decisions[D].statements == ("court",)
    assert str(allowed_in([court, free], D, on=ON)) == "WORLD -DE"


def test_a_reservation_stops_mining_and_nothing_else() -> None:
    reserved = stated(None, Kind.RESERVATION, acts=(M,), holder="Ada")
    decisions = decide_all([stated("CC0-1.0"), reserved], on=ON)
    assert [decisions[act].answer for act in (P, S, D, M)] == ["yes", "yes", "yes", "no"]
    assert decisions[M].reason == "Ada reserves text and data mining."


@given(LISTS, st.sampled_from(Act))
def test_where_it_is_allowed_is_where_it_is_decided_so(statements: list[Statement], act: Act) -> None:
    places = allowed_in(statements, act, on=ON)
    for country in ("US", "DE", "FR", "JP"):
        asked = decide(statements, act, on=ON, territory=country)
        assert (asked.answer is Answer.YES) is (country in places)
    assert (decide(statements, act, on=ON).answer is Answer.YES) is places.worldwide
    rows = [(one.act, one.territory) for one in decide_everywhere(statements, on=ON)]
    assert len(set(rows)) == len(rows)  # the ledger holds one answer for an act and a territory


@given(STATEMENTS)
def test_a_statement_is_the_same_after_it_was_a_record(statement: Statement) -> None:
    assert read_statement(json.loads(json.dumps(statement_record(statement)))) == replace(statement, id="")
