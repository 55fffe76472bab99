from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement
from phonotheque.rights.explain import attribution_line, describe
from phonotheque.rights.grant import STATED, checked, make_grant, normal_form


def grant(licence: str | None = "CC-BY-4.0", kind: Kind = Kind.LICENCE, **more: str) -> Statement:
    fields = {"evidence": "a letter", "asserted_by": "Ann", "territory": "WORLD", **more}
    return make_grant(
        licence=licence,
        kind=kind,
        holder=fields.get("holder"),
        evidence=fields["evidence"],
        asserted_by=fields["asserted_by"],
        covers=Covers(fields.get("covers", "both")),
        territory=fields["territory"],
    )


def test_a_grant_keeps_the_licence_in_spdx_form() -> None:
    statement = grant("http://creativecommons.org/licenses/by/3.0/", holder=" Bo ", evidence=" a letter\n")
    assert statement == Statement(Kind.LICENCE, "CC-BY-3.0", "a letter", "grant", "Ann", "Bo")
    assert grant("GPL-2+ or CC0").licence == "GPL-2.0-or-later OR CC0-1.0"
    assert grant(None, Kind.MANDATE).licence is None
    assert grant("CC0", Kind.PUBLIC_DOMAIN).licence == "CC0-1.0"


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_evidence_and_author_are_required(blank: str) -> None:
    with pytest.raises(UsageError, match="evidence: it is empty"):
        grant(evidence=blank)
    with pytest.raises(UsageError, match="asserted_by: it is empty"):
        grant(asserted_by=blank)


@pytest.mark.parametrize(
    ("licence", "near"),
    [
        ("CC-BY", "CC-BY-4.0, CC-BY-3.0"),
        ("CC-BY-4.O", "CC-BY-4.0"),
        ("cc by nc 9.0", "CC-BY-NC-4.0"),
        ("GPL", "GPL-3.0-only"),
        ("GLP-3.0-only", "GPL-3.0-only"),
        ("my own", "Give an SPDX id"),
        ("x" * 100_000, "Give an SPDX id"),
    ],
)
def test_an_unreadable_licence_is_refused_with_suggestions(licence: str, near: str) -> None:
    with pytest.raises(UsageError, match="names no licence exactly") as caught:
        grant(licence)
    assert near in caught.value.advice
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("territory", ["", "world", "Germany", "DE,FR", "DE  FR"])
def test_territories_are_checked(territory: str) -> None:
    with pytest.raises(UsageError, match="territory"):
        grant(territory=territory)


def test_very_long_texts_are_refused() -> None:
    with pytest.raises(UsageError, match="holder: it has 20000 characters"):
        grant(holder="x" * 20_000)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            Statement(
                Kind.LICENCE, "CC-BY-3.0-AT", "https://x.example/", "tag:LICENSE", "the file's own tag", "Ann"
            ),
            (
                "Licensed under Creative Commons Attribution 3.0 Austria, held by Ann; stated by the file's"
                " own tag (tag:LICENSE: “https://x.example/”)."
            ),
        ),
        (
            Statement(
                Kind.PUBLIC_DOMAIN, None, "a\nb", "grant", "Bo", covers=Covers.COMPOSITION, territory="DE FR"
            ),
            "Public domain, for the composition only, in DE, FR only; stated by Bo (grant: “a b”).",
        ),
        (
            Statement(
                Kind.LICENCE,
                "CC0-1.0 OR GPL-2.0-or-later",
                "x" * 200,
                "REUSE.toml",
                "REUSE.toml",
            ),
            (
                "Licensed under CC0 1.0 Universal or GNU GPL 2.0 or later; stated by REUSE.toml"
                f" (REUSE.toml: “{'x' * 117}…”)."
            ),
        ),
        (
            Statement(Kind.MANDATE, None, "law", "grant", "Bo"),
            "Kept by mandate; stated by Bo (grant: “law”).",
        ),
        (Statement(Kind.DEPOSIT, None, "7", "grant", "Bo"), "Deposited; stated by Bo (grant: “7”)."),
    ],
)
def test_descriptions(statement: Statement, expected: str) -> None:
    assert describe(statement) == expected


