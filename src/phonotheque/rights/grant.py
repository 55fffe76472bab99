"""Statements typed by a person: on the command line, or in ``rights.toml``. Checked field by field."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from datetime import date, datetime

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE, Act, Covers, Dates, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.dates import check_dates
from phonotheque.rights.expressions import Terms, parse_terms, terms_id
from phonotheque.rights.licences import KNOWN_IDS, Licence, frees, readings
from phonotheque.rights.prose import kind_of
from phonotheque.rights.wording import CONDITIONS

GRANT = "grant"  # the evidence_origin of what the archivist typed
MAX_TEXT = 10_000  # characters of evidence or of a name

# What a person may state: a label's deals are read from its delivery, and a withdrawal is a thing of its own.
STATED = tuple(kind for kind in Kind if kind not in (Kind.DELIVERY, Kind.WITHDRAWAL))
_AGREED = (Kind.DEPOSIT, Kind.OWN_WORK, Kind.DELIVERY)  # allow the acts that they name
_LICENSED = (Kind.LICENCE, Kind.PUBLIC_DOMAIN, Kind.UNKNOWN, *_AGREED)
_TIMELESS = (Kind.DATES, Kind.UNKNOWN)  # facts: they do not begin or end
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d(T[0-9:]{5,8}(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


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
    return checked(Statement(kind, licence, evidence, GRANT, asserted_by, holder, covers, territory))


def checked(statement: Statement, today: date | None = None) -> Statement:
    """Return a statement in its normal form. UsageError names the bad field and says what to do."""
    found = normal_form(statement, today)
    if isinstance(found, Problem):
        raise UsageError(f"{found.field}: {found.what}.", found.advice)
    return found


def normal_form(statement: Statement, today: date | None = None) -> Statement | Problem:
    """Return the statement with its licence as an SPDX id and its texts trimmed, or its first problem.

    With ``today``, nothing that it tells of may have happened later.
    """
    licence = (statement.licence or "").strip()
    terms = parse_terms(licence) if licence else None
    problem = _texts(statement)
    if problem is None and licence and terms is None:
        problem = _unreadable(licence)
    problem = (
        problem
        or _kind(statement.kind, terms)
        or _territory(statement.territory)
        or _acts(statement, terms)
        or _validity(statement)
        or _stated_at(statement.stated_at, today)
        or _dates(statement, today)
        or _document(statement.evidence_sha256)
    )
    if problem:
        return problem
    acts = statement.acts or ((Act.MINE,) if statement.kind is Kind.RESERVATION else ())
    return replace(
        statement,
        licence=terms_id(terms) if terms else None,
        evidence=statement.evidence.strip(),
        asserted_by=statement.asserted_by.strip(),
        holder=(statement.holder or "").strip() or None,
        territory=str(parse_territory(statement.territory)),
        acts=tuple(act for act in Act if act in acts),
        conditions=tuple(dict.fromkeys(statement.conditions)),
        valid_from=statement.valid_from or None,
        valid_until=statement.valid_until or None,
        stated_at=statement.stated_at or None,
        dates=None if statement.dates is None else _tidy(statement.dates),
        evidence_sha256=statement.evidence_sha256 or None,
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
    advice = "Leave it out, or state the kind “licence”."
    if kind is Kind.LICENCE and terms is None:
        return Problem(
            "licence", "it is missing", 'Name it, or state another kind, for example "public-domain".'
        )
    if terms is None:
        return None
    names = kind_of(terms)
    if kind is Kind.LICENCE and names is Kind.UNKNOWN:
        return Problem(
            "licence", f"{terms_id(terms)} is a status, and grants nothing", "State kind “unknown”."
        )
    if kind not in _LICENSED or (kind is Kind.UNKNOWN and names is not Kind.UNKNOWN):
        return Problem("licence", f"a statement of the kind “{kind}” has none", advice)
    if kind is Kind.PUBLIC_DOMAIN and not (isinstance(terms, Licence) and frees(terms)):
        what = f"{terms_id(terms)} is a licence, so the work is not in the public domain"
        return Problem("licence", what, advice)
    return None


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


def _acts(statement: Statement, terms: Terms | None) -> Problem | None:
    """Only an agreement says what it allows; the other kinds allow by rule. A reservation forbids mining."""
    kind, acts, conditions = statement.kind, statement.acts, statement.conditions
    if kind is Kind.RESERVATION and set(acts) - {Act.MINE}:
        advice = "Leave it out; what is taken back altogether is withdrawn."
        return Problem("acts", "only mining can be reserved (EU 2019/790 art. 4)", advice)
    if acts and kind not in (*_AGREED, Kind.RESERVATION):
        advice = "Leave it out: acts are named for a deposit, an own work, or a reservation."
        return Problem("acts", f"what a statement of the kind “{kind}” allows follows from rules", advice)
    if acts and terms is not None:
        advice = "Leave out the acts, or the licence."
        return Problem("acts", f"{terms_id(terms)} says what is allowed", advice)
    if kind is Kind.OWN_WORK and terms is None and not acts:
        return Problem("acts", "none is named", f"Name what its maker allows: {', '.join(Act)}.")
    for condition in conditions:
        if condition not in CONDITIONS:
            advice = f"Choose among: {', '.join(CONDITIONS)}."
            return Problem("conditions", f"“{condition[:100]}” is not one that is known", advice)
    if conditions and not (acts and kind in _AGREED):
        return Problem("conditions", "they belong to the acts of an agreement", "Leave them out.")
    return None


def _validity(statement: Statement) -> Problem | None:
    days: dict[str, date] = {}
    for field in ("valid_from", "valid_until"):
        text = getattr(statement, field)
        if not text:
            continue
        if statement.kind in _TIMELESS:
            advice = "Leave it out: the rules reckon from the facts."
            return Problem(field, f"a statement of the kind “{statement.kind}” holds on any day", advice)
        day = _day(text)
        if day is None:
            return Problem(field, f"“{text[:40]}” is not a day", "Write it like 2026-11-21.")
        days[field] = day
    if len(days) == 2 and days["valid_until"] < days["valid_from"]:
        what = f"{statement.valid_until} is before {statement.valid_from}, when it begins"
        return Problem("valid_until", what, "Correct one of the two; both are days on which it is valid.")
    return None


def _stated_at(text: str | None, today: date | None) -> Problem | None:
    if not text:
        return None
    try:
        first = datetime.fromisoformat(text + "-01-01"[: 10 - len(text)]) if _MOMENT.fullmatch(text) else None
    except ValueError:
        first = None
    if first is None:
        advice = "Write when they said so: 2026, 2026-11, 2026-11-21 or 2026-11-21T10:15:00Z."
        return Problem("stated_at", f"“{text[:40]}” is not a time", advice)
    if today is not None and first.date() > today:
        return Problem("stated_at", f"{text} is after today", "Correct it.")
    return None


def _dates(statement: Statement, today: date | None) -> Problem | None:
    dates = statement.dates
    if statement.kind is not Kind.DATES:
        advice = "Leave them out, or state the kind “dates”."
        return Problem("dates", f"a “{statement.kind}” has no facts of terms", advice) if dates else None
    if dates is None or _tidy(dates) == Dates():
        advice = "Give what is known: when it was published, fixed or communicated; who died when."
        return Problem("dates", "no fact is given", advice)
    bad = check_dates(_tidy(dates), covers=statement.covers, today=today)
    return Problem(bad.field, bad.what.rstrip("."), bad.advice) if bad else None


def _tidy(dates: Dates) -> Dates:
    """Return dates without empty texts, and years of death in order."""
    return replace(
        dates,
        published=dates.published or None,
        fixed=dates.fixed or None,
        communicated=dates.communicated or None,
        country=dates.country or None,
        deaths=tuple(sorted(dates.deaths)),
    )


def _document(sha256: str | None) -> Problem | None:
    if not sha256 or _SHA256.fullmatch(sha256):
        return None
    return Problem("document", f"“{sha256[:80]}” is not a SHA-256", "Name the file with --document.")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


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
