"""Statements and licences in short plain English, for people and for the README of a bag."""

from __future__ import annotations

from phonotheque.model.rights import WORLDWIDE, Covers, Kind, Statement
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, parse_terms
from phonotheque.rights.jurisdictions import PORTS
from phonotheque.rights.licences import Licence

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
            return licence.id


def describe(statement: Statement) -> str:
    """Return one sentence: what is stated, by whom, and on what evidence."""
    parts = [_what(statement)]
    if statement.holder:
        parts.append(f"held by {statement.holder}")
    if statement.covers is not Covers.BOTH:
        parts.append(f"for the {statement.covers} only")
    if statement.territory != WORLDWIDE:
        parts.append(f"in {', '.join(statement.territory.split())} only")
    evidence = " ".join(statement.evidence.split())
    shown = f"{evidence[:117]}…" if len(evidence) > 118 else evidence
    return f"{', '.join(parts)}; stated by {statement.asserted_by} ({statement.evidence_origin}: “{shown}”)."


def _what(statement: Statement) -> str:
    terms = parse_terms(statement.licence) if statement.licence else None
    name = _terms_name(terms) if terms else statement.licence
    match statement.kind:
        case Kind.LICENCE:
            return f"Licensed under {name or 'an unnamed licence'}"
        case Kind.PUBLIC_DOMAIN:
            return f"Public domain ({name})" if name else "Public domain"
        case Kind.DEPOSIT:
            return f"Deposited under {name}" if name else "Deposited"
        case Kind.MANDATE:
            return "Kept by mandate"
        case Kind.DATES:
            return "Dates of the term of protection"
        case Kind.DELIVERY:
            return "Delivered by a label"
        case Kind.OWN_WORK:
            return "Own work"
        case Kind.ON_SITE:
            return "To be heard on site only"
        case Kind.UNKNOWN:
            return "A status that grants nothing"
        case Kind.RESERVATION:
            return "Mining is reserved"
        case Kind.WITHDRAWAL:
            return "Withdrawn"


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
