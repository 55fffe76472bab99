"""Each rule of a term of protection, over the years where it begins and ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import NEVER, Act, Answer, Covers, Dates, Kind, Statement
from phonotheque.rights import eu, us
from phonotheque.rights.decide import allowed_in, decide, decide_all
from phonotheque.rights.reasons import LANGUAGES
from phonotheque.rights.records import read_statement, statement_record
from phonotheque.rights.term import Term
from phonotheque.rights.terms import free_from, term_of
from phonotheque.rights.turning import turning_days

R, C = Covers.RECORDING, Covers.COMPOSITION
P, S, D, M = Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE, Act.MINE


def dates(**facts: Any) -> Dates:
    deaths = facts.pop("died", ())
    facts = {name: str(value) if type(value) is int else value for name, value in facts.items()}
    return Dates(deaths=deaths, all_deaths=facts.pop("all_deaths", bool(deaths)), **facts)


def stated(found: Dates | None, covers: Covers = Covers.BOTH, **more: Any) -> Statement:
    return Statement(
        Kind.DATES, None, "a label", "grant", "the archivist", covers=covers, dates=found, **more
    )


# What a rule is asked, and what it says: rule, first free day, whether that is only the latest.
Row = tuple[Dates, str, str | None, bool]

US_RECORDINGS: list[Row] = [
    # 17 USC 1401(a)(2)(B)(i): until the end of 2021.
    (dates(published=1890), "us-recording-before-1923", "2022-01-01", False),
    (dates(published="1922-12-31"), "us-recording-before-1923", "2022-01-01", False),
    # (ii): the end of year + 100.
    (dates(published="1923-01-01"), "us-recording-1923-1946", "2024-01-01", False),
    (dates(published=1925), "us-recording-1923-1946", "2026-01-01", False),
    (dates(published=1926), "us-recording-1923-1946", "2027-01-01", False),
    (dates(published="1946-12-31"), "us-recording-1923-1946", "2047-01-01", False),
    # (iii): the end of year + 110.
    (dates(published="1947-01-01"), "us-recording-1947-1956", "2058-01-01", False),
    (dates(published="1956-12"), "us-recording-1947-1956", "2067-01-01", False),
    # (iv): through 15 February 2067.
    (dates(published="1957-01-01"), "us-recording-before-1972", "2067-02-16", False),
    (dates(published="1972-02-14"), "us-recording-before-1972", "2067-02-16", False),
    (dates(fixed="1972-02-14", published=NEVER), "us-recording-before-1972", "2067-02-16", False),
    (dates(fixed=1930, published=NEVER), "us-recording-before-1972", "2067-02-16", False),
    (dates(fixed=1930, country="US"), "us-recording-before-1972", "2067-02-16", True),
    (dates(fixed=1930, published=1980, country="US"), "us-recording-before-1972", "2067-02-16", False),
    (dates(fixed=1930), "us-recording", None, False),  # perhaps restored, if published abroad
    # Fixed in time, published later and abroad: whatever ends later (17 USC 104A).
    (dates(fixed=1970, published=1975, country="DE"), "us-published-before-1978", "2071-01-01", True),
    (dates(fixed=1970, published=1975), "us-published-before-1978", "2071-01-01", True),
    (dates(fixed=1970, published=1980), "us-life", None, False),
    # From 15 February 1972 on: federal copyright.
    (dates(published="1972-02-15"), "us-published-before-1978", "2068-01-01", True),
    (dates(published="1972-02"), "us-published-before-1978", "2068-01-01", True),  # either side of the day
    (dates(published=1972), "us-published-before-1978", "2068-01-01", True),
    (dates(fixed="1972-02-15", published=1973), "us-published-before-1978", "2069-01-01", True),
    (dates(fixed=1977, published="1977-12-31"), "us-published-before-1978", "2073-01-01", True),
    (dates(fixed=1977, published="1978-01-01", for_hire=True), "us-for-hire", "2074-01-01", False),
    (dates(fixed=1980, published=1981, for_hire=True), "us-for-hire", "2077-01-01", False),
    (dates(fixed=1980, published=1981, for_hire=False, died=(2000,)), "us-life", "2071-01-01", False),
    (dates(fixed=1980, published=1981, died=(2000,)), "us-for-hire", "2077-01-01", True),
    (dates(fixed=1980, published=1981, died=(2020,)), "us-life", "2091-01-01", True),
    (dates(fixed=1980, published=1981), "us-life", None, False),
    (dates(), "us-recording", None, False),
    (dates(communicated=1932), "us-recording", None, False),
]

US_COMPOSITIONS: list[Row] = [
    (dates(published=1900), "us-published-before-1923", "1976-01-01", True),
    (dates(published="1922-12-31"), "us-published-before-1923", "1998-01-01", True),
    (dates(published="1923-01-01"), "us-published-before-1978", "2019-01-01", True),
    (dates(published=1930), "us-published-before-1978", "2026-01-01", True),
    (dates(published=1931), "us-published-before-1978", "2027-01-01", True),
    (dates(published=1963), "us-published-before-1978", "2059-01-01", True),  # renewed, as far as we know
    (dates(published="1977-12-31"), "us-published-before-1978", "2073-01-01", True),
    (dates(published=1930, died=(1931,)), "us-published-before-1978", "2026-01-01", True),
    # Since 1978: lives.
    (dates(published="1978-01-01", fixed=1978, died=(1979,), for_hire=False), "us-life", "2050-01-01", False),
    (dates(published=1990, fixed=1990, died=(1950, 1999), for_hire=False), "us-life", "2070-01-01", False),
    (dates(published=1990, fixed=1990, died=(1999,), all_deaths=False), "us-life", None, False),
    (dates(published=1990, fixed=1990, for_hire=False), "us-life", None, False),
    (dates(fixed=1990, died=(1999,), for_hire=False), "us-life", "2070-01-01", False),
    (dates(fixed="1978-01-01", died=(1979,)), "us-for-hire", "2099-01-01", True),  # 120 years, if for hire
    # Made for hire, or anonymous: 95 years from publication, 120 from creation.
    (dates(published=2000, fixed=2000, for_hire=True), "us-for-hire", "2096-01-01", False),
    (dates(published=2000, fixed=1979, anonymous=True), "us-for-hire", "2096-01-01", False),
    (
        dates(published=2010, fixed=1985, for_hire=True),
        "us-for-hire",
        "2106-01-01",
        False,
    ),  # both end together
    (dates(published=2011, fixed=1985, for_hire=True), "us-for-hire", "2106-01-01", False),
    (dates(published=2011, fixed=1986, for_hire=True), "us-for-hire", "2107-01-01", False),
    (dates(published=NEVER, fixed=1985, for_hire=True), "us-for-hire", "2106-01-01", False),
    (dates(fixed=1985, for_hire=True), "us-for-hire", "2106-01-01", True),
    (dates(published=2000, for_hire=True), "us-for-hire", "2096-01-01", True),
    (dates(published=NEVER, for_hire=True), "us-for-hire", None, False),
    (dates(published=NEVER, died=(1999,)), "us-life", None, False),  # for hire or not?
    # Created before 1978, unpublished then: 17 USC 303(a).
    (dates(published=NEVER, fixed=1900, died=(1931,), for_hire=False), "us-303", "2003-01-01", False),
    (dates(published=NEVER, fixed=1900, died=(1932,), for_hire=False), "us-life", "2003-01-01", False),
    (dates(published=NEVER, fixed=1900, died=(1960,), for_hire=False), "us-life", "2031-01-01", False),
    (dates(published=NEVER, fixed=1881, for_hire=True), "us-303", "2003-01-01", False),
    (dates(published=NEVER, died=(1750,), for_hire=False), "us-303", "2003-01-01", True),
    (dates(published="2002-12-31", fixed=1900, died=(1931,), for_hire=False), "us-303", "2048-01-01", False),
    (dates(published="2003-01-01", fixed=1900, died=(1931,), for_hire=False), "us-303", "2003-01-01", False),
    (dates(published="1978-01-01", died=(1931,), for_hire=False), "us-303", "2048-01-01", True),
    (dates(published=2000, died=(1990,), for_hire=False), "us-life", "2061-01-01", False),
    (dates(died=(1750,)), "us-composition", None, False),  # a publication decides
    (dates(), "us-composition", None, False),
]

EU_RECORDINGS: list[Row] = [
    (dates(published=1900, country="FR"), "eu-phonogram-published-before-1963", "1951-01-01", False),
    (dates(published="1962-12-31", country="DE"), "eu-phonogram-published-before-1963", "2013-01-01", False),
    (dates(published="1963-01-01", country="DE"), "eu-phonogram-published", "2034-01-01", False),
    (dates(published=1963), "eu-phonogram-published", "2034-01-01", True),
    (dates(published=1963, country="US"), "eu-phonogram-published", "2034-01-01", True),
    (
        dates(published=1962, fixed=1912, country="DE"),
        "eu-phonogram-published-before-1963",
        "2013-01-01",
        False,
    ),
    (dates(published=1963, communicated=1962, country="DE"), "eu-phonogram-published", "2034-01-01", True),
    # Published more than 50 years after it was recorded: what came of it before?
    (dates(published=2011, fixed=1961, country="DE"), "eu-phonogram-published", "2082-01-01", False),
    (dates(published=2012, fixed=1961, country="DE"), "eu-phonogram-fixed", "2082-01-01", True),
    (
        dates(published=2012, fixed=1961, communicated=NEVER, country="DE"),
        "eu-phonogram-unreleased",
        "2012-01-01",
        False,
    ),
    (
        dates(published=NEVER, fixed=1961, communicated="1962-12-31", country="DE"),
        "eu-phonogram-communicated-before-1963",
        "2013-01-01",
        False,
    ),
    (
        dates(published=NEVER, fixed=1961, communicated="1963-01-01", country="DE"),
        "eu-phonogram-communicated",
        "2034-01-01",
        False,
    ),
    (
        dates(published=NEVER, fixed=1961, communicated=2012, country="DE"),
        "eu-phonogram-unreleased",
        "2012-01-01",
        False,
    ),
    (
        dates(published=NEVER, communicated=NEVER, fixed="1975-12-31", country="DE"),
        "eu-phonogram-unreleased",
        "2026-01-01",
        False,
    ),
    (dates(published=NEVER, communicated=NEVER, fixed=1975), "eu-phonogram-unreleased", "2026-01-01", True),
    # Only the recording's year is known: the longest that can be.
    (dates(fixed=1912), "eu-phonogram-fixed", "2013-01-01", True),
    (dates(fixed=1913), "eu-phonogram-fixed", "2034-01-01", True),
    (dates(fixed=1950), "eu-phonogram-fixed", "2071-01-01", True),
    (dates(published=NEVER, fixed=1950, country="DE"), "eu-phonogram-fixed", "2071-01-01", True),
    (dates(communicated=1950), "eu-phonogram", None, False),  # perhaps published later
    (dates(published=NEVER), "eu-phonogram", None, False),
    (dates(), "eu-phonogram", None, False),
]

EU_COMPOSITIONS: list[Row] = [
    (dates(died=(1955,), country="DE"), "eu-life", "2026-01-01", False),
    (dates(died=(1956,), country="DE"), "eu-life", "2027-01-01", False),
    (dates(died=(1956,)), "eu-life", "2027-01-01", True),
    (dates(died=(1956,), country="US"), "eu-life", "2027-01-01", True),
    (dates(died=(1937, 1956), with_words=True, country="DE"), "eu-life", "2027-01-01", False),
    (dates(died=(1937,), with_words=False, country="DE"), "eu-life", "2008-01-01", False),
    (dates(died=(1937,), all_deaths=False, country="DE"), "eu-life", None, False),
    (dates(published=1920), "eu-life", None, False),
    # First published after that: 25 years (art. 4).
    (dates(died=(1930,), published=2000, country="DE"), "eu-life", "2001-01-01", False),
    (dates(died=(1930,), published=2001, country="DE"), "eu-first-published", "2027-01-01", False),
    (dates(died=(1750,), published=2001, country="DE"), "eu-first-published", "2027-01-01", False),
    # Anonymous works.
    (dates(anonymous=True, published=1955, country="DE"), "eu-anonymous", "2026-01-01", False),
    (
        dates(anonymous=True, published=1955, communicated=1950, country="DE"),
        "eu-anonymous",
        "2021-01-01",
        False,
    ),
    (dates(anonymous=True, published=1970, fixed=1900, country="DE"), "eu-anonymous", "2041-01-01", False),
    (
        dates(anonymous=True, published=1971, communicated=NEVER, fixed=1900, country="DE"),
        "eu-anonymous-unreleased",
        "1971-01-01",
        False,
    ),
    (
        dates(anonymous=True, published=1971, fixed=1900, country="DE"),
        "eu-anonymous-fixed",
        "2041-01-01",
        True,
    ),
    (
        dates(anonymous=True, published=NEVER, communicated=NEVER, fixed=1956, country="DE"),
        "eu-anonymous-unreleased",
        "2027-01-01",
        False,
    ),
    (dates(anonymous=True, fixed=1900, country="DE"), "eu-anonymous-fixed", "2041-01-01", True),
    (dates(anonymous=True), "eu-anonymous", None, False),
]

FRENCH_COMPOSITIONS: list[Row] = [
    # Ravel: what was published before 1948, and before 1921.
    (dates(died=(1937,), published=1929, communicated=1928, country="FR"), "fr-wars", "2016-05-01", True),
    (dates(died=(1937,), published=1920, communicated=1928, country="FR"), "fr-wars", "2022-10-01", True),
    (dates(died=(1937,), published=1921, communicated=1921, country="FR"), "fr-wars", "2016-05-01", True),
    (dates(died=(1937,)), "fr-wars", "2022-10-01", True),
    (dates(died=(1937,), fixed=1928, published=1929), "fr-wars", "2016-05-01", True),
    (dates(died=(1980,), published=1947, communicated=1947, country="FR"), "fr-wars", "2059-05-01", True),
    (dates(died=(1980,), published=1948, communicated=NEVER, country="FR"), "eu-life", "2051-01-01", False),
    (dates(died=(1980,), fixed=1948, country="FR"), "eu-life", "2051-01-01", False),
    # Dead in a war, perhaps for France.
    (dates(died=(1938,), published=1930, communicated=1930), "fr-wars", "2017-05-01", True),
    (dates(died=(1940,), published=1930, communicated=1930), "fr-wars", "2049-05-01", True),
    (dates(died=(1946,), published=1930, communicated=1930), "fr-wars", "2025-05-01", True),
    (dates(died=(1914,)), "fr-wars", "2029-10-01", True),
    (dates(died=(1944,), fixed=1948, published=1950, country="FR"), "fr-wars", "2045-01-01", True),
    (dates(died=(1750,), published=2001, country="FR"), "eu-first-published", "2027-01-01", False),
    (dates(), "eu-life", None, False),
]

SPANISH_COMPOSITIONS: list[Row] = [
    (dates(died=(1945,), country="ES"), "es-80-years", "2026-01-01", False),
    (dates(died=(1946,), country="ES"), "es-80-years", "2027-01-01", False),
    (dates(died=(1987,), country="ES"), "es-80-years", "2068-01-01", False),
    (dates(died=(1988,), country="ES"), "eu-life", "2059-01-01", False),
    (dates(anonymous=True, published=1955, country="ES"), "eu-anonymous", "2026-01-01", False),
]

TABLES: dict[Callable[[Dates], Term], tuple[str, Covers, list[Row]]] = {
    us.recording: ("US", R, US_RECORDINGS),
    us.composition: ("US", C, US_COMPOSITIONS),
    eu.recording: ("DE", R, EU_RECORDINGS),
    eu.composition: ("DE", C, EU_COMPOSITIONS),
    eu.french_composition: ("FR", C, FRENCH_COMPOSITIONS),
    eu.spanish_composition: ("ES", C, SPANISH_COMPOSITIONS),
}
ROWS = [(country, work, *row) for country, work, rows in TABLES.values() for row in rows]


@pytest.mark.parametrize(("country", "work", "facts", "rule", "free", "latest"), ROWS)
def test_the_first_free_day(
    country: str, work: Covers, facts: Dates, rule: str, free: str | None, latest: bool
) -> None:
    term = term_of(facts, work, country)
    assert (term.rule, str(term.free_from) if term.free_from else None, term.latest) == (rule, free, latest)
    for language in LANGUAGES:
        assert term.reason.told(language).endswith(".")


@pytest.mark.parametrize(("country", "work", "facts", "rule", "free", "latest"), ROWS)
def test_the_day_before_and_the_day_of(
    country: str, work: Covers, facts: Dates, rule: str, free: str | None, latest: bool
) -> None:
    statement = stated(facts, work)
    other = Statement(Kind.LICENCE, "CC0-1.0", "", "grant", "", covers=C if work is R else R)
    day = free_from(statement, work, country)
    assert day == (date.fromisoformat(free) if free else None)
    if day is None:
        asked = decide([statement, other], D, on=date(2026, 11, 21), territory=country)
        assert (asked.answer, asked.rule) == (Answer.UNKNOWN, rule)
        return
    before, on = (
        decide([statement, other], D, on=one, territory=country) for one in (day - timedelta(1), day)
    )
    assert before.answer is (Answer.UNKNOWN if latest else Answer.NO)
    assert on.answer is Answer.YES
    assert rule in before.rule
    assert rule in on.rule
    assert str(day) in before.reason
    assert str(day) in on.reason
    assert ("at the latest" in on.reason) is latest


def test_a_running_term_leaves_exceptions_open() -> None:
    facts = stated(dates(published=1957), R)
    decisions = decide_all([facts, stated(dates(published=1900), C)], on=date(2026, 1, 1), territory="US")
    assert [decisions[act].answer for act in (P, S, D, M)] == ["unknown", "no", "no", "unknown"]
    assert decisions[D].reason == (
        "It is protected in the United States, and free from 2067-02-16 on. A sound recording fixed before "
        "15 February 1972, and not published before 1957, is protected until 15 February 2067 (17 USC "
        "1401(a)(2)(B)(iv))."
    )


def test_a_licence_counts_while_the_term_runs() -> None:
    licence = Statement(Kind.LICENCE, "CC-BY-4.0", "", "grant", "")
    assert decide([stated(dates(published=1957)), licence], D, on=date(2026, 1, 1)).answer is Answer.YES


def test_a_record_publishes_no_music() -> None:
    """In a statement of both works the publication is the record's, the deaths are of words and music."""
    both = stated(dates(published=1920, died=(1930,)))
    on = date(2026, 11, 21)
    assert "copies of the music" in decide([both], D, on=on, territory="US").reason
    assert decide([both], D, on=on, territory="DE").answer is Answer.YES
    sheet = stated(dates(published=1920), C)
    assert decide([both, sheet], D, on=on, territory="US").answer is Answer.YES
    # Nor did the authors of the music make the recording.
    later = stated(dates(published=1985, fixed=1985, died=(1700,), for_hire=False))
    assert free_from(later, R, "US") is None


