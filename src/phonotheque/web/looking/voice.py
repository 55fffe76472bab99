"""A language to tell figures in: its sentences, and how it writes numbers, sizes, lengths and days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Final

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from phonotheque.web import words
from phonotheque.web.room.languages import locale, translations

_SPACE: Final = "\u00a0"  # does not break


class Voice:
    """One of the languages of the room. In English, numbers are as in the report (web.words)."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = locale(language)
        self._told = translations(language)

    def gettext(self, message: str) -> str:
        """Return a sentence in this language."""
        return self._told.gettext(message)

    def counted(self, one: str, many: str, number: int) -> str:
        """Return a sentence that counts something; its ``%(number)s`` is the number."""
        return self._told.ngettext(one, many, number) % {"number": self.count(number)}

    def count(self, number: float) -> str:
        """Return "1,234"."""
        return format_decimal(number, "#,##0", locale=self._locale)

    def share(self, part: float, whole: float) -> str:
        """Return "47.3 %". Only everything is 100 % and only nothing is 0 %."""
        if not whole:
            return f"0{_SPACE}%"
        percent = 100 * part / whole
        if 0 < percent < 0.1:
            return self.gettext("under %(share)s") % {"share": self._percent(0.1)}
        if 99.9 < percent < 100:
            return self.gettext("over %(share)s") % {"share": self._percent(99.9)}
        return self._percent(percent)

    def size(self, number: float) -> str:
        """Return bytes in decimal units: "1.5 GB", "1,5 Go"."""
        divisor, _ = words.unit(round(number))
        places = "#,##0" if divisor == 1 or number / divisor >= 100 else "#,##0.0"
        return f"{format_decimal(number / divisor, places, locale=self._locale)}{_SPACE}{self.unit(number)}"

    def unit(self, largest: float) -> str:
        """Return the name of the unit in which sizes up to ``largest`` bytes read best (words.unit)."""
        _, name = words.unit(round(largest))
        if self.language == "fr":
            return "octets" if name == "bytes" else name.removesuffix("B") + "o"
        return name

    def hours(self, seconds: float) -> str:
        """Return a length of sound: "12.5 hours", "7 minutes", "40 seconds"."""
        _n = self.counted
        if seconds < 60:
            return _n("%(number)s\u00a0second", "%(number)s\u00a0seconds", round(seconds))
        if seconds < 3600:
            return _n("%(number)s\u00a0minute", "%(number)s\u00a0minutes", round(seconds / 60))
        value = seconds / 3600
        number = format_decimal(value, "#,##0" if value >= 100 else "#,##0.0", locale=self._locale)
        return self.gettext("%(number)s\u00a0hours") % {"number": number}

    def day(self, text: str) -> str:
        """Return "2026-11-21T10:15:00Z", or "2026-11-21", as "21 November 2026"."""
        if self.language == "en":
            return words.date(text)
        return _first(format_date(_moment(text), format="long", locale=self._locale))

    def moment(self, text: str) -> str:
        """Return "21 November 2026, 10:15 UTC"."""
        if self.language == "en":
            return words.moment(_moment(text))
        time = format_time(_moment(text).astimezone(UTC), "HH:mm", locale=self._locale)
        return f"{self.day(text)}, {time}{_SPACE}UTC"

    def _percent(self, percent: float) -> str:
        return f"{format_decimal(percent, '#,##0.#', locale=self._locale)}{_SPACE}%"


@cache
def voice(language: str) -> Voice:
    """Return the voice of one of the languages of the room."""
    return Voice(language)


def _first(day: str) -> str:
    """Return a French day with an ordinal where it is the first of a month: "1er janvier"."""
    return f"1er{day[1:]}" if day.startswith("1 ") else day


def _moment(text: str | date) -> datetime:
    return datetime.fromisoformat(str(text))
