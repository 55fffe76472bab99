"""What one recorded statement allows: pure functions from a statement to a finding with its reason.

What licences allow is in rights/licence_rules.py, terms of protection are in rights/terms.py; how findings
become a decision is in rights/decide.py.
"""

from __future__ import annotations

from phonotheque.model.rights import Act, Answer, Kind, Statement
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, licences_in, parse_terms
from phonotheque.rights.findings import Case, Finding, all_of, best
from phonotheque.rights.licence_rules import BY_COUNTRY, RULES
from phonotheque.rights.licences import Licence, frees
from phonotheque.rights.reasons import because
from phonotheque.rights.terms import of_dates

AGREEMENTS = (Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK)


def of_terms(terms: Terms, case: Case) -> Finding:
    """Terms of several licences (SPDX 3.0.1, Annex B): OR is whichever suits best, AND is all at once."""
    match terms:
        case AnyOf():
            return best(of_terms(option, case) for option in terms.options)
        case AllOf():
            return all_of(of_terms(part, case) for part in terms.parts)
        case Licence():
            return RULES[terms.family](terms, case)


def differs_by_country(statement: Statement) -> bool:
    """Tell whether a statement's rule may answer differently in two countries of its territory."""
    if statement.kind is Kind.DATES:
        return True
    terms = parse_terms(statement.licence) if statement.licence else None
    return terms is not None and any(licence.family in BY_COUNTRY for licence in licences_in(terms))


def of_statement(statement: Statement, case: Case) -> Finding:
    """What one statement that speaks for the case's country and day says of its act, by kind and licence."""
    terms = parse_terms(statement.licence) if statement.licence else None
    match statement.kind:
        case Kind.MANDATE:
            return mandate(case.act)
        case Kind.ON_SITE:
            return on_site(case.act)
        case Kind.UNKNOWN if not isinstance(terms, Licence) or terms.family != "status":
            return Finding(Answer.UNKNOWN, "status", because("status-only"))
        case Kind.DATES:
            return of_dates(statement, case)
    if statement.licence and terms is None:
        reason = because("unreadable-licence", licence=statement.licence)
        return Finding(Answer.UNKNOWN, "no-rule", reason)
    if statement.kind is Kind.PUBLIC_DOMAIN:
        return public_domain(terms, case)
    if terms is not None:
        return of_terms(terms, case)
    if statement.kind in AGREEMENTS:
        return agreement(statement, case.act)
    return Finding(Answer.UNKNOWN, "no-rule", because("names-no-licence", kind=statement.kind))


def denial(statement: Statement) -> Finding:
    """A withdrawal or a reservation: NO, whatever else is granted."""
    if statement.kind is Kind.WITHDRAWAL:
        return Finding(Answer.NO, "withdrawal", because("withdrawn", reason=statement.evidence.rstrip(".")))
    holder = statement.holder or statement.asserted_by
    return Finding(Answer.NO, "reservation", because("reserved", holder=holder))


def mandate(act: Act) -> Finding:
    """The archive's own duty or permission to preserve (a legal deposit law, an exception for archives such
    as EU 2019/790 art. 6, the owner's request): preservation and never anything else.
    """
    if act is Act.PRESERVE:
        return Finding(Answer.YES, "mandate", because("mandate"))
    return Finding(Answer.UNKNOWN, "mandate", because("mandate-only", act=act))


def on_site(act: Act) -> Finding:
    """What may be kept and heard in the archive's rooms (EU 2001/29 art. 5(3)(n)), and never leaves them."""
    answer = Answer.YES if act is Act.PRESERVE else Answer.UNKNOWN
    return Finding(answer, "on-site", because("on-site"))


def agreement(statement: Statement, act: Act) -> Finding:
    """A deposit, a label's deal or an own work whose terms are no licence: exactly the acts that it names.

    A deposit that names none hands over a copy to be kept, nothing more.
    """
    rule = statement.kind.value
    if statement.kind is Kind.DEPOSIT and not statement.acts:
        if act is Act.PRESERVE:
            return Finding(Answer.YES, rule, because("deposited"))
        return Finding(Answer.UNKNOWN, rule, because("deposit-silent", act=act))
    holder = statement.holder or statement.asserted_by
    if act in statement.acts:
        conditions = () if act is Act.PRESERVE else statement.conditions
        return Finding(Answer.YES, rule, because("agreed", holder=holder, act=act), conditions)
    return Finding(Answer.UNKNOWN, rule, because("agreement-silent", holder=holder, act=act))


def public_domain(terms: Terms | None, case: Case) -> Finding:
    """A person or a machine-readable file states, with evidence, that no right restricts the work.

    Copyright protects for a term (Berne Convention art. 7; Rome Convention art. 14 for phonograms); after it,
    or after a waiver, every act is free. A licence beside the statement contradicts it, except for the tools
    made for the public domain.
    """
    if isinstance(terms, Licence) and frees(terms):
        return RULES[terms.family](terms, case)
    if terms is not None:
        return Finding(Answer.UNKNOWN, "public-domain", because("licensed-and-free"))
    return Finding(Answer.YES, "public-domain", because("declared-free"))