def test_where_a_record_is_free() -> None:
    both = [stated(dates(published=1930, country="DE"), R), stated(dates(published=1905, died=(1940,)), C)]
    before_2031 = allowed_in(both, D, on=date(2030, 12, 31))
    assert "DE" in before_2031
    assert "US" not in before_2031
    assert "FR" not in before_2031
    assert "JP" not in before_2031
    late = allowed_in(both, D, on=date(2060, 1, 1))
    assert str(allowed_in(both, D, on=date(2031, 1, 1)) | late) == "EU US"
    assert decide(both, D, on=date(2060, 1, 1)).reason.startswith("No term of protection is known here")


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        (dates(published="1932-13"), "“1932-13” is no date"),
        (dates(published="1932-02-30"), "“1932-02-30” is no date"),
        (dates(published="0000"), "“0000” is no date"),
        (dates(published="32"), "“32” is no date"),
        (dates(published="1932 "), "is no date"),
        (dates(published="about 1932"), "is no date"),
        (dates(fixed=NEVER), "“never” is no date"),
        (dates(fixed=1950, published=1949), "cannot be published in 1949"),
        (dates(fixed="1950-06", published="1950-05-31"), "cannot be published in 1950-05-31"),
        (dates(fixed="1950-06", communicated=1949), "cannot be communicated in 1949"),
        (dates(published=1932, country="XX"), "“XX” is no country"),
        (dates(published=1800), "nothing could be recorded"),
        (dates(published=1932, died=(0,)), "“0” is no date"),
        (dates(published=1932, died=(9999,)), "“9999” is no date"),
        (dates(published=1932, all_deaths=True), "none is given"),
        (dates(published=1932, anonymous=True, died=(1950,)), "anonymous"),
    ],
)
def test_dates_that_cannot_be_true_free_nothing(facts: Dates, problem: str) -> None:
    for country, work in (("US", R), ("DE", R)):
        term = term_of(facts, work, country)
        assert (term.rule, term.free_from) == ("term", None)
        assert problem in term.reason.told()


