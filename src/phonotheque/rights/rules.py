"""What one recorded statement allows: pure functions from a statement to a finding with its reason.

The rule of a licence reads the licence and the act. Terms of protection are in rights/terms.py; how findings
become a decision is in rights/decide.py.
"""

from __future__ import annotations

from collections.abc import Callable

from phonotheque.model.rights import Act, Answer, Kind, Statement
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, parse_terms
from phonotheque.rights.findings import Case, Finding, all_of, best
from phonotheque.rights.licences import Licence
from phonotheque.rights.reasons import because
from phonotheque.rights.terms import of_dates

ATTRIBUTION = "attribution"
SHARE_ALIKE = "share-alike"
NON_COMMERCIAL = "non-commercial"
NO_DERIVATIVES = "no-derivatives"
LICENCE_TEXT = "licence-text"
SOURCE = "source"

PUBLIC = (Act.STREAM, Act.DISTRIBUTE)  # acts that put the work before others
AGREEMENTS = (Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK)


Rule = Callable[[Licence, Act], Finding]


def creative_commons(licence: Licence, act: Act) -> Finding:
    """Creative Commons licences 1.0 to 4.0 and their ports.

    - Grant: 4.0 §2(a)(1) "reproduce and Share the Licensed Material, in whole or in part"; 1.0 to 3.0 §3
      "reproduce", "distribute", "publicly perform" (before 3.0 also "by means of a digital audio
      transmission").
    - Other formats: 4.0 §2(a)(4) and 1.0 to 3.0 §3, last paragraph: the rights may be exercised in all media
      and formats, with the modifications that are technically necessary. That is why an access copy is no
      derivative, and ND (4.0 BY-ND §2(a)(1)(B), 3.0 BY-ND §3) allows it.
    - Conditions: attribution 4.0 §3(a), 3.0 §4(b) or (c); share alike 4.0 §3(b), 3.0 §4(b); both apply on
      sharing, not to a copy that is only kept. NC: 4.0 §2(a)(1) "for NonCommercial purposes only", which
      holds for every copy; 3.0 §4(b) or (c).
    - Mining: reproducing and adapting are granted for any purpose by BY and BY-SA. Whether mining is
      non-commercial, or its result an adaptation, is disputed, so NC and ND leave it unknown.
    """
    name = "-".join(("cc", *(e for e in ("by", "nc", "sa", "nd") if e in licence.elements)))
    limits = tuple(
        words
        for element, words in (("nc", NON_COMMERCIAL), ("nd", NO_DERIVATIVES))
        if element in licence.elements
    )
    if act is Act.MINE and limits:
        reason = because("limited", licence=licence.id, conditions=" ".join(limits))
        return Finding(Answer.UNKNOWN, name, reason)
    if act is Act.PRESERVE:
        kept = (NON_COMMERCIAL,) if "nc" in licence.elements else ()
        return Finding(Answer.YES, name, because("licence-keeps", licence=licence.id), kept)
    duties = tuple(
        words for element, words in (("by", ATTRIBUTION), ("sa", SHARE_ALIKE)) if element in licence.elements
    )
    what = "licence-analyses" if act is Act.MINE else "licence-shares"
    return Finding(Answer.YES, name, because(what, licence=licence.id), duties + limits)


def cc_zero(licence: Licence, act: Act) -> Finding:
    """CC0 1.0 §2 (all copyright and related rights are waived), §3 (else an unconditional licence)."""
    return Finding(Answer.YES, "cc0", because("waived", licence=licence.id))


def public_domain_mark(licence: Licence, act: Act) -> Finding:
    """Public Domain Mark 1.0: no licence, but a statement that no known copyright restricts the work.

    It grants nothing; it is evidence of a fact, and as good as whoever applied it. That is why its
    statements keep who asserted them, and why they are of the kind public-domain.
    """
    return Finding(Answer.YES, "pdm", because("marked"))


