from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.rights import Act, Answer, Covers, Kind, Statement
from phonotheque.rights.licences import KNOWN_IDS
from phonotheque.rights.rules import decide, decide_all

P, S, D, M = Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE, Act.MINE


def stated(licence: str | None, kind: Kind = Kind.LICENCE, **more: str) -> Statement:
    fields = {"evidence": "https://example.org/", "evidence_origin": "tag:LICENSE", "asserted_by": "a tag"}
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
        ("MIT", P, "unknown", ()),
        ("MIT", D, "unknown", ()),
        ("my own licence", P, "unknown", ()),
        # A choice: whatever suits the act best. All at once: everything must allow it.
        ("CC-BY-NC-4.0 OR CC-BY-4.0", D, "yes", ("attribution",)),
        ("CC-BY-NC-4.0 OR CC-BY-4.0", M, "yes", ("attribution",)),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", D, "yes", ("attribution", "non-commercial", "share-alike")),
        ("CC-BY-NC-4.0 AND CC-BY-SA-4.0", M, "unknown", ()),
        ("CC-BY-4.0 AND MIT", D, "unknown", ()),
    ],
)
def test_what_a_licence_allows(licence: str, act: Act, answer: str, conditions: tuple[str, ...]) -> None:
    decision = decide([stated(licence)], act)
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
    ],
)
def test_what_a_kind_allows(kind: Kind, licence: str | None, allowed: set[Act]) -> None:
    decisions = decide_all([stated(licence, kind)])
    assert {act for act, decision in decisions.items() if decision.answer is Answer.YES} == allowed
    assert not any(decision.answer is Answer.NO for decision in decisions.values())


def test_without_statements_everything_is_unknown() -> None:
    for act, decision in decide_all([]).items():
        assert (decision.act, decision.answer, decision.rule) == (act, Answer.UNKNOWN, "no-basis")
        assert decision.reason == "There is no recorded basis."


def test_recording_and_composition_must_both_say_yes() -> None:
    recording = stated("CC-BY-4.0", covers="recording", id="r")
    composition = stated(None, Kind.PUBLIC_DOMAIN, covers="composition", id="c")
    alone = decide([recording], D)
    assert alone.answer is Answer.UNKNOWN
    assert "composition" in alone.reason
    assert "recording" in decide([composition], D).reason
    together = decide([recording, composition], D)
    assert together.answer is Answer.YES
    assert together.conditions == ("attribution",)
    assert together.rule == "cc-by and public-domain"
    assert together.statements == ("r", "c")


def test_a_statement_never_takes_away_what_another_grants() -> None:
    by, by_nc = stated("CC-BY-4.0", id="1"), stated("CC-BY-NC-4.0", id="2")
    for order in ([by, by_nc], [by_nc, by]):
        decision = decide(order, D)
        assert (decision.conditions, decision.statements) == (("attribution",), ("1",))


def test_corroborating_statements_are_all_named() -> None:
    decision = decide([stated("CC-BY-4.0", id="1"), stated("CC-BY-4.0", id="2"), stated("MIT", id="3")], D)
    assert decision.statements == ("1", "2")


def test_a_statement_for_one_country_is_not_for_the_world() -> None:
    american = stated(None, Kind.PUBLIC_DOMAIN, territory="US CA")
    assert decide([american], D).answer is Answer.UNKNOWN
    assert "world" in decide([american], D).reason
    assert decide([american], D, territory="US").answer is Answer.YES
    assert decide([american], D, territory="CA").territory == "CA"
    assert "DE" in decide([american], D, territory="DE").reason
    assert decide([stated("CC-BY-4.0")], D, territory="DE").answer is Answer.YES


STATEMENTS = st.builds(
    stated,
    st.none()
    | st.sampled_from([*KNOWN_IDS, "MIT", "nonsense", "CC-BY-4.0 OR GPL-3.0-only", "CC0-1.0 AND MIT"]),
    st.sampled_from(Kind),
    covers=st.sampled_from(Covers),
    territory=st.sampled_from(["WORLD", "US", "DE FR"]),
)
LISTS = st.lists(STATEMENTS, max_size=5)


@given(LISTS, STATEMENTS, st.sampled_from(Act))
def test_more_statements_never_allow_less(statements: list[Statement], more: Statement, act: Act) -> None:
    before, after = decide(statements, act), decide([*statements, more], act)
    if before.answer is Answer.YES:
        assert after.answer is Answer.YES


@given(LISTS, st.sampled_from(Act))
def test_order_does_not_change_the_answer(statements: list[Statement], act: Act) -> None:
    decision = decide(statements, act)
    turned = decide(statements[::-1], act)
    assert (decision.answer, len(decision.conditions)) == (turned.answer, len(turned.conditions))


@given(LISTS, st.sampled_from([S, D, M]))
def test_nothing_is_shared_on_a_mandate(statements: list[Statement], act: Act) -> None:
    mandates = [stated(s.licence, Kind.MANDATE, covers=s.covers, territory=s.territory) for s in statements]
    assert decide(mandates, act).answer is Answer.UNKNOWN


@given(LISTS, st.sampled_from(Act))
def test_every_reason_is_a_sentence_and_only_yes_has_conditions(
    statements: list[Statement], act: Act
) -> None:
    decision = decide(statements, act)
    assert decision.reason[0].isupper() or decision.reason.startswith("“")
    assert decision.reason.endswith(".")
    assert "\n" not in decision.reason
    assert decision.answer is Answer.YES or not decision.conditions
