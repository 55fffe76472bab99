"""The chain of reasons: it agrees with the decision, names all that was stated, is told in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.rights import Act, Answer, Covers, Dates, Kind, Statement
from phonotheque.model.territory import WORLD, parse_territory
from phonotheque.rights.chain import Weight, reasons_for
from phonotheque.rights.debian_copyright import ASSERTED_BY
from phonotheque.rights.decide import decide
from phonotheque.rights.explain import describe
from phonotheque.rights.prose import NOTE
from phonotheque.rights.reasons import LANGUAGES, because
from phonotheque.rights.tags import FILE_TAG
from phonotheque.rights.telling import Former, tell
from phonotheque.rights.wording_chain import LAW, MISSING, PHRASES, WHAT
from phonotheque.sources.item_rights import ITEM
from tests.rights.stating import DAYS, PLACES, statements_of_all_kinds

TODAY = date(2026, 11, 26)
LETTER = Statement(Kind.LICENCE, "CC-BY-4.0", "a letter", "grant", "Ann", "Bo", id="letter")
TAG = Statement(Kind.LICENCE, "CC-BY-NC-4.0", "CC BY-NC", "tag:LICENSE", "the file's own tag", id="tag")
DEAL = Statement(
    Kind.DEPOSIT, None, "agreement 7", "grant", "Ann", "Label", acts=(Act.PRESERVE, Act.STREAM), id="deal"
)  # fmt: skip
some_statements = st.lists(statements_of_all_kinds(), max_size=4).map(
    lambda found: [replace(one, id=str(number)) for number, one in enumerate(found)]
)


@given(some_statements, st.sampled_from(Act), st.sampled_from(DAYS), st.sampled_from(PLACES))
def test_it_gives_the_answer_of_the_decision_and_names_every_statement(
    statements: list[Statement], act: Act, day: str, place: str
) -> None:
    on, territory = date.fromisoformat(day), parse_territory(place)
    chain = reasons_for(statements, act, on=on, territory=territory)
    decision = decide(statements, act, on=on, territory=territory)
    assert chain.decision == decision
    denied = any(one.weight is Weight.DENIES for one in chain.denials)
    answers = {work.finding.answer for work in chain.works}
    if denied or decision.answer is Answer.NO:
        assert denied or Answer.NO in answers
    else:
        assert (answers == {Answer.YES}) is (decision.answer is Answer.YES)
    assert bool(chain.missing) is (decision.answer is not Answer.YES)
    considered = {one.statement for work in chain.works for one in work.considered}
    considered |= {one.statement for one in chain.denials}
    assert considered == set(statements)
    assert chain.where
    assert chain.where <= territory
    assert (territory <= chain.allowed) is (decision.answer is Answer.YES)


@given(some_statements, st.sampled_from(Act), st.sampled_from(DAYS), st.sampled_from(PLACES))
def test_it_can_be_told_in_every_language(
    statements: list[Statement], act: Act, day: str, place: str
) -> None:
    chain = reasons_for(statements, act, on=date.fromisoformat(day), territory=parse_territory(place))
    for language in LANGUAGES:
        text = "\n".join(tell(chain, language))
        assert "{" not in text
        for statement in statements:
            assert describe(statement, language) in text


@given(some_statements, st.sampled_from(DAYS))
def test_the_day_that_it_names_is_when_the_answer_turns(statements: list[Statement], day: str) -> None:
    on = date.fromisoformat(day)
    chain = reasons_for(statements, Act.DISTRIBUTE, on=on, territory=WORLD)
    if chain.turns:
        turns, answer = chain.turns
        assert decide(statements, Act.DISTRIBUTE, on=turns).answer is answer
        yes = chain.decision.answer is Answer.YES
        assert (answer is Answer.YES) is not yes
        before = decide(statements, Act.DISTRIBUTE, on=date.fromordinal(turns.toordinal() - 1))
        assert (before.answer is Answer.YES) is yes


def test_every_phrase_is_there_in_both_languages() -> None:
    for phrases in (MISSING, PHRASES, LAW, WHAT):
        for key, words in phrases.items():
            assert len([word for word in words if word]) == len(LANGUAGES), key


def weights(statements: list[Statement], act: Act, place: str = "WORLD", on: date = TODAY) -> dict[str, str]:
    chain = reasons_for(statements, act, on=on, territory=parse_territory(place))
    found = {one.statement.id: one.weight.value for work in chain.works for one in work.considered}
    return found | {one.statement.id: one.weight.value for one in chain.denials}


def test_what_becomes_of_each_statement() -> None:
    later = replace(LETTER, id="later", valid_from="2027-01-01")
    over = replace(LETTER, id="over", valid_until="2026-01-01")
    american = replace(LETTER, id="american", territory="US")
    taken = Statement(Kind.WITHDRAWAL, None, "asked for", "withdrawal", "Ann", acts=(Act.STREAM,), id="taken")
    said = [LETTER, TAG, later, over, american, taken]
    assert weights(said, Act.DISTRIBUTE, "FR") == {
        "letter": "counts",
        "tag": "outweighed",
        "later": "not-yet",
        "over": "over",
        "american": "elsewhere",
        "taken": "other-act",
    }
    assert weights(said, Act.STREAM, "FR")["taken"] == "denies"


def missing(statements: list[Statement], act: Act = Act.DISTRIBUTE, place: str = "WORLD") -> str:
    chain = reasons_for(statements, act, on=TODAY, territory=parse_territory(place))
    return "\n".join(reason.told() for reason in chain.missing)


@pytest.mark.parametrize(
    ("statements", "act", "place", "expected"),
    [
        (
            [],
            Act.STREAM,
            "WORLD",
            "A basis for the recording: a licence, an agreement that allows to stream it",
        ),
        ([replace(LETTER, covers=Covers.RECORDING)], Act.STREAM, "WORLD", "A basis for the composition"),
        ([TAG], Act.MINE, "WORLD", "Permission by the file's own tag to mine it, beyond the licence."),
        ([DEAL], Act.DISTRIBUTE, "WORLD", "An agreement with Label that names the act: distribute."),
        ([replace(LETTER, territory="US")], Act.STREAM, "FR", "for FR: one that is recorded is for US only"),
        ([replace(LETTER, territory="US")], Act.STREAM, "WORLD", "A basis for the other countries"),
        ([replace(LETTER, valid_until="2026-05-01")], Act.STREAM, "WORLD", "Bo allowed until 2026-05-01"),
        ([replace(LETTER, valid_from="2027-05-01")], Act.STREAM, "WORLD", "time: from 2027-05-01 on"),
        ([replace(LETTER, licence="Zed")], Act.STREAM, "WORLD", "Somebody to read Zed"),
    ],
)
def test_what_it_would_take(statements: list[Statement], act: Act, place: str, expected: str) -> None:
    assert expected in missing(statements, act, place)


def test_a_denial_has_to_be_lifted_first() -> None:
    taken = Statement(Kind.WITHDRAWAL, None, "asked for", "withdrawal", "Ann", acts=tuple(Act))
    reserved = Statement(Kind.RESERVATION, None, "terms", "grant", "Bo", acts=(Act.MINE,))
    assert missing([LETTER, taken]).startswith("The reversal of the withdrawal")
    assert missing([LETTER, reserved], Act.MINE).startswith("That Bo no longer reserves it.")


def test_dates_name_what_is_not_known_and_when_it_is_free() -> None:
    facts = Dates(published="1928", country="US")
    recording = Statement(
        Kind.DATES, None, "a label", "grant", "Ann", covers=Covers.RECORDING, dates=facts, id="r"
    )
    free = Statement(Kind.PUBLIC_DOMAIN, None, "old", "grant", "Ann", covers=Covers.COMPOSITION, id="c")
    told = missing([recording, free], Act.STREAM, "US")
    assert "In US nothing but time: from 2029-01-01 on the answer is yes there" in told
    unknown = replace(recording, dates=Dates(country="US"))
    chain = reasons_for([unknown, free], Act.STREAM, on=TODAY, territory=parse_territory("US"))
    keys = {part.key for reason in chain.missing for part in (reason.parts or (reason,))}
    assert any(key.startswith("missing-") for key in keys)


def test_parts_of_the_world_with_other_answers_are_told_too() -> None:
    chain = reasons_for([replace(LETTER, territory="DE FR")], Act.STREAM, on=TODAY, territory=WORLD)
    assert [(str(where), finding.answer) for where, finding in chain.others] == [("DE FR", Answer.YES)]
    lines = tell(chain, "en")
    assert "It is allowed in: DE FR." in lines
    assert "Explained for countries that nothing names:" in lines


def test_what_stands_no_longer_is_told_with_the_reason() -> None:
    chain = reasons_for([LETTER], Act.STREAM, on=TODAY, territory=WORLD)
    former = [
        Former(TAG, "2026-01-02T00:00:00Z", None, "letter"),
        Former(DEAL, "2026-01-03T00:00:00Z", "never signed"),
        Former(TAG, "2026-01-04T00:00:00Z"),
    ]
    text = "\n".join(tell(chain, "en", former=former))
    assert "superseded by letter on 2026-01-02T00:00:00Z" in text
    assert "retracted on 2026-01-03T00:00:00Z: never signed" in text
    assert "no longer found where it was read, since 2026-01-04T00:00:00Z" in text
    assert "rétractée le 2026-01-03T00:00:00Z : never signed" in "\n".join(tell(chain, "fr", former=former))


def test_a_french_description() -> None:
    said = replace(
        DEAL,
        covers=Covers.RECORDING,
        territory="WORLD -US",
        conditions=("attribution", "non-commercial"),
        valid_from="2026-01-01",
        valid_until="2027-12-31",
    )
    assert describe(said, "fr") == (
        "Déposée, permettant de : conserver, diffuser en flux, à condition de : attribution, usage non "
        "commercial, détenue par Label, pour l’enregistrement seulement, partout sauf : US, à partir du "
        "2026-01-01, jusqu’au 2027-12-31 ; déclarée par Ann (grant : « agreement 7 »)."
    )
    facts = Dates("1932", "never", "1933", "FR", (1950, 1960), True, True, True)
    assert describe(Statement(Kind.DATES, None, "x", "grant", "Bo", dates=facts)) == (
        "Dates of the term of protection, published 1932, fixed never, broadcast 1933, first published in "
        "FR, authors died 1950, 1960, no author left out, with words, made for hire; stated by Bo "
        "(grant: “x”)."
    )
    known = replace(facts, published="1932-05-03", fixed="1931", with_words=False, for_hire=False)
    known = replace(known, deaths=(), all_deaths=False, anonymous=False)
    said = Statement(Kind.DATES, None, "x", "grant", "Bo", dates=known)
    assert describe(said).startswith(
        "Dates of the term of protection, published 1932-05-03, fixed 1931, broadcast 1933, first published "
        "in FR, without words, not made for hire, not anonymous; "
    )
    assert describe(said, "fr").startswith(
        "Dates pour la durée de protection, publiée : 1932-05-03, fixée : 1931, diffusée : 1933, première "
        "publication : FR, sans paroles, pas faite sur commande, pas anonyme ; "
    )
    unknown = describe(replace(said, dates=Dates("1932")))
    assert unknown.startswith("Dates of the term of protection, published 1932; ")


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (NOTE, "la note jointe au fichier"),
        (FILE_TAG, "l’étiquette du fichier même"),
        (ITEM, "la fiche du document sur Internet Archive"),
        (ASSERTED_BY, "la notice de droits de Debian"),
        ("the Tones", "the Tones"),
    ],
)
def test_a_french_description_says_in_french_who_states_it(who: str, told: str) -> None:
    said = Statement(Kind.LICENCE, "CC-BY-NC-ND-4.0", "x", "tag:LICENSE", who)
    assert describe(said, "fr").endswith(f" ; déclarée par {told} (tag:LICENSE : « x »).")
    assert describe(said).endswith(f"; stated by {who} (tag:LICENSE: “x”).")
    needed = because("needs-permission", holder=who, act="mine")
    assert needed.told("en").startswith(f"Permission by {who} to ")
    assert needed.told("fr").startswith(f"La permission de {told} ")
