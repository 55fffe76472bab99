"""Rows of what was counted, as charts and tables list them."""

from __future__ import annotations

from typing import Final

from phonotheque.model.rights import Kind
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.voice import Voice

LISTED: Final = 200  # rows of a table on a page; the CSV has all
_DRAWN: Final = 12  # bars; the rest is one bar more


def basis(name: str, voice: Voice) -> str:
    """Return what something may be shared on: the name of a licence, or a kind of basis in words."""
    _ = voice.gettext
    kinds = {
        Kind.PUBLIC_DOMAIN: _("public domain, declared"),
        Kind.DATES: _("public domain, by its dates"),
        Kind.DEPOSIT: _("deposit agreement"),
        Kind.DELIVERY: _("label’s deal"),
        Kind.OWN_WORK: _("own work"),
        Kind.MANDATE: _("mandate to preserve"),
        Kind.ON_SITE: _("on the premises only"),
        Kind.RESERVATION: _("reservation"),
        Kind.WITHDRAWAL: _("withdrawal"),
    }
    known = {str(kind): told for kind, told in kinds.items()}
    return " + ".join(known.get(part, part) for part in name.split(" + "))


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
