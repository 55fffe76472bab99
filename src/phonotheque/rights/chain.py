"""The chain of reasons behind a decision, as values: every statement, what became of it, what is missing.

``rights/telling.py`` tells it in words. The answer is that of ``rights/decide.py``; this adds why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from phonotheque.model.rights import DENIALS, Act, Answer, Covers, Decision, Kind, Statement
from phonotheque.model.territory import NOWHERE, Territory, parse_territory
from phonotheque.rights.decide import allowed_in, applies, decide, in_force, places
from phonotheque.rights.findings import Case, Finding, all_of, best
from phonotheque.rights.reasons import Reason, because
from phonotheque.rights.rules import AGREEMENTS, denial, of_statement
from phonotheque.rights.turning import turning_days

WORKS = (Covers.RECORDING, Covers.COMPOSITION)


class Weight(StrEnum):
    """What became of a statement in a decision."""

    COUNTS = "counts"  # the answer on its work rests on it
    DENIES = "denies"  # takes away what others grant
    OUTWEIGHED = "outweighed"  # another allows more, or as much with fewer conditions
    ELSEWHERE = "elsewhere"  # speaks for other countries
    NOT_YET = "not-yet"  # becomes valid later
    OVER = "over"  # was valid
    OTHER_ACT = "other-act"  # takes away other acts


@dataclass(frozen=True, slots=True)
class Considered:
    """A statement, what became of it, and what its rule says (None if it was not asked)."""

    statement: Statement
    weight: Weight
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class OfWork:
    """What holds for the recording or the composition, and every statement about it."""

    work: Covers
    finding: Finding
    considered: tuple[Considered, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Why a decision is what it is.

    ``works`` are explained in ``where``, the part of ``asked`` in which the answer is made: all of it if it
    is the same everywhere, else where it is the least permissive. ``others`` are the other parts of
    ``asked``. ``allowed`` is everywhere that the answer is yes. ``turns`` are the day and the answer when
    it next becomes yes, or ceases to be, by itself. ``missing`` is what would have to be known, or done,
    for a yes in ``where``; empty if it is yes.
    """

    decision: Decision
    on: date
    asked: Territory
    where: Territory
    allowed: Territory
    denials: tuple[Considered, ...]
    works: tuple[OfWork, OfWork]
    others: tuple[tuple[Territory, Finding], ...]
    turns: tuple[date, Answer] | None
    missing: tuple[Reason, ...]


def reasons_for(statements: Sequence[Statement], act: Act, *, on: date, territory: Territory) -> Chain:
    """Return the chain of reasons for one act on a day, in a territory (which is not nowhere)."""
    decision = decide(statements, act, on=on, territory=territory)
    here = {country: part & territory for country, part in places(statements).items() if part & territory}
    found = {country: _in_country(statements, Case(act, country, on)) for country in here}
    country = next(each for each, reasons in found.items() if _outcome(reasons).answer is decision.answer)
    denials, works = found[country]
    parts: dict[Finding, Territory] = {}
    for each, reasons in found.items():
        outcome = _outcome(reasons)
        parts[outcome] = parts.get(outcome, NOWHERE) | here[each]
    outcome = _outcome(found[country])
    where = parts.pop(outcome)
    missing = () if decision.answer is Answer.YES else _missing(statements, Case(act, country, on), where)
    return Chain(
        decision,
        on,
        territory,
        where,
        allowed_in(statements, act, on=on),
        denials,
        works,
        tuple((part, finding) for finding, part in parts.items()),
        _turns(statements, decision, on, territory),
        missing,
    )


_Found = tuple[tuple[Considered, ...], tuple[OfWork, OfWork]]


def _outcome(found: _Found) -> Finding:
    """Return what holds in a country, as decisions have it."""
    denials, works = found
    denied = next((one.finding for one in denials if one.finding), None)
    return denied or all_of(work.finding for work in works)


def _in_country(statements: Sequence[Statement], case: Case) -> _Found:
    denials = tuple(_denial(each, case) for each in statements if each.kind in DENIALS)
    granting = [each for each in statements if each.kind not in DENIALS]
    recording, composition = (_of_work(granting, work, case) for work in WORKS)
    return denials, (recording, composition)


def _denial(statement: Statement, case: Case) -> Considered:
    weight = _outside(statement, case) or (Weight.DENIES if case.act in statement.acts else Weight.OTHER_ACT)
    return Considered(statement, weight, denial(statement) if weight is Weight.DENIES else None)


