"""Where something holds: a set of countries, named one by one, or all but those named.

As text: ``WORLD``, ``DE FR``, ``WORLD -DE`` (all but Germany), ``EU US``. ``EU`` stands for the Union's
member states, and is written for them wherever all of them are meant. Nowhere is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from phonotheque.model.countries import NAMES

WORLDWIDE = "WORLD"
# Member states since 1 February 2020 (TEU art. 52).
_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_MEMBERS.split())
COUNTRIES = frozenset(line[:2] for line in NAMES.strip().splitlines())  # ISO 3166-1 alpha-2

_FORM = re.compile(r"WORLD(?: -[A-Z]{2})*|[A-Z]{2}(?: [A-Z]{2})*|")

_LONGEST = 1500  # characters; all countries, each left out by name, take a thousand


@dataclass(frozen=True, slots=True)
class Territory:
    """Some countries; with ``all_but``, every place except those. Compared and joined as sets are."""

    codes: frozenset[str] = frozenset()
    all_but: bool = False

    def __post_init__(self) -> None:
        """Take all countries by name for the world, and the world without any of them for nowhere."""
        if self.codes >= COUNTRIES:
            object.__setattr__(self, "codes", frozenset())
            object.__setattr__(self, "all_but", not self.all_but)

    def __contains__(self, country: str) -> bool:
        return (country in self.codes) is not self.all_but

    def __bool__(self) -> bool:
        return self.all_but or bool(self.codes)

    def __and__(self, other: Territory) -> Territory:
        match self.all_but, other.all_but:
            case True, True:
                return Territory(self.codes | other.codes, all_but=True)
            case True, False:
                return Territory(other.codes - self.codes)
            case False, True:
                return Territory(self.codes - other.codes)
            case _:
                return Territory(self.codes & other.codes)

    def __invert__(self) -> Territory:
        return Territory(self.codes, not self.all_but)

    def __or__(self, other: Territory) -> Territory:
        return ~(~self & ~other)

    def __le__(self, other: Territory) -> bool:
        return not self & ~other

    @property
    def worldwide(self) -> bool:
        """Whether no place is left out."""
        return self.all_but and not self.codes

    def __str__(self) -> str:
        named = sorted({"EU"} | (self.codes - EU) if self.codes >= EU else self.codes)
        if self.all_but:
            return " ".join((WORLDWIDE, *(f"-{code}" for code in named)))
        return " ".join(named)


WORLD = Territory(all_but=True)
NOWHERE = Territory()


@lru_cache(maxsize=1024)  # texts come from strangers, too
def parse_territory(text: str) -> Territory:
    """Return what a text means; ValueError says what in it is no country."""
    if len(text) > _LONGEST or not _FORM.fullmatch(text):
        raise ValueError(f"“{text[:100]}” names no territory")
    world, *rest = text.split() or [""]
    codes = [code.lstrip("-") for code in (rest if world == WORLDWIDE else [world, *rest]) if code]
    unknown = [code for code in codes if code != "EU" and code not in COUNTRIES]
    if unknown:
        raise ValueError(f"“{unknown[0]}” is no country")
    return Territory(expanded(codes), all_but=world == WORLDWIDE)


def expanded(codes: Iterable[str]) -> frozenset[str]:
    """Return these countries, with ``EU`` taken apart into its members."""
    return frozenset(each for code in codes for each in (EU if code == "EU" else (code,)))
