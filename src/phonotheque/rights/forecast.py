"""What changes by itself, and when: an act that becomes allowed as terms end, or ends with an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from phonotheque.model.rights import Act, Statement
from phonotheque.model.territory import WORLD, Territory
from phonotheque.rights.decide import allowed_in
from phonotheque.rights.turning import turning_days


@dataclass(frozen=True, slots=True)
class Change:
    """Where an act becomes allowed from a day on, and where it no longer is."""

    day: date
    gained: Territory
    lost: Territory


def changes(
    statements: Sequence[Statement], act: Act, *, since: date, until: date, within: Territory = WORLD
) -> tuple[Change, ...]:
    """Return what changes in a territory on the days from ``since`` to ``until``, both included, in order.

    Each is compared with the day before it, as if nothing else were ever stated.
    """
    days = [day for day in turning_days(statements) if since <= day <= until]
    if not days:
        return ()
    before = allowed_in(statements, act, on=days[0] - timedelta(days=1)) & within
    found = []
    for day in days:
        after = allowed_in(statements, act, on=day) & within
        if after != before:
            found.append(Change(day, after & ~before, before & ~after))
        before = after
    return tuple(found)
