"""Reading what a public tree reserves from text and data mining: ``.well-known/tdmrep.json`` (W3C TDMRep)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import NotFoundError, VerificationError

PLACE: Final = ".well-known/tdmrep.json"
_MAX_BYTES: Final = 64 * 1024**2
_BAG = re.compile(r"((?:/restricted/[^/*$]+)?/bags/[^/*$]+)/")


@dataclass(slots=True)
class _Rules:
    """Rules and their places in the file; literal ones by what they say, so that not all are compared."""

    literal: dict[str, tuple[int, int]] = field(
        default_factory=dict
    )  # pattern → place in the file, reservation
    patterns: list[tuple[int, str, int]] = field(default_factory=list)

    def add(self, number: int, pattern: str, value: int) -> None:
        if "*" in pattern or "$" in pattern:
            self.patterns.append((number, pattern, value))
        else:
            self.literal.setdefault(pattern, (number, value))

    def matching(self, location: str) -> Iterator[tuple[int, int]]:
        beginnings = (location[:length] for length in range(len(location) + 1))
        yield from (self.literal[text] for text in beginnings if text in self.literal)
        yield from ((number, value) for number, text, value in self.patterns if _matches(text, location))


@dataclass(frozen=True, slots=True)
class MiningRules:
    """The rules of a public tree, those about one bag by the address of its folder."""

    of_bags: dict[str, _Rules] = field(default_factory=lambda: defaultdict(_Rules))
    others: _Rules = field(default_factory=_Rules)

    def reserved(self, bag: str, path: str) -> bool | None:
        """Tell whether the first rule that matches a file reserves it; None when none matches.

        ``bag`` is the bag's folder in the public tree, ``path`` is relative to it.
        """
        home = f"/{quote(bag)}"
        location = f"{home}/{quote(path)}"
        found = list(self.others.matching(location))
        if home in self.of_bags:
            found += self.of_bags[home].matching(location)
        return min(found)[1] == 1 if found else None


def read_mining_rules(origin: Origin) -> MiningRules | None:
    """Return the rules of a public tree, or None if it has none. Raises VerificationError for broken ones."""
    try:
        data = fetch(origin, PLACE, _MAX_BYTES)
    except NotFoundError:
        return None
    try:
        listed = read_json(data)
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{PLACE} is not JSON: {error}") from error
    if not isinstance(listed, list):
        raise VerificationError(f"{PLACE} is not a list of rules")
    rules = MiningRules()
    for number, rule in enumerate(listed):
        pattern, value = _rule(rule, number)
        named = _BAG.match(pattern)
        (rules.of_bags[named[1]] if named else rules.others).add(number, pattern, value)
    return rules


def _rule(rule: Any, number: int) -> tuple[str, int]:
    location = rule.get("location") if isinstance(rule, dict) else None
    value = rule.get("tdm-reservation") if isinstance(rule, dict) else None
    if not isinstance(location, str) or value not in (0, 1) or isinstance(value, bool):
        raise VerificationError(f"{PLACE}: rule {number + 1} lacks a location, or a reservation of 0 or 1")
    return location, value


def _matches(pattern: str, location: str) -> bool:
    """Tell whether a pattern matches as those of robots.txt do (RFC 9309 §2.2.3): from the beginning on."""
    ends = pattern.endswith("$")
    parts = pattern.removesuffix("$").split("*")
    if not location.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        found = location.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    if len(parts) == 1:
        return not ends or at == len(location)
    if ends:
        return len(location) - len(parts[-1]) >= at and location.endswith(parts[-1])
    return location.find(parts[-1], at) >= 0
