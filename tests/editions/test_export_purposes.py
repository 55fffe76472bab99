"""What an export is for decides what it may hold: nothing without a yes, on that day, everywhere asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions.export.attribution import TAGGED, credit
from phonotheque.editions.export.purposes import NEEDS, Purpose, Terms, permitted
from phonotheque.model.rights import Act, Answer, Covers, Kind, Statement
from phonotheque.rights.decide import decide

TODAY = date(2026, 11, 21)


def stated(kind: Kind, licence: str | None = None, **more: object) -> Statement:
    plain = Statement(kind, licence, "a letter", "grant", "the archivist")
    return replace(plain, **more)  # type: ignore[arg-type]


LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "GPL-2.0-or-later", "MIT")
GIVEN = st.builds(
    stated,
    st.sampled_from([Kind.LICENCE, Kind.PUBLIC_DOMAIN]),
    st.sampled_from(LICENCES),
    covers=st.sampled_from(Covers),
    territory=st.sampled_from(["WORLD", "FR", "WORLD -DE", "EU"]),
    valid_until=st.sampled_from([None, "2026-11-20", "2026-11-21"]),
)
AGREED = st.builds(
    stated,
    st.sampled_from([Kind.DEPOSIT, Kind.OWN_WORK, Kind.MANDATE, Kind.ON_SITE, Kind.UNKNOWN]),
    st.none(),
    acts=st.lists(st.sampled_from(Act), unique=True).map(tuple),
    conditions=st.sampled_from([(), ("non-commercial",)]),
    territory=st.sampled_from(["WORLD", "FR DE"]),
)
DENIED = st.builds(
    stated,
    st.sampled_from([Kind.RESERVATION, Kind.WITHDRAWAL]),
    st.none(),
    acts=st.lists(st.sampled_from(Act), min_size=1, unique=True).map(tuple),
    territory=st.sampled_from(["WORLD", "FR", "DE"]),
)
STATEMENTS = st.lists(st.one_of(GIVEN, AGREED, DENIED), max_size=4)
TERRITORIES = {"WORLD": ["FR", "DE", "US", "JP"], "FR": ["FR"], "DE FR": ["DE", "FR"]}
TERMS = st.builds(
    Terms,
    st.sampled_from(Purpose),
    st.just(TODAY),
    st.sampled_from(sorted(TERRITORIES)),
    st.booleans(),
)


@given(STATEMENTS, TERMS)
def test_what_goes_out_is_allowed_wherever_it_is_asked_for(statements: list[Statement], terms: Terms) -> None:
    found = permitted(statements, terms)
    if found is None:
        return
    assert tuple(decision.act for decision in found) in NEEDS[terms.purpose]
    for decision in found:
        for country in TERRITORIES[terms.territory]:
            assert decide(statements, decision.act, on=TODAY, territory=country).answer is Answer.YES
        assert not (terms.commercial and "non-commercial" in decision.conditions)


@given(STATEMENTS, TERMS)
def test_what_is_allowed_goes_out(statements: list[Statement], terms: Terms) -> None:
    free = replace(terms, commercial=False)
    allowed = any(
        all(decide(statements, act, on=TODAY, territory=terms.territory).answer is Answer.YES for act in acts)
        for acts in NEEDS[terms.purpose]
    )
    assert (permitted(statements, free) is not None) == allowed


@given(STATEMENTS, TERMS)
def test_a_reservation_keeps_from_training_and_a_withdrawal_from_everything(
    statements: list[Statement], terms: Terms
) -> None:
    reserved = [*statements, stated(Kind.RESERVATION, acts=(Act.MINE,))]
    assert permitted(reserved, replace(terms, purpose=Purpose.TRAINING)) is None
    withdrawn = [*statements, stated(Kind.WITHDRAWAL, acts=tuple(Act))]
    assert permitted(withdrawn, terms) is None


def test_what_each_purpose_needs() -> None:
    def purposes(*statements: Statement, commercial: bool = False) -> set[str]:
        terms = (Terms(purpose, TODAY, commercial=commercial) for purpose in Purpose)
        return {each.purpose.value for each in terms if permitted(statements, each) is not None}

    assert purposes(stated(Kind.LICENCE, "CC-BY-4.0")) == {"training", "radio", "library", "player"}
    assert purposes(stated(Kind.LICENCE, "CC-BY-NC-4.0")) == {"radio", "library", "player"}
    assert purposes(stated(Kind.LICENCE, "CC-BY-NC-4.0"), commercial=True) == set()
    assert purposes(stated(Kind.LICENCE, "CC-BY-ND-4.0"), commercial=True) == {"radio", "library", "player"}
    assert purposes(stated(Kind.DEPOSIT, acts=(Act.STREAM,))) == {"radio", "player"}
    assert purposes(stated(Kind.DEPOSIT, acts=(Act.PRESERVE, Act.MINE))) == {"training"}
    assert purposes(stated(Kind.MANDATE)) == set()
    assert purposes() == set()


def test_a_credit_has_what_cc_by_asks_for() -> None:
    licence = stated(Kind.LICENCE, "CC-BY-3.0", evidence="https://example.org/releases/7", holder="A. Holder")
    found = credit(
        [replace(licence, id="1"), stated(Kind.MANDATE, id="2")],
        permitted([replace(licence, id="1")], Terms(Purpose.PLAYER, TODAY)) or (),
        title="Wait...",
        artist="The Band",
        notice="℗ 2003 X Records",
        source="the archive",
        changes=TAGGED,
        conditions=("attribution",),
    )
    assert found.line == (
        "“Wait...” by The Band. Creative Commons Attribution 3.0 "
        "(https://creativecommons.org/licenses/by/3.0/). ℗ 2003 X Records. Rights held by A. Holder. "
        "Source: https://example.org/releases/7. Tags were written; the audio is unchanged."
    )
