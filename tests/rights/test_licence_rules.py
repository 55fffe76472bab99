"""What each family of licences allows, act by act."""

from __future__ import annotations

from datetime import date

import pytest

from phonotheque.model.audio import Tags
from phonotheque.model.rights import Act, Answer, Covers, Kind, Statement
from phonotheque.rights.combine import combine
from phonotheque.rights.decide import allowed_in, decide
from phonotheque.rights.families import FAMILY_OF, OWN, STATUS_IDS
from phonotheque.rights.grant import make_grant
from phonotheque.rights.jurisdictions import PORTS
from phonotheque.rights.licence_rules import RULES
from phonotheque.rights.licences import KNOWN_IDS, parse_licence
from phonotheque.rights.prose import from_prose
from phonotheque.rights.tags import from_tags

ON = date(2026, 11, 21)
NOTICE = "attribution licence-text"
SHARED = "attribution share-alike licence-text"

# Licence; preserve, stream, distribute, mine: conditions, "-" for none, "?" for unknown.
TABLE = [
    ("CC-BY-2.5", "-", "attribution", "attribution", "attribution"),
    ("CC-BY-ND-3.0", "-", "attribution no-derivatives", "attribution no-derivatives", "?"),
    ("CC-BY-ND-4.0", "-", "attribution no-derivatives", "attribution no-derivatives", "?"),
    ("CC0-1.0", "-", "-", "-", "-"),
    ("CC-PDM-1.0", "-", "-", "-", "-"),
    ("CC-PDDC", "?", "?", "?", "?"),  # but in the United States
    ("LicenseRef-CC-Sampling-1.0", "?", "?", "?", "?"),
    ("LicenseRef-CC-DevNations-2.0", "?", "?", "?", "?"),
    *(
        (f"LicenseRef-CC-{name}Sampling-Plus-1.0", "non-commercial", shared, shared, "?")
        for name in ("", "NC-")
        for shared in (f"{NOTICE} non-commercial",)
    ),
    ("GPL-3.0-only", "-", f"{SHARED} source", f"{SHARED} source", "?"),
    ("GFDL-1.2-or-later", "-", SHARED, SHARED, "?"),
    ("GFDL-1.3-no-invariants-only", "-", SHARED, SHARED, "?"),
    ("LAL-1.2", "-", SHARED, SHARED, "?"),
    ("LicenseRef-EFF-OAL-1.0", "-", *["attribution share-alike"] * 3),
    ("LicenseRef-DSL", "-", f"{SHARED} source", f"{SHARED} source", "?"),
    *((name, "-", NOTICE, NOTICE, NOTICE) for name in ("MIT", "X11", "ISC", "Zlib", "Apache-2.0", "NCSA")),
    *((f"BSD-{clauses}-Clause", "-", NOTICE, NOTICE, NOTICE) for clauses in (1, 2, 3, 4)),
    ("BSL-1.0", "-", NOTICE, NOTICE, NOTICE),
    *((name, "-", "-", "-", "-") for name in ("0BSD", "MIT-0", "WTFPL", "Unlicense")),
    *((name, "-", f"{NOTICE} source", f"{NOTICE} source", NOTICE) for name in ("Artistic-2.0", "MPL-2.0")),
    ("OFL-1.1", "?", "?", "?", "?"),
    (
        "LicenseRef-artist-permission-NC",
        "non-commercial",
        "attribution non-commercial",
        "attribution non-commercial",
        "?",
    ),
    *((status, "?", "?", "?", "?") for status in STATUS_IDS.values()),  # one but in the United States
    ("Sendmail", "?", "?", "?", "?"),
    ("Artistic-1.0", "?", "?", "?", "?"),
]
HOME = ("CC-PDDC", "LicenseRef-RS-NoC-US-1.0")


def stated(licence: str, kind: Kind = Kind.LICENCE) -> Statement:
    return Statement(kind, licence, "a letter", "grant", "the archivist")


@pytest.mark.parametrize(("licence", "preserve", "stream", "distribute", "mine"), TABLE)
def test_what_a_family_allows(licence: str, preserve: str, stream: str, distribute: str, mine: str) -> None:
    for act, cell in zip(Act, (preserve, stream, distribute, mine), strict=True):
        for country in ("US", "FR", "WORLD"):
            decision = decide([stated(licence)], act, on=ON, territory=country)
            if licence in HOME and country == "US":
                assert (decision.answer, decision.conditions) == (Answer.YES, ())
            else:
                assert decision.answer is (Answer.UNKNOWN if cell == "?" else Answer.YES)
                assert set(decision.conditions) == set(cell.split()) - {"-", "?"}


def test_every_rule_has_a_row() -> None:
    families = {licence.family for row in TABLE if (licence := parse_licence(row[0]))}
    assert families == set(RULES)
    assert set(FAMILY_OF.values()) | {own.family for own in OWN.values()} <= families


