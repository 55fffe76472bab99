"""Narrowing recordings down by facets, and counting what each facet would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from phonotheque.catalogue import facets
from phonotheque.catalogue.held_table import HeldTable, Kind
from phonotheque.model.territory import WORLDWIDE, parse_territory

HOLDING: Final = ("held", "heard", "known")  # a master is held; it may be heard here; none is held
GROUPS: Final = ("holding", "licence", "format", "year", "country", "source")
_YEARS: Final = 10_000
_COUNTRIES: Final = 677

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What recordings are narrowed down to: a value of each group, "" for any.

    ``year`` is a year ("1967") or a decade ("1960s").
    """

    holding: str = ""
    licence: str = ""
    format: str = ""
    year: str = ""
    country: str = ""
    source: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, group) for group in GROUPS)

    @property
    def of_held(self) -> bool:
        """Whether something is chosen that only the table of what is held can tell."""
        return bool(self.holding or self.licence or self.format)


ANY: Final = Chosen()


@dataclass(frozen=True, slots=True)
class Tables:
    """What a catalogue's recordings are narrowed down by; without ``held`` nobody noted what is held.

    ``country`` is where who asks is, "" if it is not known.
    """

    rows: facets.Rows
    sources: tuple[str, ...]
    held: HeldTable | None = None
    country: str = ""


@dataclass(slots=True)
class Counts:
    """Numbers of recordings by group and value. In each, what is chosen in all other groups holds."""

    groups: dict[str, Counter[str]] = field(default_factory=lambda: {group: Counter() for group in GROUPS})

    def __getitem__(self, group: str) -> Counter[str]:
        return self.groups[group]


