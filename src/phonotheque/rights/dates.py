"""The facts that terms of protection are reckoned from: whether they can be true, and how much they say."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from phonotheque.model.rights import NEVER, Covers, Dates
from phonotheque.model.territory import COUNTRIES
from phonotheque.rights.reasons import Reason, because

FIRST_RECORDING = 1853  # Scott de Martinville's phonautograph; nothing older can be heard
LAST_YEAR = 2999  # a later one is a slip of the pen

_READABLE = 10**12

_DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?", re.ASCII)
_FORM = "Write a year, a month or a day: 1932, 1932-05, 1932-05-03."


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a date may mean: one, or all of its month or year, which are then not told apart."""

    first: date
    last: date

    @property
    def year(self) -> int:
        """Return the year, which is always known."""
        return self.first.year


@dataclass(frozen=True, slots=True)
class BadDates:
    """Which field of ``Dates`` cannot be true, why, and what to do about it."""

    field: str
    reason: Reason
    advice: str

    @property
    def what(self) -> str:
        """Return the reason in English."""
        return self.reason.told()


def span(text: str | None) -> Span | None:
    """Return the days that an ISO 8601 date of a year, a month or a day means; None for anything else."""
    found = _DATE.fullmatch(text or "")
    if found is None:
        return None
    year, month, day = (int(found[part]) if found[part] else None for part in ("year", "month", "day"))
    if not year or not (month is None or 1 <= month <= 12):
        return None
    final = month or 12
    length = calendar.monthrange(year, final)[1]
    if not (day is None or 1 <= day <= length):
        return None
    return Span(date(year, month or 1, day or 1), date(year, final, day or length))


def check_dates(dates: Dates, *, covers: Covers = Covers.BOTH, today: date | None = None) -> BadDates | None:
    """Return the first thing in ``dates`` that cannot be true, or None.

    With ``today``, nothing may have happened later.
    """
    return next(_problems(dates, covers, today), None)


def _problems(dates: Dates, covers: Covers, today: date | None) -> Iterator[BadDates]:
    spans: dict[str, Span] = {}
    for field in ("fixed", "communicated", "published"):
        text = getattr(dates, field)
        if not text or (text == NEVER and field != "fixed"):
            continue
        when = span(text)
        if when is None:
            yield BadDates(field, because("impossible-date", text=text[:40]), _FORM)
            continue
        spans[field] = when
        yield from _out_of_time(field, text, when, covers, today)
    yield from _out_of_order(dates, spans)
    if dates.country and dates.country not in COUNTRIES:
        advice = "Write the two letters of ISO 3166-1 for where it was first published, as it is called now."
        yield BadDates("country", because("impossible-country", text=dates.country[:40]), advice)
    yield from _deaths(dates, today)


def _out_of_time(field: str, text: str, when: Span, covers: Covers, today: date | None) -> Iterator[BadDates]:
    if today is not None and when.first > today:
        yield BadDates(field, because("impossible-yet", text=text), "Correct it: it is after today.")
    elif when.year > LAST_YEAR:
        yield BadDates(field, because("impossible-date", text=text), _FORM)
    elif covers is not Covers.COMPOSITION and when.year < FIRST_RECORDING:
        advice = "If it is the composition's date, state it of the composition only."
        yield BadDates(field, because("impossible-recording", text=text), advice)


def _out_of_order(dates: Dates, spans: dict[str, Span]) -> Iterator[BadDates]:
    fixed = spans.get("fixed")
    for field in ("communicated", "published"):
        if fixed and (later := spans.get(field)) and later.last < fixed.first:
            key = f"impossible-{field}"
            reason = because(key, text=getattr(dates, field), fixed=dates.fixed)
            yield BadDates(field, reason, "Correct one of the two.")


def _deaths(dates: Dates, today: date | None) -> Iterator[BadDates]:
    for year in dates.deaths:
        if not 1 <= year <= LAST_YEAR:
            # A number may have more digits than Python writes.
            text = year if abs(year) < _READABLE else "…"
            yield BadDates("deaths", because("impossible-date", text=text), "Write the years, such as 1937.")
        elif today is not None and year > today.year:
            yield BadDates("deaths", because("impossible-yet", text=year), "Correct it: it is after today.")
    if dates.all_deaths and not dates.deaths:
        yield BadDates(
            "all_deaths", because("impossible-deaths"), "Give the years of death, or leave it out."
        )
    if dates.anonymous and dates.deaths:
        yield BadDates("anonymous", because("impossible-anonymous"), "Leave out one of the two.")