def _outside(statement: Statement, case: Case) -> Weight | None:
    """Return why a statement is not asked, None if it is."""
    if not applies(statement, case.country):
        return Weight.ELSEWHERE
    if in_force(statement, case.on):
        return None
    return Weight.NOT_YET if case.on.isoformat() < (statement.valid_from or "") else Weight.OVER


def _of_work(statements: Iterable[Statement], work: Covers, case: Case) -> OfWork:
    about = [each for each in statements if each.covers in (work, Covers.BOTH)]
    asked = replace(case, work=work)
    outside = {each: _outside(each, case) for each in about}
    findings = {each: of_statement(each, asked) for each in about if outside[each] is None}
    if not findings:
        nothing = Finding(Answer.UNKNOWN, "no-basis", because("no-basis-for", work=work))
        return OfWork(work, nothing, tuple(Considered(each, outside[each] or Weight.OVER) for each in about))
    counts = best(findings.values())
    considered = (
        Considered(
            each,
            outside[each] or (Weight.COUNTS if findings[each] == counts else Weight.OUTWEIGHED),
            findings.get(each),
        )
        for each in about
    )
    return OfWork(work, counts, tuple(considered))


def _turns(
    statements: Sequence[Statement], decision: Decision, on: date, territory: Territory
) -> tuple[date, Answer] | None:
    for day in turning_days(statements):
        if day > on:
            then = decide(statements, decision.act, on=day, territory=territory).answer
            if (then is Answer.YES) is not (decision.answer is Answer.YES):
                return day, then
    return None


def _missing(statements: Sequence[Statement], case: Case, where: Territory) -> tuple[Reason, ...]:
    """Return what would have to be known or done for a yes in a country."""
    denials, works = _in_country(statements, case)
    lacking = [_lifted(one.statement) for one in denials if one.weight is Weight.DENIES]
    for work in works:
        if work.finding.answer is not Answer.YES:
            lacking += _lacking(work, case.act, where)
    later = (day for day in turning_days(statements) if day > case.on)
    for day in later:
        if _outcome(_in_country(statements, replace(case, on=day))).answer is Answer.YES:
            place = "" if where.all_but else str(where)
            lacking.append(
                because("needs-time-in", day=day, where=place) if place else because("needs-time", day=day)
            )
            break
    return tuple(dict.fromkeys(lacking))


def _lifted(statement: Statement) -> Reason:
    if statement.kind is Kind.WITHDRAWAL:
        return because("needs-reversal")
    return because("needs-no-reservation", holder=statement.holder or statement.asserted_by)


def _lacking(work: OfWork, act: Act, where: Territory) -> list[Reason]:
    """Return what one of the works lacks: by what is stated of it, and a basis that would do anyhow."""
    found: list[Reason] = []
    for one in work.considered:
        holder = one.statement.holder or one.statement.asserted_by
        if one.finding is not None:
            found += _of_finding(one.statement, one.finding, act, holder)
        elif one.weight is Weight.ELSEWHERE and where.all_but:
            found.append(because("needs-everywhere", only=_named(one.statement.territory)))
        elif one.weight is Weight.ELSEWHERE:
            found.append(because("needs-here", where=where, only=_named(one.statement.territory)))
        elif one.weight is Weight.OVER:
            found.append(because("needs-renewal", day=one.statement.valid_until, holder=holder))
    found.append(because("needs-basis", work=work.work, act=act))
    return found


def _of_finding(statement: Statement, finding: Finding, act: Act, holder: str) -> list[Reason]:
    """Return what would make the rule of a statement say yes, as far as anything would."""
    if statement.kind is Kind.DATES:
        parts = finding.reason.parts or (finding.reason,)
        facts = [part for part in parts if part.key.startswith(("missing-", "impossible-"))]
        return facts or [part for part in parts if part.key.startswith("perhaps-")]
    if statement.kind in AGREEMENTS and not statement.licence:
        return [because("needs-agreed", holder=holder, act=act)]
    if finding.rule == "no-rule" and statement.licence:
        return [because("needs-rule", licence=statement.licence)]
    if statement.licence:
        return [because("needs-permission", holder=holder, act=act)]
    return []


def _named(territory: str) -> str:
    return str(parse_territory(territory))