def gpl_family(licence: Licence, act: Act) -> Finding:
    """GNU GPL, LGPL and AGPL, applied to music as to any work.

    - Copies that are not passed on: GPL-3.0 §2 "make, run and propagate covered works that you do not convey,
      without conditions"; GPL-2.0 §0 and §1.
    - Passing on: GPL-3.0 §4 to §6, GPL-2.0 §1 to §3 (LGPL-2.1 §1 to §4; AGPL-3.0 §4 to §6, §13): with the
      notices, the licence's text, the same terms, and the source, which for a recording is at least the
      master. An access copy is a modified form and goes out under the same terms.
    - Mining: the licences do not speak of it, and whether a model is a work based on the recording is open.
    """
    match act:
        case Act.PRESERVE:
            return Finding(Answer.YES, "gpl", because("licence-keeps", licence=licence.id))
        case Act.STREAM | Act.DISTRIBUTE:
            duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT, SOURCE)
            return Finding(Answer.YES, "gpl", because("gpl-passes-on", licence=licence.id), duties)
        case Act.MINE:
            return Finding(Answer.UNKNOWN, "gpl", because("silent-on-mining", licence=licence.id))


def free_art(licence: Licence, act: Act) -> Finding:
    """Free Art Licence 1.2 and 1.3: §2.1 freedom to copy, §2.2 freedom to distribute and perform.

    §2.2 asks for the licence, the author's name and where the originals are; §2.3 for the same licence on
    what is changed. Mining is not spoken of.
    """
    if act is Act.MINE:
        return Finding(Answer.UNKNOWN, "free-art", because("silent-on-mining", licence=licence.id))
    duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT) if act in PUBLIC else ()
    return Finding(Answer.YES, "free-art", because("free-art", licence=licence.id), duties)


def without_rule(licence: Licence, act: Act) -> Finding:
    """A licence that the SPDX list knows and that nobody has written a rule for yet."""
    return Finding(Answer.UNKNOWN, "no-rule", because("no-rule", licence=licence.id))


RULES: dict[str, Rule] = {
    "cc": creative_commons,
    "cc0": cc_zero,
    "pdm": public_domain_mark,
    "gpl": gpl_family,
    "free-art": free_art,
    "other": without_rule,
}


def of_terms(terms: Terms, act: Act) -> Finding:
    """Terms of several licences (SPDX 3.0.1, Annex B): OR is whichever suits best, AND is all at once."""
    match terms:
        case AnyOf():
            return best(of_terms(option, act) for option in terms.options)
        case AllOf():
            return all_of(of_terms(part, act) for part in terms.parts)
        case Licence():
            return RULES[terms.family](terms, act)


def of_statement(statement: Statement, case: Case) -> Finding:
    """What one statement that speaks for the case's country and day says of its act, by kind and licence."""
    terms = parse_terms(statement.licence) if statement.licence else None
    match statement.kind:
        case Kind.MANDATE:
            return mandate(case.act)
        case Kind.ON_SITE:
            return on_site(case.act)
        case Kind.UNKNOWN:
            return Finding(Answer.UNKNOWN, "status", because("status-only"))
        case Kind.DATES:
            return of_dates(statement, case)
    if statement.licence and terms is None:
        reason = because("unreadable-licence", licence=statement.licence)
        return Finding(Answer.UNKNOWN, "no-rule", reason)
    if statement.kind is Kind.PUBLIC_DOMAIN:
        return public_domain(terms, case.act)
    if terms is not None:
        return of_terms(terms, case.act)
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


def public_domain(terms: Terms | None, act: Act) -> Finding:
    """A person or a machine-readable file states, with evidence, that no right restricts the work.

    Copyright protects for a term (Berne Convention art. 7; Rome Convention art. 14 for phonograms); after it,
    or after a waiver, every act is free. A licence beside the statement contradicts it, except for the two
    tools made for the public domain.
    """
    if isinstance(terms, Licence) and terms.family in ("cc0", "pdm"):
        return RULES[terms.family](terms, act)
    if terms is not None:
        return Finding(Answer.UNKNOWN, "public-domain", because("licensed-and-free"))
    return Finding(Answer.YES, "public-domain", because("declared-free"))
