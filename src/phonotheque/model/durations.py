"""Lengths of time as a person writes them: “90s”, “45m”, “2h”, “1h30m”, “30d”, “8w”."""

from __future__ import annotations

import re
from datetime import timedelta

from phonotheque.model.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_PART = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([smhdw])[a-z]*\s*", re.IGNORECASE | re.ASCII)
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """Return how long "2h" or "1h30m" is. Raises UsageError for anything else, and for no time at all."""
    found, rest = 0.0, text
    while match := _PART.match(rest):
        found += float(match[1]) * _UNITS[match[2].lower()]
        rest = rest[match.end() :]
    if rest or not 0 < found <= _LONGEST.total_seconds():
        raise UsageError(
            f"“{text:.40}” is no length of time.", "Write a number and a unit, such as 45m, 2h or 30d."
        )
    return timedelta(seconds=found)


def duration_or_none(text: str) -> timedelta | None:
    """Return the same, and None for an empty text."""
    return parse_duration(text) if text else None
