"""Statements and licences in short plain words, for people and for the README of a bag."""

from __future__ import annotations

from collections.abc import Iterator

from phonotheque.model.rights import DENIALS, NEVER, WORLDWIDE, Covers, Dates, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, parse_terms
from phonotheque.rights.families import OWN
from phonotheque.rights.jurisdictions import PORTS
from phonotheque.rights.licences import Licence
from phonotheque.rights.reasons import LANGUAGES, said_by
from phonotheque.rights.wording import ACTS, CONDITIONS
from phonotheque.rights.wording_chain import WHAT

_ELEMENT_NAMES = (
    ("by", "Attribution"),
    ("nc", "NonCommercial"),
    ("nd", "NoDerivatives"),
    ("sa", "ShareAlike"),
)
_GNU_NAMES = {"LGPL": "GNU Lesser GPL", "AGPL": "GNU Affero GPL", "GPL": "GNU GPL"}


def licence_name(licence: Licence) -> str:
    """Return a licence's name for people: "Creative Commons Attribution 3.0 Austria"."""
    match licence.family:
        case "cc":
            kinds = "-".join(name for element, name in _ELEMENT_NAMES if element in licence.elements)
            place = f" {PORTS[licence.jurisdiction]}" if licence.jurisdiction else ""
            return f"Creative Commons {kinds} {licence.version}{place}"
        case "cc0":
            return "CC0 1.0 Universal"
        case "pdm":
            return "Public Domain Mark 1.0"
        case "gpl":
            later = " or later" if "or-later" in licence.id else ""
            return f"{_GNU_NAMES[licence.id.partition('-')[0]]} {licence.version}{later}"
        case "free-art":
            return f"Free Art License {licence.version}"
        case _:
            return OWN[licence.id].name if licence.id in OWN else licence.id


def describe(statement: Statement, language: str = "en") -> str:
    """Return one sentence: what is stated, by whom, and on what evidence; in a language of reasons."""
    evidence = " ".join(statement.evidence.split())
    shown = f"{evidence[:117]}…" if len(evidence) > 118 else evidence
    said = phrase(
        "stated",
        language,
        who=said_by(statement.asserted_by, language),
        origin=statement.evidence_origin,
        evidence=shown,
    )
    return stated(statement, language) + said


def stated(statement: Statement, language: str = "en") -> str:
    """Return what is stated, as the beginning of a sentence: neither by whom, nor on what evidence."""
    return ", ".join(_parts(statement, language))


def phrase(key: str, language: str, **values: object) -> str:
    """Return some words of rights/wording_chain.py about statements."""
    return WHAT[key][LANGUAGES.index(language)].format(**values)


def _parts(statement: Statement, language: str) -> Iterator[str]:
    """Yield what is stated, part by part."""
    index = LANGUAGES.index(language)
    yield _what(statement, language)
    if statement.acts and statement.kind not in DENIALS:
        yield phrase("acts", language, acts=", ".join(ACTS[act][index] for act in statement.acts))
    if statement.conditions:
        named = (CONDITIONS[each][index] if each in CONDITIONS else each for each in statement.conditions)
        yield phrase("conditions", language, conditions=", ".join(named))
    if statement.dates:
        yield from _facts(statement.dates, language)
    if statement.holder:
        yield phrase("holder", language, holder=statement.holder)
    if statement.covers is not Covers.BOTH:
        yield phrase(statement.covers.value, language)
    if statement.territory != WORLDWIDE:
        where = parse_territory(statement.territory)
        key, named_places = ("world-but", ~where) if where.all_but else ("territory", where)
        yield phrase(key, language, where=", ".join(str(named_places).split()))
    if statement.valid_from:
        yield phrase("from", language, day=statement.valid_from)
    if statement.valid_until:
        yield phrase("until", language, day=statement.valid_until)


def _facts(dates: Dates, language: str) -> Iterator[str]:
    for name in ("published", "fixed", "communicated"):
        text = getattr(dates, name)
        if text:
            never = text == NEVER and f"never-{name}" in WHAT
            yield phrase(f"never-{name}" if never else name, language, date=text)
    if dates.country:
        yield phrase("country", language, country=dates.country)
    if dates.deaths:
        yield phrase("deaths", language, years=", ".join(map(str, dates.deaths)))
    if dates.all_deaths:
        yield phrase("all_deaths", language)
    for name in ("with_words", "for_hire", "anonymous"):
        answer = getattr(dates, name)  # None: not known
        if answer is not None:
            yield phrase(name if answer else f"not-{name}", language)


def _what(statement: Statement, language: str) -> str:
    terms = parse_terms(statement.licence) if statement.licence else None
    name = _terms_name(terms) if terms else statement.licence
    if statement.kind is Kind.LICENCE and not name:
        return phrase("licence-unnamed", language)
    named = f"{statement.kind}-named"
    return phrase(named if name and named in WHAT else statement.kind.value, language, name=name)


def _terms_name(terms: Terms) -> str:
    match terms:
        case Licence():
            return licence_name(terms)
        case AnyOf():
            return " or ".join(map(_terms_name, terms.options))
        case AllOf():
            return " and ".join(map(_terms_name, terms.parts))


def attribution_line(licence: str | None, holder: str | None, title: str) -> str:
    """Return the line to show wherever the work is shown: title, author, licence and its address.

    It gives what CC BY 4.0 §3(a)(1) and 3.0 §4(b) ask for. ``licence`` is a statement's: an SPDX id or
    expression, or None for the public domain.
    """
    work = f"“{title}” by {holder}" if holder else f"“{title}”"
    terms = parse_terms(licence) if licence else None
    match terms:
        case None:
            return f"{work} is marked {licence}." if licence else f"{work} is in the public domain."
        case Licence(family="cc0"):
            return f"{work} is dedicated to the public domain under {_linked(terms)}."
        case Licence(family="pdm"):
            return f"{work} is marked as free of known copyright: {_linked(terms)}."
        case Licence(family="status"):
            return f"The status of {work} is stated as: {_linked(terms)}."
        case Licence(family="artist"):
            return f"{work} is shared with its artist's permission, non-commercial."
        case _:
            return f"{work} is licensed under {_linked(terms)}."


def _linked(terms: Terms) -> str:
    match terms:
        case Licence():
            return f"{licence_name(terms)} ({terms.uri})"
        case AnyOf():
            return " or ".join(map(_linked, terms.options))
        case AllOf():
            return " and ".join(map(_linked, terms.parts))
