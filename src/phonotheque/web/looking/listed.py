"""Rows of what was counted, as charts and tables list them."""

from __future__ import annotations

from typing import Final

from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.voice import Voice

LISTED: Final = 200  # rows of a table on a page; the CSV has all
_DRAWN: Final = 12  # bars; the rest is one bar more


def integers(counted: Counted) -> list[tuple[int, ...]]:
    """Return rows that are whole numbers throughout."""
    return [tuple(int(cell or 0) for cell in row) for row in counted.rows]


def named(counted: Counted) -> list[tuple[str, int]]:
    """Return the first two columns, a name and a number."""
    return [(str(row[0]), int(row[1] or 0)) for row in counted.rows]


def grouped(found: list[tuple[str, int]], voice: Voice) -> tuple[tuple[str, int], ...]:
    """Return what is drawn: the first, and one bar for all others."""
    if len(found) <= _DRAWN + 1:
        return tuple(found)
    others = found[_DRAWN:]
    name = voice.gettext("%(number)s others") % {"number": voice.count(len(others))}
    return (*found[:_DRAWN], (name, sum(number for _name, number in others)))


def spoken(found: list[tuple[str, int]], voice: Voice) -> str:
    """Return what is drawn, as a list in words."""
    return ", ".join(f"{name} {voice.count(number)}" for name, number in grouped(found, voice))
