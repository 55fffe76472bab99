"""Terms of protection: what the recorded dates of a recording or a composition say on a day, in a country."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from phonotheque.model.rights import Act, Answer, Covers, Dates, Kind, Statement
from phonotheque.model.territory import EU
from phonotheque.rights import eu, us
from phonotheque.rights.dates import check_dates
from phonotheque.rights.findings import Case, Finding
from phonotheque.rights.reasons import Reason, because
from phonotheque.rights.term import Law, Term

SHARING = (Act.STREAM, Act.DISTRIBUTE)


class _Laws(NamedTuple):
    name: str  # ends the keys of sentences: free-us, protected-us, …
    recording: Law
    composition: Law


_OF: dict[frozenset[str], _Laws] = {
    frozenset({"US"}): _Laws("us", us.recording, us.composition),
    frozenset({"ES"}): _Laws("es", eu.recording, eu.spanish_composition),
    frozenset({"FR"}): _Laws("fr", eu.recording, eu.french_composition),
    EU - {"ES", "FR"}: _Laws("eu", eu.recording, eu.composition),
}
LAWS = tuple(_OF)  # the countries of each law for which terms are known


def _laws_of(country: str) -> _Laws | None:
    return next((laws for members, laws in _OF.items() if country in members), None)


@lru_cache(maxsize=20_000)  # each is asked for every act, day and statement with these dates
def term_of(dates: Dates, work: Covers, country: str) -> Term:
    """Return the term that a country's law gives a recording or a composition with these dates.

    Dates that cannot be true give none, and neither does a country whose law has no rule here.
    """
    laws = _laws_of(country)
    if laws is None:
        return Term("term", None, because("no-law"))
    if problem := check_dates(dates, covers=work):
        return Term("term", None, Reason.joined((because("impossible-dates"), problem.reason)))
    return laws.recording(dates) if work is Covers.RECORDING else laws.composition(dates)


def dates_for(statement: Statement, work: Covers) -> Dates | None:
    """Return what a statement's dates say of one work.

    Of both works at once, a publication is that of the record, which publishes no music (17 USC 303(b)), and
    the deaths are those of the authors of words and music.
    """
    dates = statement.dates
    if dates is None or statement.covers is not Covers.BOTH:
        return dates
    if work is Covers.RECORDING:
        return replace(dates, deaths=(), all_deaths=False, with_words=None)
    return replace(
        dates, published=None, fixed=None, communicated=None, country=None, for_hire=None, anonymous=None
    )


def free_from(statement: Statement, work: Covers, country: str) -> date | None:
    """Return the first day on which a statement's dates make a work free in a country, None if none does."""
    dates = dates_for(statement, work) if statement.kind is Kind.DATES else None
    return term_of(dates, work, country).free_from if dates else None


def of_dates(statement: Statement, case: Case) -> Finding:
    """What dates say of the case's work by the law of its country: free, not yet free, or not known."""
    dates = dates_for(statement, case.work)
    if dates is None:
        return Finding(Answer.UNKNOWN, "term", because("missing-dates"))
    term = term_of(dates, case.work, case.country)
    laws = _laws_of(case.country)
    if term.free_from is None or laws is None:
        return Finding(Answer.UNKNOWN, term.rule, term.reason)
    if case.on >= term.free_from:
        key = "free-by" if term.latest else "free"
        return Finding(Answer.YES, term.rule, _told(f"{key}-{laws.name}", term))
    if term.latest:
        return Finding(Answer.UNKNOWN, term.rule, _told(f"perhaps-{laws.name}", term))
    # A running term forbids sharing. Copies to preserve and to mine may be free by exceptions all the same.
    answer = Answer.NO if case.act in SHARING else Answer.UNKNOWN
    return Finding(answer, term.rule, _told(f"protected-{laws.name}", term))


def _told(key: str, term: Term) -> Reason:
    return Reason.joined((because(key, day=term.free_from), term.reason))
