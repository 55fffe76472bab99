"""Licence terms that may combine licences: SPDX licence expressions, and Debian's synopses.

The grammar is that of SPDX 3.0.1, Annex B; DEP-5 writes nearly the same in small letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from license_expression import (
    ExpressionError,
    LicenseExpression,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
)

from phonotheque.rights.licences import Licence, parse_licence

MAX_EXPRESSION = 1000  # characters
MAX_DEPTH = 20  # nested parentheses

_GRAMMAR = Licensing()  # knows the operators only; what the names mean is for parse_licence to say
_OPERATOR = re.compile(r"\s(?:and|or|with)\s|[()]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A choice: whoever uses the work picks one of the options."""

    options: tuple[Terms, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part applies at once."""

    parts: tuple[Terms, ...]


Terms = Licence | AnyOf | AllOf


def parse_terms(text: str) -> Terms | None:
    """Return the terms that ``text`` names, one licence or an expression of several, or None."""
    text = text.strip()
    return _parse(text) if 0 < len(text) <= MAX_EXPRESSION else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> Terms | None:
    if licence := parse_licence(text):
        return licence
    if not _OPERATOR.search(text) or _depth(text) > MAX_DEPTH:
        return None
    try:
        return _read(_GRAMMAR.parse(_plain(text)))
    except ExpressionError:
        return None


def _plain(text: str) -> str:
    """Return Debian's "A, and B" as "A and B" (DEP-5 §7.2), where the comma changes nothing."""
    mixed = re.search(r"\sor\s", text, re.IGNORECASE) and re.search(r"\sand\s", text, re.IGNORECASE)
    return text if mixed else re.sub(r",(?=\s+(?:and|or)\s)", "", text, flags=re.IGNORECASE)


def _depth(text: str) -> int:
    depth = deepest = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    return deepest


def _read(node: LicenseExpression) -> Terms | None:
    match node:
        case LicenseWithExceptionSymbol():
            # An exception only adds permissions, so the licence's own rule still holds.
            licence = parse_licence(node.license_symbol.key)
            return licence and replace(licence, id=f"{licence.id} WITH {node.exception_symbol.key}")
        case LicenseSymbol():
            return parse_licence(node.key)
    parts = tuple(part for part in map(_read, node.args) if part is not None)
    if len(parts) != len(node.args):
        return None
    return AnyOf(parts) if isinstance(node, _GRAMMAR.OR) else AllOf(parts)


def terms_id(terms: Terms) -> str:
    """Return the SPDX expression of some terms, the form in which statements keep them."""
    match terms:
        case Licence():
            return terms.id
        case AnyOf():
            return " OR ".join(_inner(option) for option in terms.options)
        case AllOf():
            return " AND ".join(_inner(part) for part in terms.parts)


def _inner(terms: Terms) -> str:
    return terms_id(terms) if isinstance(terms, Licence) else f"({terms_id(terms)})"


def licences_in(terms: Terms) -> tuple[Licence, ...]:
    """Return every licence that the terms name."""
    match terms:
        case Licence():
            return (terms,)
        case AnyOf():
            return tuple(licence for option in terms.options for licence in licences_in(option))
        case AllOf():
            return tuple(licence for part in terms.parts for licence in licences_in(part))