def test_no_dates_free_nothing() -> None:
    assert "none is recorded" in decide([stated(None)], D, on=date(2026, 1, 1)).reason


DAYS = st.one_of(
    st.none(),
    st.integers(1860, 2030).map(str),
    st.dates(date(1860, 1, 1), date(2030, 12, 31)).map(str),
    st.just(NEVER),
)
FACTS = st.builds(
    Dates,
    published=DAYS,
    fixed=DAYS.filter(lambda day: day != NEVER),
    communicated=DAYS,
    country=st.sampled_from([None, "US", "DE", "FR", "JP"]),
    deaths=st.lists(st.integers(1700, 2026), max_size=2).map(tuple),
    all_deaths=st.booleans(),
    with_words=st.sampled_from([None, True, False]),
    for_hire=st.sampled_from([None, True, False]),
    anonymous=st.sampled_from([None, True]),
)
STATED = st.builds(
    stated,
    FACTS,
    st.sampled_from(Covers),
    territory=st.sampled_from(["WORLD", "US", "EU", "DE FR", "WORLD -US"]),
    valid_from=st.sampled_from([None, "2000-01-01"]),
    valid_until=st.sampled_from([None, "2040-06-30", "9999-12-31"]),
)


@given(st.lists(STATED, max_size=3), st.sampled_from(["US", "DE", "FR", "ES", "JP"]), st.sampled_from(Act))
def test_decisions_change_on_turning_days_only(statements: list[Statement], country: str, act: Act) -> None:
    turns = turning_days(statements)
    assert turns == sorted(set(turns))
    for first, last in zip([date.min, *turns], [*turns, date.max], strict=True):
        days = (first, last - timedelta(days=1)) if last < date.max else (first, last)
        one, other = (decide(statements, act, on=day, territory=country) for day in days)
        assert (one.answer, one.conditions) == (other.answer, other.conditions)


