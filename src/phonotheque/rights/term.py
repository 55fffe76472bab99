"""When a term of protection ends: a value that the rules of each law return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from phonotheque.model.rights import Dates
from phonotheque.rights.reasons import Reason, because


@dataclass(frozen=True, slots=True)
class Term:
    """What one law says of one work.

    ``free_from`` is the first day on which it is free, None if a fact is missing that the law needs;
    ``reason`` is what the term is reckoned from, or that fact. With ``latest``, the work may be free before
    that day: not everything is known that could shorten its term.
    """

    rule: str
    free_from: date | None
    reason: Reason
    latest: bool = False


Law = Callable[[Dates], Term]  # of the recordings, or of the compositions, of a country


def new_year(year: int) -> date:
    """Return the first of January: terms of years end with the year before (17 USC 305, 2006/116 art. 8)."""
    return date(year, 1, 1)


def missing(rule: str, fact: str) -> Term:
    """Return that a fact is not recorded; ``fact`` ends the key of a sentence in rights/wording.py."""
    return Term(rule, None, because(f"missing-{fact}"))


def later(one: Term, other: Term) -> Term:
    """Return the term that ends later, where either may be the right one."""
    if one.free_from is None or other.free_from is None:
        return one if one.free_from is None else other
    return replace(one if one.free_from >= other.free_from else other, latest=True)
