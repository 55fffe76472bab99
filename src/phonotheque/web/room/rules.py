"""The rules of rights, explained: a list of all, and a page for each: what it decides and by which law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.model.rights import DENIALS, Act, Answer, Covers, Kind
from phonotheque.rights.decide import decide
from phonotheque.rights.explain import stated
from phonotheque.rights.findings import Case, Finding
from phonotheque.rights.licences import parse_licence
from phonotheque.rights.listed import LISTED
from phonotheque.rights.listing import Example, Group, ListedRule
from phonotheque.rights.reasons import LANGUAGES, because
from phonotheque.rights.rules import denial, of_statement
from phonotheque.rights.terms import term_of
from phonotheque.web.room.addresses import site
from phonotheque.web.room.languages import locale
from phonotheque.web.room.pages import _, language_of, page, refusal, room_of
from phonotheque.web.room.standing import Rule, conditions_in_words, rule_of

ROUTES: Final = APIRouter()


@dataclass(frozen=True, slots=True)
class Does:
    """What a rule answers for one act."""

    act: Act
    answer: Answer
    rule: Rule
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """An example, put to the rule: ``free`` is the first day on which a term is over."""

    sentence: str
    address: str | None  # of the licence
    country: str
    work: Covers
    does: tuple[Does, ...]
    free: date | None
    latest: bool
    because: str


@ROUTES.api_route("/rights", methods=["GET", "HEAD"])
def rules(request: Request) -> Response:
    """Answer the list of all rules."""
    language = language_of(request)
    index = LANGUAGES.index(language)
    groups = {
        group: [(rule.name, rule.title[index]) for rule in LISTED.values() if rule.group is group]
        for group in Group
    }
    return page(request, "rules.html.j2", groups=groups, address=f"{site(request)}{language}/rights")


@ROUTES.api_route("/rights/{name}", methods=["GET", "HEAD"])
def rule(request: Request, name: str) -> Response:
    """Answer the page of a rule, by the name that reasons give it."""
    listed = LISTED.get(name)
    if listed is None:
        return refusal(request, 404, _("There is no rule “%(name)s”."), name=name[:100])
    language = language_of(request)
    today = room_of(request).today()
    shown = list(_put(listed, language, today))
    return page(
        request,
        "rule.html.j2",
        rule=listed,
        title=listed.title[LANGUAGES.index(language)],
        examples=shown,
        is_term=listed.group in (Group.US, Group.EU),
        law=next((one.rule.law for put in shown for one in put.does if one.rule.law), None),
        today=today,
        address=f"{site(request)}{language}/rights/{name}",
    )


def _put(listed: ListedRule, language: str, today: date) -> Iterator[Put]:
    """Put a rule's examples to it."""
    for example in listed.examples:
        statement = example.statement
        does = tuple(_does(example, act, language, today) for act in Act)
        dates = statement.dates if statement and statement.kind is Kind.DATES else None
        term = term_of(dates, example.work, example.country) if dates else None
        licence = parse_licence(statement.licence) if statement and statement.licence else None
        yield Put(
            sentence=stated(statement, language) + "." if statement else "",
            address=licence.uri if licence and licence.uri.startswith("https://") else None,
            country=locale(language).territories.get(example.country, example.country),
            work=example.work,
            does=does,
            free=term.free_from if term else None,
            latest=bool(term and term.latest),
            because=term.reason.told(language) if term else "",
        )


def _does(example: Example, act: Act, language: str, today: date) -> Does:
    finding = finding_of(example, act, today)
    conditions = conditions_in_words(finding.conditions, language)
    return Does(act, finding.answer, rule_of(finding, language), conditions)


def finding_of(example: Example, act: Act, today: date) -> Finding:
    """Return what the rules say of an example, for one act."""
    statement = example.statement
    if statement is None:
        decision = decide([], act, on=today, territory=example.country)
        return Finding(decision.answer, decision.rule, because("no-basis"))
    if statement.kind in DENIALS:
        if act in statement.acts:
            return denial(statement)
        return Finding(Answer.UNKNOWN, "no-basis", because("no-basis"))
    return of_statement(statement, Case(act, example.country, today, example.work))