@given(FACTS, st.sampled_from([R, C]), st.sampled_from(["US", "DE", "FR", "ES"]))
def test_knowing_less_never_frees_earlier(facts: Dates, work: Covers, country: str) -> None:
    known = term_of(facts, work, country)
    if known.free_from is None or known.rule == "eu-first-published":  # it is taken to have been, before
        return
    for field in ("published", "fixed", "communicated", "country", "for_hire", "with_words"):
        unknown: dict[str, Any] = {field: None}
        less = term_of(replace(facts, **unknown), work, country)
        assert less.free_from is None or less.free_from >= known.free_from, field
    less = term_of(replace(facts, all_deaths=False), work, country)
    assert less.free_from is None or less.free_from >= known.free_from


@given(FACTS, st.sampled_from([R, C]), st.sampled_from(["US", "DE", "FR", "ES"]))
def test_a_year_says_no_more_than_its_last_day(facts: Dates, work: Covers, country: str) -> None:
    known = term_of(facts, work, country)
    for field in ("published", "fixed", "communicated"):
        text = getattr(facts, field)
        if known.free_from and text and text != NEVER:
            year: dict[str, Any] = {field: text[:4]}
            less = term_of(replace(facts, **year), work, country)
            assert less.free_from is None or less.free_from >= known.free_from, field


