"""What rules say: an answer to a question about a statement, with its reason, and how answers are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from phonotheque.model.rights import Act, Answer, Covers
from phonotheque.rights.reasons import Reason

_RANK = {Answer.YES: 0, Answer.NO: 1, Answer.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked: an act, in one country (ISO 3166-1; empty: one that no statement names), on a day.

    ``work`` is the one of the two works in a track that is asked about.
    """

    act: Act
    country: str
    on: date
    work: Covers = Covers.BOTH


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says."""

    answer: Answer
    rule: str
    reason: Reason
    conditions: tuple[str, ...] = ()


def best(findings: Iterable[Finding]) -> Finding:
    """Return the most permissive finding, and of equal ones that with the fewest conditions."""
    return min(findings, key=lambda finding: (_RANK[finding.answer], len(finding.conditions)))


def all_of(findings: Iterable[Finding]) -> Finding:
    """Return what holds when every finding must hold: the least permissive answer with all conditions."""
    found = list(dict.fromkeys(findings))
    for answer in (Answer.NO, Answer.UNKNOWN):
        if against := next((finding for finding in found if finding.answer is answer), None):
            return against
    if len(found) == 1:
        return found[0]
    conditions = dict.fromkeys(c for finding in found for c in finding.conditions)
    reason = Reason.joined(dict.fromkeys(finding.reason for finding in found))
    rules = " and ".join(dict.fromkeys(finding.rule for finding in found))
    return Finding(Answer.YES, rules, reason, tuple(conditions))
