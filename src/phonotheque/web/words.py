"""Numbers, dates and other people's text, as pages show them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# Unicode's control characters (Cc), surrogates (Cs), and those that say in which direction text goes.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = "\u00a0"  # does not break


def count(number: int) -> str:
    """Return "1,234"."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 file" or "1,234 files"."""
    return f"{number:,}{_SPACE}{one if number == 1 else many or one + 's'}"


def share(part: float, whole: float) -> str:
    """Return "47.3 %". Only everything is 100 % and only nothing is 0 %."""
    if not whole:
        return f"0{_SPACE}%"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return f"under{_SPACE}0.1{_SPACE}%"
    if 99.9 < percent < 100:
        return f"over{_SPACE}99.9{_SPACE}%"
    return f"{percent:.1f}".removesuffix(".0") + f"{_SPACE}%"


def unit(largest: float) -> tuple[float, str]:
    """Return the decimal unit in which sizes up to ``largest`` bytes read best, and its bytes."""
    power = 0
    while largest >= 1000 ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    return float(1000**power), _UNITS[power]


def size(number: float) -> str:
    """Return bytes in decimal units, as disks are sold: "1.5 GB"."""
    divisor, name = unit(round(number))
    value = number / divisor
    return f"{value:,.0f}{_SPACE}{name}" if value >= 100 or divisor == 1 else f"{value:.1f}{_SPACE}{name}"


def hours(seconds: float) -> str:
    """Return a length of sound: "12.5 hours", "7 minutes", "40 seconds"."""
    if seconds < 60:
        return counted(round(seconds), "second")
    if seconds < 3600:
        return counted(round(seconds / 60), "minute")
    value = seconds / 3600
    return f"{value:,.0f}{_SPACE}hours" if value >= 100 else f"{value:.1f}{_SPACE}hours"


def date(text: str) -> str:
    """Return "2026-11-21T10:15:00Z" as "21 November 2026". Raises ValueError for what is no ISO 8601."""
    moment = datetime.fromisoformat(text)
    return f"{moment.day}{_SPACE}{_MONTHS[moment.month - 1]}{_SPACE}{moment.year}"


def moment(at: datetime) -> str:
    """Return "21 November 2026, 10:15 UTC"."""
    utc = at.astimezone(UTC)
    return f"{date(utc.isoformat())}, {utc:%H:%M}{_SPACE}UTC"


def shown(text: str | bytes, most: int = 300) -> str:
    """Return somebody else's text without what would steer its display, cut to ``most`` characters.

    Control and direction characters and what is not UTF-8 become "�". Escaping is left to the template.
    """
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    cut = decoded if len(decoded) <= most else decoded[: most - 1] + "…"
    return _STEERING.sub("\ufffd", cut)