@given(st.lists(STATED, max_size=3), st.sampled_from(Act), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_where_it_is_free_is_where_it_is_decided_so(statements: list[Statement], act: Act, on: date) -> None:
    places = allowed_in(statements, act, on=on)
    for country in ("US", "DE", "FR", "ES", "AT", "JP"):
        asked = decide(statements, act, on=on, territory=country)
        assert (asked.answer is Answer.YES) is (country in places)
    everywhere = decide(statements, act, on=on)
    assert (everywhere.answer is Answer.YES) is places.worldwide


@given(STATED)
def test_dates_are_the_same_after_they_were_a_record(statement: Statement) -> None:
    assert read_statement(json.loads(json.dumps(statement_record(statement)))) == statement


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dates", {"published": 1932}),
        ("dates", {"deaths": ["1932"]}),
        ("dates", {"deaths": 1932}),
        ("dates", {"for_hire": "no"}),
        ("dates", {"born": "1932"}),
        ("dates", ["1932"]),
        ("dates", "1932"),
        ("valid_until", "2026-13-01"),
        ("valid_until", "20261231"),
        ("valid_from", "soon"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(field: str, value: object) -> None:
    record = statement_record(stated(dates(published=1932), R)) | {field: value}
    with pytest.raises(VerificationError, match=f"no sound “{field}”"):
        read_statement(record)


def test_who_died_in_1987_is_only_taken_to_have_died_in_time() -> None:
    told = {year: term_of(dates(died=(year,), country="ES"), C, "ES").reason for year in (1945, 1987)}
    assert "died in 1945, before 7 December 1987;" in told[1945].told()
    assert "died in 1987, on what day is not known; taken as before 7 December" in told[1987].told()
    assert "si l’on suppose" in told[1987].told("fr")
