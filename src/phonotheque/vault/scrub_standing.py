"""How the scrub stands: how much was read within the period, what is overdue, and when all will be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from phonotheque.ledger.scrubs import all_scrubs, read_between
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.scrub import End, Run
from phonotheque.vault.scrub_units import Unit

_PACE_OVER: Final = timedelta(days=14)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Amount:
    """Units, and their bytes."""

    units: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What was verified when, of all that is held. Everything that is not overdue was read, or came, since.

    ``wrong`` are the units (place, name) that were not right when they were read last. ``a_day`` is how much
    was read a day lately; ``overdue_until`` when, at that pace, nothing is overdue any more; ``covers``
    whether runs like the last one, one a day, read everything within the period (None: it did not show).
    """

    period_days: float
    all: Amount
    verified: Amount  # read to the end within the period
    never: Amount
    overdue: Amount  # neither read nor come within the period
    oldest: str | None  # since when something was not read
    wrong: tuple[tuple[str, str], ...]
    a_day: int
    overdue_until: str | None
    covers: bool | None
    needed_a_day: int  # bytes, to read everything within the period


def standing(
    archive: Archive, units: Sequence[Unit], period: timedelta, at: datetime, run: Run | None = None
) -> Standing:
    """Tell how the scrub of these units stands, after ``run`` if there was one."""
    begin, today = timestamp(at - period), timestamp(at)
    with archive.ledger.connect() as ledger:
        known = all_scrubs(ledger, today)
        read, first = read_between(ledger, timestamp(at - _PACE_OVER), today)
    verified, never, overdue = [], [], []
    wrong, oldest = [], None
    for unit in units:
        scrub = known.get((unit.place, unit.name))
        when = scrub.verified_at if scrub else None
        if scrub and (scrub.wrong or scrub.begun_wrong):
            wrong.append((unit.place, unit.name))
        if when is None:
            never.append(unit)
        since = when or unit.came_by(today)
        if since and (oldest is None or since < oldest):
            oldest = since
        if when is not None and when >= begin:
            verified.append(unit)
        elif since and since < begin:
            overdue.append(unit)
    whole = _amount(units)
    a_day = _pace(read, first, at)
    late = _amount(overdue)
    return Standing(
        period_days=period / _DAY,
        all=whole,
        verified=_amount(verified),
        never=_amount(never),
        overdue=late,
        oldest=oldest,
        wrong=tuple(sorted(wrong)),
        a_day=a_day,
        overdue_until=_when(at, late.bytes, a_day),
        covers=_covers(run, whole.bytes, period),
        needed_a_day=math.ceil(whole.bytes / (period / _DAY)),
    )


def _covers(run: Run | None, size: int, period: timedelta) -> bool | None:
    if run is None or run.ended is End.STOPPED or (run.ended is End.DONE and run.unreachable):
        return None
    if run.ended is End.DONE:
        return True
    return run.bytes * (period / _DAY) >= size


def _amount(units: Sequence[Unit]) -> Amount:
    return Amount(len(units), sum(unit.bytes for unit in units))


def _pace(read: int, first: str | None, at: datetime) -> int:
    """Return the bytes read a day, over the days since the first of these checks, that day counted."""
    if first is None:
        return 0
    began = datetime.strptime(first, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return read // max(1, (at.date() - began.date()).days + 1)


def _when(at: datetime, left: int, a_day: int) -> str | None:
    if not left or not a_day:
        return None
    return (at + timedelta(days=left / a_day)).date().isoformat()