@pytest.mark.parametrize(
    ("licence", "holder", "expected"),
    [
        (
            "CC-BY-4.0",
            "Ann",
            (
                "“Song” by Ann is licensed under Creative Commons Attribution 4.0"
                " (https://creativecommons.org/licenses/by/4.0/)."
            ),
        ),
        (
            "CC0-1.0",
            None,
            (
                "“Song” is dedicated to the public domain under CC0 1.0 Universal"
                " (https://creativecommons.org/publicdomain/zero/1.0/)."
            ),
        ),
        (
            "CC-PDM-1.0",
            "Ann",
            (
                "“Song” by Ann is marked as free of known copyright: Public Domain Mark 1.0"
                " (https://creativecommons.org/publicdomain/mark/1.0/)."
            ),
        ),
        (
            "LAL-1.3 OR MIT",
            "Ann",
            (
                "“Song” by Ann is licensed under Free Art License 1.3 (https://artlibre.org/licence/lal/en/)"
                " or MIT (https://spdx.org/licenses/MIT.html)."
            ),
        ),
        (
            "LicenseRef-RS-NoC-US-1.0",
            "Ann",
            (
                "The status of “Song” by Ann is stated as: No Copyright – United States"
                " (http://rightsstatements.org/vocab/NoC-US/1.0/)."
            ),
        ),
        (
            "LicenseRef-artist-permission-NC",
            "Ann",
            "“Song” by Ann is shared with its artist's permission, non-commercial.",
        ),
        (None, None, "“Song” is in the public domain."),
    ],
)
def test_attribution_lines(licence: str | None, holder: str | None, expected: str) -> None:
    assert attribution_line(licence, holder, "Song") == expected


