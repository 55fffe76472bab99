"""When a mirror may transfer, and how much: limits that change with the hour and the day of the week.

    23:00-07:00                                   at night only
    mon-fri 08:00-18:00 up 500kB down 1MB; always     less in office hours

Rules are separated by ``;``. Each has days, hours, both or ``always``, and then what holds: nothing (the
usual limits), ``pause``, or other limits (``up SIZE``, ``down SIZE``, ``connections NUMBER``; sizes are bytes
a second, 0 for no limit). The first rule that holds counts. When none does, transfers pause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from phonotheque.model.errors import UsageError
from phonotheque.model.sizes import parse_size

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_HOURS = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")
_WEEK = range(7)


@dataclass(frozen=True, slots=True)
class Limits:
    """What transfers may take: bytes a second (0 for no limit) and open connections."""

    upload: int = 0
    download: int = 0
    connections: int = 200
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits for some days (Monday is 0), from minute ``begin`` to ``end`` of them; None: the usual one.

    Hours that end where they begin, or before, go on into the next day.
    """

    days: frozenset[int] = frozenset(_WEEK)
    begin: int = 0
    end: int = _DAY
    paused: bool = False
    upload: int | None = None
    download: int | None = None
    connections: int | None = None

    def holds(self, moment: datetime) -> bool:
        """Tell whether the rule holds at a moment of its place's own time."""
        day, minute = moment.weekday(), moment.hour * 60 + moment.minute
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or (
            (day - 1) % 7 in self.days and minute < self.end
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rules in their order; none: the usual limits hold at all times."""

    rules: tuple[Rule, ...] = ()

    def limits(self, moment: datetime, usual: Limits) -> Limits:
        """Return what holds at a moment of the mirror's own time."""
        if not self.rules:
            return usual
        rule = next((rule for rule in self.rules if rule.holds(moment)), None)
        if rule is None or rule.paused:
            return replace(usual, paused=True)
        return Limits(
            usual.upload if rule.upload is None else rule.upload,
            usual.download if rule.download is None else rule.download,
            usual.connections if rule.connections is None else rule.connections,
        )

    def resumes(self, moment: datetime, usual: Limits) -> datetime | None:
        """Return when transfers go on, to the minute, if they pause now; None if never within a week."""
        here = moment.replace(second=0, microsecond=0)
        for _ in range(7 * _DAY + 1):
            if not self.limits(here, usual).paused:
                return here
            here += timedelta(minutes=1)
        return None


def parse_schedule(text: str) -> Schedule:
    """Read rules. Raises UsageError naming the one that is not understood."""
    return Schedule(tuple(_rule(part.strip()) for part in text.split(";") if part.strip()))


def _rule(text: str) -> Rule:
    words = text.lower().split()
    rule, when = Rule(), 0
    if words and (days := _days(words[0])):
        rule, when = replace(rule, days=days), when + 1
    if len(words) > when and (match := _HOURS.fullmatch(words[when])):
        begin, end = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
        if max(begin, end) > _DAY:
            raise _wrong(text)
        rule, when = replace(rule, begin=begin % _DAY, end=end), when + 1
    elif when == 0 and words[:1] == ["always"]:
        when = 1
    if when == 0:
        raise _wrong(text)
    if words[when:] == ["pause"]:
        return replace(rule, paused=True)
    return _limited(rule, words[when:], text)


def _limited(rule: Rule, words: list[str], text: str) -> Rule:
    names = {"up": "upload", "down": "download", "connections": "connections"}
    found: dict[str, int] = {}
    for name, value in zip(words[::2], [*words[1::2], ""], strict=False):
        if name not in names or names[name] in found or not value:
            raise _wrong(text)
        found[names[name]] = parse_size(value)
    if found.get("connections") == 0:
        raise _wrong(text)
    return replace(
        rule,
        upload=found.get("upload"),
        download=found.get("download"),
        connections=found.get("connections"),
    )


def _days(word: str) -> frozenset[int]:
    """Return the days of “mon-fri” or “sat,sun”; none if the word is something else."""
    found: set[int] = set()
    for part in word.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            return frozenset()
        begin = _DAYS.index(first)
        count = (_DAYS.index(last) - begin) % 7 if dash else 0
        found |= {(begin + step) % 7 for step in range(count + 1)}
    return frozenset(found)


def _wrong(text: str) -> UsageError:
    return UsageError(
        f"“{text[:100]}” is no rule of a schedule.",
        "Write days, hours and limits, such as: 23:00-07:00; sat,sun; always up 500kB down 1MB",
    )