def test_each_family_says_so_in_its_own_words() -> None:
    reasons = {decide([stated(row[0])], Act.DISTRIBUTE, on=ON, territory="FR").reason for row in TABLE}
    assert len(reasons) > len(TABLE) - 3
    assert decide([stated("MIT")], Act.MINE, on=ON).reason.startswith("MIT speaks of software")
    assert "any work" in decide([stated("Apache-2.0")], Act.MINE, on=ON).reason
    assert "not be shared" in decide([stated("CC-BY-ND-4.0")], Act.MINE, on=ON).reason
    assert "limited" in decide([stated("CC-BY-ND-3.0")], Act.MINE, on=ON).reason


@pytest.mark.parametrize("licence", HOME)
def test_what_holds_in_the_united_states_alone(licence: str) -> None:
    assert str(allowed_in([stated(licence)], Act.DISTRIBUTE, on=ON)) == "US"
    assert str(allowed_in([stated(licence, Kind.PUBLIC_DOMAIN)], Act.DISTRIBUTE, on=ON)) == "US"


@pytest.mark.parametrize("code", STATUS_IDS)
def test_a_status_is_read_wherever_a_licence_is(code: str) -> None:
    for address in (
        f"http://rightsstatements.org/vocab/{code}/1.0/",
        f"https://rightsstatements.org/page/{code}/1.0/?language=en",
    ):
        note = from_prose(f"Rights: see {address}.", "sidecar:a.txt")
        tag = from_tags(Tags(licences=(address,)))
        kind = note.statements[0].kind
        granted = make_grant(licence=address, kind=kind, holder=None, evidence="e", asserted_by="a")
        for statement in (*note.statements, *tag.statements, granted):
            assert statement.licence == STATUS_IDS[code]
        (statement,) = note.statements
        american = code == "noc-us"
        assert statement.kind is (Kind.PUBLIC_DOMAIN if american else Kind.UNKNOWN)
        assert statement.territory == ("US" if american else "WORLD")
        assert not note.questions
        assert not tag.questions
        assert bool(allowed_in([statement], Act.STREAM, on=ON)) is american


def test_a_status_contradicts_no_licence() -> None:
    status = from_prose("http://rightsstatements.org/vocab/InC/1.0/", "sidecar:a.txt")
    licence = from_prose("https://creativecommons.org/licenses/by/4.0/", "sidecar:b.txt")
    both = combine(status, licence)
    assert len(both.statements) == 2
    assert not both.questions
    assert decide(both.statements, Act.STREAM, on=ON).answer is Answer.YES


def test_a_status_and_words_that_deny_it_are_asked_about() -> None:
    evidence = from_prose("Public domain. http://rightsstatements.org/vocab/InC/1.0/", "sidecar:a.txt")
    assert not evidence.statements
    assert "Public domain" in evidence.questions[0].text


def test_the_artist_s_permission_is_of_what_they_own() -> None:
    permission = Statement(
        Kind.LICENCE, "LicenseRef-artist-permission-NC", "e", "o", "a", covers=Covers.RECORDING
    )
    decision = decide([permission], Act.STREAM, on=ON)
    assert (decision.answer, decision.reason) == (
        Answer.UNKNOWN,
        "There is no recorded basis for the composition.",
    )


def test_a_permission_in_words_is_asked_about() -> None:
    evidence = from_prose("The label allows non-commercial sharing of all its releases.", "sidecar:a.txt")
    (question,) = evidence.questions
    assert question.candidates == ("LicenseRef-artist-permission-NC",)
    for silent in (
        "Recorded at home.",
        "For non-commercial use.",
        "All sharing is allowed.",
        "Not for sale. Trading is allowed.",
    ):
        assert not from_prose(silent, "sidecar:a.txt").questions, silent


CC = [name for name in KNOWN_IDS if parse_licence(name).family == "cc"]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [*CC, *(f"CC-BY-NC-3.0-{port}" for port in PORTS)])
def test_every_version_and_port_of_creative_commons_says_what_its_elements_say(name: str) -> None:
    elements = set(name.split("-"))
    named = {"BY": "attribution", "SA": "share-alike", "NC": "non-commercial", "ND": "no-derivatives"}
    duties = {words for element, words in named.items() if element in elements}
    limits = duties & {"non-commercial", "no-derivatives"}
    found = {act: decide([stated(name)], act, on=ON) for act in Act}
    assert [found[act].answer for act in Act] == ["yes", "yes", "yes", "unknown" if limits else "yes"]
    assert set(found[Act.PRESERVE].conditions) == limits - {"no-derivatives"}
    assert set(found[Act.STREAM].conditions) == set(found[Act.DISTRIBUTE].conditions) == duties
    assert set(found[Act.MINE].conditions) == (set() if limits else duties)