TODAY = date(2026, 11, 26)
DEPOSIT = Statement(Kind.DEPOSIT, None, "agreement 7", "grant", "Ann", "Bo", acts=(Act.STREAM,))
FACTS = Statement(Kind.DATES, None, "a label", "grant", "Ann", dates=Dates(published="1932"))
LICENSED = Statement(Kind.LICENCE, "CC-BY-4.0", "a letter", "grant", "Ann")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        # acts and conditions
        (replace(LICENSED, acts=(Act.STREAM,)), "acts: what a statement of the kind “licence” allows"),
        (replace(DEPOSIT, licence="CC0-1.0"), "acts: CC0-1.0 says what is allowed"),
        (replace(DEPOSIT, kind=Kind.OWN_WORK, acts=()), "acts: none is named"),
        (replace(DEPOSIT, kind=Kind.RESERVATION), "acts: only mining can be reserved"),
        (replace(DEPOSIT, conditions=("good will",)), "conditions: “good will” is not one"),
        (replace(LICENSED, conditions=("attribution",)), "conditions: they belong to the acts"),
        (replace(DEPOSIT, acts=(), conditions=("attribution",)), "conditions: they belong to the acts"),
        # validity
        (replace(DEPOSIT, valid_from="2026"), "valid_from: “2026” is not a day"),
        (replace(DEPOSIT, valid_until="2026-02-30"), "valid_until: “2026-02-30” is not a day"),
        (replace(DEPOSIT, valid_until="20260228"), "valid_until: “20260228” is not a day"),
        (
            replace(DEPOSIT, valid_from="2026-02-02", valid_until="2026-02-01"),
            "valid_until: 2026-02-01 is before 2026-02-02",
        ),
        (
            replace(FACTS, valid_from="2026-01-01"),
            "valid_from: a statement of the kind “dates” holds on any day",
        ),
        # when they said so
        (replace(LICENSED, stated_at="last year"), "stated_at: “last year” is not a time"),
        (replace(LICENSED, stated_at="2026-13"), "stated_at: “2026-13” is not a time"),
        (replace(LICENSED, stated_at="2026-W01-1"), "stated_at: “2026-W01-1” is not a time"),
        (replace(LICENSED, stated_at="2026-11-27"), "stated_at: 2026-11-27 is after today"),
        # licences
        (replace(FACTS, licence="CC0-1.0"), "licence: a statement of the kind “dates” has none"),
        (replace(LICENSED, kind=Kind.ON_SITE), "licence: a statement of the kind “on-site” has none"),
        (replace(LICENSED, kind=Kind.UNKNOWN), "licence: a statement of the kind “unknown” has none"),
        (replace(LICENSED, kind=Kind.PUBLIC_DOMAIN), "licence: CC-BY-4.0 is a licence, so"),
        # dates
        (replace(LICENSED, dates=Dates(published="1932")), "dates: a “licence” has no facts of terms"),
        (replace(FACTS, dates=None), "dates: no fact is given"),
        (replace(FACTS, dates=Dates(published="")), "dates: no fact is given"),
        (replace(FACTS, dates=Dates(published="1932-13")), "published: "),
        (replace(FACTS, dates=Dates(published="2027")), "published: "),
        (replace(FACTS, dates=Dates(published="1931", fixed="1932")), "published: "),
        (replace(FACTS, dates=Dates(country="UK")), "country: "),
        (replace(FACTS, dates=Dates(deaths=(2030,))), "deaths: "),
        (replace(FACTS, dates=Dates(all_deaths=True)), "all_deaths: "),
        (replace(LICENSED, evidence_sha256="abc"), "document: “abc” is not a SHA-256"),
    ],
)
def test_what_cannot_be_is_refused_by_field(statement: Statement, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(statement, TODAY)
    assert caught.value.message.startswith(message)
    assert caught.value.advice


@pytest.mark.parametrize(
    "statement",
    [
        LICENSED,
        FACTS,
        DEPOSIT,
        replace(DEPOSIT, acts=()),
        replace(DEPOSIT, valid_from="2026-02-01", valid_until="2026-02-01", conditions=("attribution",)),
        replace(DEPOSIT, kind=Kind.OWN_WORK),
        replace(DEPOSIT, kind=Kind.OWN_WORK, acts=(), licence="CC-BY-4.0"),
        *(replace(LICENSED, kind=kind, licence=None) for kind in (Kind.MANDATE, Kind.ON_SITE, Kind.UNKNOWN)),
        replace(LICENSED, stated_at="2026"),
        replace(LICENSED, stated_at="2026-11-26T10:00:00Z"),
        replace(FACTS, dates=Dates(published="never", fixed="1932-05-03")),
    ],
)
def test_what_can_be_stays_as_it_is(statement: Statement) -> None:
    assert checked(statement, TODAY) == statement


def test_a_reservation_is_of_mining_and_acts_have_one_order() -> None:
    assert checked(replace(DEPOSIT, kind=Kind.RESERVATION, acts=())).acts == (Act.MINE,)
    assert checked(replace(DEPOSIT, acts=(Act.MINE, Act.STREAM, Act.MINE))).acts == (Act.STREAM, Act.MINE)
    facts = replace(FACTS, dates=Dates(deaths=(1950, 1940), country=""))
    assert checked(facts).dates == Dates(deaths=(1940, 1950))


def test_every_kind_that_a_person_may_state_can_be() -> None:
    for kind in STATED:
        licence = "CC0-1.0" if kind is Kind.LICENCE else None
        acts = (Act.STREAM,) if kind is Kind.OWN_WORK else ()
        dates = Dates(published="1932") if kind is Kind.DATES else None
        statement = Statement(kind, licence, "a letter", "grant", "Ann", acts=acts, dates=dates)
        assert isinstance(normal_form(statement, TODAY), Statement)
