"""What recorded statements allow: pure functions from statements to decisions.

A rule reads one statement in one case (an act, in a territory) and returns a finding with its reason.
`decide` asks the rules for the recording and for the composition, and says yes only if both have a yes.
Rules about terms of protection or about countries are further functions of the same shape.

A statement never takes away what another, independent statement grants: among several that speak for the
same work the most permissive one counts, and of equal ones that with the fewest conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from phonotheque.model.rights import WORLDWIDE, Act, Answer, Covers, Decision, Kind, Statement
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, parse_terms
from phonotheque.rights.licences import Licence

ATTRIBUTION = "attribution"
SHARE_ALIKE = "share-alike"
NON_COMMERCIAL = "non-commercial"
NO_DERIVATIVES = "no-derivatives"
LICENCE_TEXT = "licence-text"
SOURCE = "source"

PUBLIC = (Act.STREAM, Act.DISTRIBUTE)  # acts that put the work before others


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says. ``reason`` is one sentence."""

    answer: Answer
    rule: str
    reason: str
    conditions: tuple[str, ...] = ()


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
        reason = f"{licence.id} is limited ({', '.join(limits)}), and whether that allows mining is disputed."
        return Finding(Answer.UNKNOWN, name, reason)
    if act is Act.PRESERVE:
        kept = (NON_COMMERCIAL,) if "nc" in licence.elements else ()
        return Finding(Answer.YES, name, f"{licence.id} allows copies to be made and kept.", kept)
    duties = tuple(
        words for element, words in (("by", ATTRIBUTION), ("sa", SHARE_ALIKE)) if element in licence.elements
    )
    what = "reproducing and analysing" if act is Act.MINE else "sharing"
    return Finding(Answer.YES, name, f"{licence.id} allows {what} the work.", duties + limits)


def cc_zero(licence: Licence, act: Act) -> Finding:
    """CC0 1.0 §2 (all copyright and related rights are waived), §3 (else an unconditional licence)."""
    return Finding(Answer.YES, "cc0", f"Its owner waived all rights with {licence.id}.")


def public_domain_mark(licence: Licence, act: Act) -> Finding:
    """Public Domain Mark 1.0: no licence, but a statement that no known copyright restricts the work.

    It grants nothing; it is evidence of a fact, and as good as whoever applied it. That is why its
    statements keep who asserted them, and why they are of the kind public-domain.
    """
    reason = "It was marked with the Public Domain Mark as free of known copyright worldwide."
    return Finding(Answer.YES, "pdm", reason)


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
            return Finding(Answer.YES, "gpl", f"{licence.id} allows copies to be made and kept.")
        case Act.STREAM | Act.DISTRIBUTE:
            duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT, SOURCE)
            return Finding(
                Answer.YES, "gpl", f"{licence.id} allows passing the work on under its terms.", duties
            )
        case Act.MINE:
            return Finding(Answer.UNKNOWN, "gpl", f"{licence.id} does not say whether mining is allowed.")


def free_art(licence: Licence, act: Act) -> Finding:
    """Free Art Licence 1.2 and 1.3: §2.1 freedom to copy, §2.2 freedom to distribute and perform.

    §2.2 asks for the licence, the author's name and where the originals are; §2.3 for the same licence on
    what is changed. Mining is not spoken of.
    """
    if act is Act.MINE:
        return Finding(Answer.UNKNOWN, "free-art", f"{licence.id} does not say whether mining is allowed.")
    duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT) if act in PUBLIC else ()
    return Finding(
        Answer.YES, "free-art", f"{licence.id} allows copying, distributing and performing.", duties
    )


def without_rule(licence: Licence, act: Act) -> Finding:
    """A licence that the SPDX list knows and that nobody has written a rule for yet."""
    return Finding(Answer.UNKNOWN, "no-rule", f"No rule is written for {licence.id}.")


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
            return _best(of_terms(option, act) for option in terms.options)
        case AllOf():
            return _all(of_terms(part, act) for part in terms.parts)
        case Licence():
            return RULES[terms.family](terms, act)


def of_statement(statement: Statement, act: Act) -> Finding:
    """What one statement says of an act, by its kind and its licence."""
    terms = parse_terms(statement.licence) if statement.licence else None
    if statement.kind is Kind.MANDATE:
        return mandate(act)
    if statement.licence and terms is None:
        reason = f"The licence “{statement.licence}” is not one that the rules can read."
        return Finding(Answer.UNKNOWN, "no-rule", reason)
    if statement.kind is Kind.PUBLIC_DOMAIN:
        return public_domain(terms, act)
    if terms is not None:
        return of_terms(terms, act)
    return deposit(act) if statement.kind is Kind.DEPOSIT else _no_licence(statement)