class Sieve:
    """Lets through the recordings that are as chosen. Counts what it is given with ``count``."""

    def __init__(self, tables: Tables, chosen: Chosen) -> None:
        self._tables = tables
        self._chosen = chosen
        kinds = tables.held.kinds if tables.held else ()
        self._kinds = (None, *kinds)
        self._tests: dict[str, Callable[[facets.Rows, Integers], Mask]] = {}
        for group in ("holding", "licence", "format"):
            if value := getattr(chosen, group):
                self._tests[group] = self._of_kinds(group, value)
        if chosen.year:
            first, last = years(chosen.year)
            known = max(first, 1)  # 0 is no year
            self._tests["year"] = lambda rows, _: (rows["year"] >= known) & (rows["year"] <= last)
        if chosen.country:
            code = facets.country_code(chosen.country) or _COUNTRIES
            self._tests["country"] = lambda rows, _: rows["country"] == code
        if chosen.source:
            bit = 1 << tables.sources.index(chosen.source) if chosen.source in tables.sources else 0
            self._tests["source"] = lambda rows, _: (rows["sources"] & bit) != 0
        self.hopeless = self._is_hopeless(chosen)
        self._years = np.zeros(_YEARS, np.int64)
        self._countries = np.zeros(_COUNTRIES, np.int64)
        self._bits = np.zeros(1 << len(tables.sources), np.int64)
        self._of_kind = {group: np.zeros(len(self._kinds), np.int64) for group in GROUPS[:3]}

    def _is_hopeless(self, chosen: Chosen) -> bool:
        """Whether nothing can be as chosen: no recording has to be looked at for that."""
        if chosen.source and chosen.source not in self._tables.sources:
            return True
        values = ((group, getattr(chosen, group)) for group in ("holding", "licence", "format"))
        return any(
            value and not any(value in self._values(group, kind) for kind in self._kinds)
            for group, value in values
        )

    def passing(self, keys: Integers) -> Integers:
        """Return those of the recordings that are as chosen, in the order given."""
        if not self._tests:
            return keys
        rows, kinds = self._looked_up(keys)
        return keys[np.logical_and.reduce([test(rows, kinds) for test in self._tests.values()])]

    def count(self, keys: Integers) -> Integers:
        """Return the same as ``passing``, and count these recordings."""
        rows, kinds = self._looked_up(keys)
        masks = {group: test(rows, kinds) for group, test in self._tests.items()}

        def but(group: str) -> Mask | slice:
            others = [mask for other, mask in masks.items() if other != group]
            return np.logical_and.reduce(others) if others else slice(None)

        self._years += np.bincount(np.minimum(rows["year"][but("year")], _YEARS - 1), minlength=_YEARS)
        self._countries += np.bincount(rows["country"][but("country")], minlength=_COUNTRIES)[:_COUNTRIES]
        bits = len(self._bits)
        self._bits += np.bincount(rows["sources"][but("source")] & (bits - 1), minlength=bits)
        if self._tables.held:
            for group, counted in self._of_kind.items():
                counted += np.bincount(kinds[but(group)], minlength=len(counted))[: len(counted)]
        return keys[np.logical_and.reduce(list(masks.values()))] if masks else keys

    def counts(self) -> Counts:
        """Return what was counted so far."""
        told = Counts()
        told["year"].update(_nonzero(self._years, lambda year: str(year)))
        told["country"].update(_nonzero(self._countries, facets.country_name))
        for bits in np.flatnonzero(self._bits).tolist():
            for place, source in enumerate(self._tables.sources):
                if bits >> place & 1:
                    told["source"][source] += int(self._bits[bits])
        for group, counted in self._of_kind.items():
            for number in np.flatnonzero(counted).tolist():
                for value in self._values(group, self._kinds[number]):
                    told[group][value] += int(counted[number])
        return told

    def _looked_up(self, keys: Integers) -> tuple[facets.Rows, Integers]:
        held = self._tables.held
        kinds = held.numbers(keys) if held else np.zeros(len(keys), np.int64)
        return self._tables.rows.take(keys), kinds  # a tenth of what rows[keys] costs

    def _of_kinds(self, group: str, value: str) -> Callable[[facets.Rows, Integers], Mask]:
        fits = np.array([value in self._values(group, kind) for kind in self._kinds])
        return lambda _, kinds: fits[kinds]

    def _values(self, group: str, kind: Kind | None) -> tuple[str, ...]:
        if group == "holding":
            if kind is None:
                return ("known",)
            return ("held", "heard") if _is_heard(kind, self._tables.country) else ("held",)
        if kind is None:
            return ()
        return kind.licences if group == "licence" else kind.formats


def standings(tables: Tables, keys: Sequence[int]) -> tuple[str, ...]:
    """Return "held" for recordings that are, "heard" if they also may be by who asks, else ""."""
    if tables.held is None:
        return ("",) * len(keys)
    numbers = tables.held.numbers(np.array(keys, np.int64)).tolist()
    kinds = [tables.held.kinds[number - 1] if number else None for number in numbers]
    return tuple(
        "" if kind is None else "heard" if _is_heard(kind, tables.country) else "held" for kind in kinds
    )


def _is_heard(kind: Kind, country: str) -> bool:
    return any(heard_in(territory, country) for territory in kind.heard)


def heard_in(territory: str, country: str) -> bool:
    """Whether a territory is where somebody is; who is nowhere known may have what is for the whole world."""
    return territory == WORLDWIDE or (bool(country) and country in parse_territory(territory))


def years(text: str) -> tuple[int, int]:
    """Return the first and last year of a year or a decade: "1967", "1960s". ValueError for other texts."""
    decade = text.endswith("s")
    digits = text.removesuffix("s")
    if len(digits) != 4 or not (digits.isascii() and digits.isdigit()) or (decade and digits[3] != "0"):
        raise ValueError(f"“{text[:20]}” is no year")
    return int(digits), int(digits) + (9 if decade else 0)


def _nonzero(counted: Integers, name: Callable[[int], str]) -> Mapping[str, int]:
    return {name(number): int(counted[number]) for number in np.flatnonzero(counted).tolist() if number}
