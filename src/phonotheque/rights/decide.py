"""From statements to decisions: ``decide(statements, act, on=day, territory=where)``.

A statement never takes away what another, independent statement grants: among several that speak for the same
work the most permissive one counts, and of equal ones that with the fewest conditions. Only withdrawals and
reservations take away. The recording and the composition are decided separately, and both must have a yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from phonotheque.model.rights import DENIALS, WORLDWIDE, Act, Answer, Covers, Decision, Statement
from phonotheque.model.territory import NOWHERE, Territory, parse_territory
from phonotheque.rights.findings import Case, Finding, all_of, best
from phonotheque.rights.reasons import because
from phonotheque.rights.rules import denial, differs_by_country, of_statement
from phonotheque.rights.terms import LAWS

_ELSEWHERE = ""  # a country that no statement names, and no rule is written for


def in_force(statement: Statement, on: date) -> bool:
    """Tell whether a statement is valid on a day; both of its bounds are."""
    day = on.isoformat()
    return (statement.valid_from or day) <= day <= (statement.valid_until or day)


def applies(statement: Statement, country: str) -> bool:
    """Tell whether a statement speaks for a country."""
    return country in parse_territory(statement.territory)


def decide(
    statements: Sequence[Statement], act: Act, *, on: date, territory: str | Territory = WORLDWIDE
) -> Decision:
    """Return what the statements allow for one act on a day, everywhere in a territory."""
    where = parse_territory(territory) if isinstance(territory, str) else territory
    found = [_decide_in(statements, Case(act, country, on)) for country in _countries(statements, where)]
    finding = all_of(finding for finding, _ in found)
    ids = (ids for each, ids in found if finding.answer is Answer.YES or each == finding)
    said = tuple(dict.fromkeys(one for each in ids for one in each))
    reason = finding.reason.told()
    return Decision(act, finding.answer, finding.rule, reason, finding.conditions, said, str(where))


def decide_all(
    statements: Sequence[Statement], *, on: date, territory: str | Territory = WORLDWIDE
) -> dict[Act, Decision]:
    """Return the decision for every act."""
    return {act: decide(statements, act, on=on, territory=territory) for act in Act}


def allowed_in(statements: Sequence[Statement], act: Act, *, on: date) -> Territory:
    """Return everywhere that the statements allow an act on a day."""
    found = NOWHERE
    for country, part in places(statements).items():
        if _decide_in(statements, Case(act, country, on))[0].answer is Answer.YES:
            found |= part
    return found


def decide_everywhere(statements: Sequence[Statement], *, on: date) -> tuple[Decision, ...]:
    """Return the decision for every act worldwide, and for where it is allowed if that is not everywhere."""
    decisions = []
    for act in Act:
        decisions.append(decide(statements, act, on=on))
        if decisions[-1].answer is not Answer.YES and (places := allowed_in(statements, act, on=on)):
            decisions.append(decide(statements, act, on=on, territory=places))
    return tuple(decisions)


def places(statements: Sequence[Statement]) -> dict[str, Territory]:
    """Part the world into places that statements and rules treat alike, each by one of its countries."""
    named = frozenset(code for s in statements for code in parse_territory(s.territory).codes)
    places = {code: Territory(frozenset({code})) for code in sorted(named)}
    laws = LAWS if any(map(differs_by_country, statements)) else ()
    for members in laws:
        if rest := members - named:
            places[min(rest)] = Territory(rest)
    elsewhere = Territory(named.union(*laws), all_but=True)
    # Once every country is named there is no other: what holds in all of them holds worldwide.
    return {_ELSEWHERE: elsewhere, **places} if elsewhere else places


def _countries(statements: Sequence[Statement], where: Territory) -> list[str]:
    """Return a country for each place that a territory has a part in. Nowhere is asked as anywhere is."""
    parts = [(country, part & where) for country, part in places(statements).items()]
    found = [country if country in part else min(part.codes) for country, part in parts if part]
    return found or [_ELSEWHERE]


def _decide_in(statements: Sequence[Statement], case: Case) -> tuple[Finding, tuple[str, ...]]:
    """Return what holds in one country on one day, and the ids of the statements that it rests on."""
    here = [statement for statement in statements if applies(statement, case.country)]
    now = [statement for statement in here if in_force(statement, case.on)]
    for statement in now:
        if statement.kind in DENIALS and case.act in statement.acts:
            return denial(statement), (statement.id,) if statement.id else ()
    granting = [statement for statement in now if statement.kind not in DENIALS]
    if not granting:
        return _none(statements, here, case), ()
    (recording, ids), (composition, more) = (
        _of_work(granting, work, case) for work in (Covers.RECORDING, Covers.COMPOSITION)
    )
    return all_of((recording, composition)), tuple(dict.fromkeys(ids + more))


def _of_work(statements: Sequence[Statement], work: Covers, case: Case) -> tuple[Finding, tuple[str, ...]]:
    """Return the best finding for one of the two works, and the ids of all statements that give it."""
    asked = replace(case, work=work)
    findings = [(of_statement(s, asked), s) for s in statements if s.covers in (work, Covers.BOTH)]
    if not findings:
        return Finding(Answer.UNKNOWN, "no-basis", because("no-basis-for", work=work)), ()
    found = best(finding for finding, _ in findings)
    return found, tuple(s.id for finding, s in findings if finding == found and s.id)


def _none(statements: Sequence[Statement], here: Sequence[Statement], case: Case) -> Finding:
    reason = because("no-basis")
    if any(statement.kind not in DENIALS for statement in here):
        reason = because("not-now", on=case.on)
    elif any(statement.kind not in DENIALS for statement in statements):
        reason = because("not-here", where=case.country) if case.country else because("not-everywhere")
    return Finding(Answer.UNKNOWN, "no-basis", reason)
