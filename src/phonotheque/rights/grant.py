"""Statements typed by a person: on the command line, or in ``rights.toml``. Checked field by field."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE, Covers, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.expressions import Terms, parse_terms, terms_id
from phonotheque.rights.licences import KNOWN_IDS, Licence, readings

GRANT = "grant"  # the evidence_origin of what the archivist typed
MAX_TEXT = 10_000  # characters of evidence or of a name


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, and what to do about it."""

    field: str
    what: str
    advice: str


def make_grant(
    *,
    licence: str | None,
    kind: Kind,
    holder: str | None,
    evidence: str,
    asserted_by: str,
    covers: Covers = Covers.BOTH,
    territory: str = WORLDWIDE,
) -> Statement:
    """Return the archivist's statement, its licence in SPDX form; UsageError names the bad field."""
    statement = Statement(kind, licence, evidence, GRANT, asserted_by, holder, covers, territory)
    checked = normal_form(statement)
    if isinstance(checked, Problem):
        raise UsageError(f"{checked.field}: {checked.what}", checked.advice)
    return checked


def normal_form(statement: Statement) -> Statement | Problem:
    """Return the statement with its licence as an SPDX id and its texts trimmed, or its first problem."""
    licence = (statement.licence or "").strip()
    terms = parse_terms(licence) if licence else None
    problem = _texts(statement)
    if problem is None and licence and terms is None:
        problem = _unreadable(licence)
    problem = problem or _kind(statement.kind, terms) or _territory(statement.territory)
    if problem:
        return problem
    return replace(
        statement,
        licence=terms_id(terms) if terms else None,
        evidence=statement.evidence.strip(),
        asserted_by=statement.asserted_by.strip(),
        holder=(statement.holder or "").strip() or None,
        territory=str(parse_territory(statement.territory)),
    )


def _texts(statement: Statement) -> Problem | None:
    texts = (
        ("evidence", statement.evidence, "say where this can be checked: an address, a document, a letter"),
        ("asserted_by", statement.asserted_by, "say who states this"),
    )
    for field, text, advice in texts:
        if not text.strip():
            return Problem(field, "it is empty", f"A statement needs it: {advice}.")
    for field, text, _ in (*texts, ("holder", statement.holder or "", "")):
        if len(text) > MAX_TEXT:
            return Problem(field, f"it has {len(text)} characters", f"Use at most {MAX_TEXT}.")
    return None


def _kind(kind: Kind, terms: Terms | None) -> Problem | None:
    match kind:
        case Kind.LICENCE if terms is None:
            return Problem(
                "licence", "it is missing", 'Name it, or state another kind, for example "public-domain".'
            )
        case Kind.MANDATE if terms is not None:
            return Problem(
                "licence", "a mandate to preserve has none", "Leave it out, or state the kind “licence”."
            )
        case Kind.PUBLIC_DOMAIN if terms is not None and not _frees(terms):
            return Problem(
                "licence",
                f"{terms_id(terms)} is a licence, so the work is not in the public domain",
                "Leave it out, or state the kind “licence”.",
            )
        case _:
            return None


def _frees(terms: Terms) -> bool:
    return isinstance(terms, Licence) and terms.family in ("pdm", "cc0")


def _territory(territory: str) -> Problem | None:
    try:
        if parse_territory(territory):
            return None
        what = "it is empty"
    except ValueError as error:
        what = str(error)
    advice = (
        f"Write {WORLDWIDE}, or two-letter country codes (ISO 3166-1) with spaces between them: “DE FR”, "
        "“EU”, “WORLD -DE”."
    )
    return Problem("territory", what, advice)


def _unreadable(licence: str) -> Problem:
    near = suggestions(licence)
    advice = f"Did you mean {', '.join(near)}? " if near else ""
    advice += "Give an SPDX id such as CC-BY-4.0, or the licence's address."
    return Problem("licence", f"“{licence[:200]}” names no licence exactly", advice)


def suggestions(text: str) -> tuple[str, ...]:
    """Return up to five known ids that ``text`` may have meant, the likeliest first."""
    short = text.strip()[:100]
    if may_mean := readings(short):
        return may_mean[:5]
    plain = {known.lower(): known for known in KNOWN_IDS}
    near = difflib.get_close_matches(short.lower().replace(" ", "-"), plain, n=5, cutoff=0.7)
    return tuple(plain[name] for name in near)