def mandate(act: Act) -> Finding:
    """The archive's own duty or permission to preserve (a legal deposit law, an exception for archives such
    as EU 2019/790 art. 6, the owner's request): preservation and never anything else.
    """
    if act is Act.PRESERVE:
        return Finding(Answer.YES, "mandate", "The archive has a mandate to preserve it.")
    return Finding(Answer.UNKNOWN, "mandate", f"A mandate to preserve says nothing of the act {act}.")


def deposit(act: Act) -> Finding:
    """A deposit whose terms are not recorded as a licence: it hands over a copy to be kept, nothing more."""
    if act is Act.PRESERVE:
        return Finding(Answer.YES, "deposit", "It was deposited to be kept.")
    return Finding(Answer.UNKNOWN, "deposit", f"The recorded deposit does not say that one may {act} it.")


def public_domain(terms: Terms | None, act: Act) -> Finding:
    """A person or a machine-readable file states, with evidence, that no right restricts the work.

    Copyright protects for a term (Berne Convention art. 7; Rome Convention art. 14 for phonograms); after it,
    or after a waiver, every act is free. A licence beside the statement contradicts it, except for the two
    tools made for the public domain.
    """
    if isinstance(terms, Licence) and terms.family in ("cc0", "pdm"):
        return RULES[terms.family](terms, act)
    if terms is not None:
        reason = "It is stated to be in the public domain and to be licensed, which cannot both be true."
        return Finding(Answer.UNKNOWN, "public-domain", reason)
    return Finding(Answer.YES, "public-domain", "It is stated, with evidence, to be in the public domain.")


def _no_licence(statement: Statement) -> Finding:
    return Finding(Answer.UNKNOWN, "no-rule", f"A statement of the kind {statement.kind} names no licence.")


# --- from findings to a decision ---

_RANK = {Answer.YES: 0, Answer.NO: 1, Answer.UNKNOWN: 2}


def _rank(finding: Finding) -> tuple[int, int]:
    return _RANK[finding.answer], len(finding.conditions)


def _best(findings: Iterable[Finding]) -> Finding:
    return min(findings, key=_rank)


def _all(findings: Iterable[Finding]) -> Finding:
    """Return what holds when every finding must hold: the least permissive answer with all conditions."""
    found = list(dict.fromkeys(findings))
    for answer in (Answer.NO, Answer.UNKNOWN):
        if against := next((finding for finding in found if finding.answer is answer), None):
            return against
    if len(found) == 1:
        return found[0]
    conditions = dict.fromkeys(c for finding in found for c in finding.conditions)
    reasons = "; ".join(finding.reason.rstrip(".") for finding in found) + "."
    rules = " and ".join(dict.fromkeys(finding.rule for finding in found))
    return Finding(Answer.YES, rules, reasons, tuple(conditions))


def applies(statement: Statement, territory: str) -> bool:
    """Tell whether a statement speaks for a territory: worldwide, or naming it among others."""
    return statement.territory == WORLDWIDE or territory in statement.territory.split()


def _of_work(statements: Sequence[Statement], work: Covers, act: Act) -> tuple[Finding, tuple[str, ...]]:
    """Return the best finding for one of the two works, and the ids of all statements that give it."""
    findings = [(of_statement(s, act), s) for s in statements if s.covers in (work, Covers.BOTH)]
    if not findings:
        reason = f"There is no recorded basis for the {work}."
        return Finding(Answer.UNKNOWN, "no-basis", reason), ()
    best = _best(finding for finding, _ in findings)
    return best, tuple(s.id for finding, s in findings if finding == best and s.id)


def decide(statements: Sequence[Statement], act: Act, *, territory: str = WORLDWIDE) -> Decision:
    """Return what the statements allow for one act in one territory (``WORLD`` or an ISO 3166-1 code)."""
    here = [statement for statement in statements if applies(statement, territory)]
    if not here:
        reason = "There is no recorded basis."
        if statements:
            where = "the whole world" if territory == WORLDWIDE else territory
            reason = f"No recorded basis speaks for {where}."
        return Decision(act, Answer.UNKNOWN, "no-basis", reason, territory=territory)
    (recording, ids), (composition, more) = (
        _of_work(here, work, act) for work in (Covers.RECORDING, Covers.COMPOSITION)
    )
    both = _all((recording, composition))
    return Decision(
        act,
        both.answer,
        both.rule,
        both.reason,
        both.conditions,
        tuple(dict.fromkeys(ids + more)),
        territory,
    )


def decide_all(statements: Sequence[Statement], *, territory: str = WORLDWIDE) -> dict[Act, Decision]:
    """Return the decision for every act."""
    return {act: decide(statements, act, territory=territory) for act in Act}
