"""tdmrep.json, the W3C's TDM Reservation Protocol (final report of 2 February 2024, §6.2), kept small.

A rule holds for every address that begins with its ``location`` (for exactly it, if that ends in ``$``), and
the first rule that matches counts. Rules for what lies deeper come first: a reader that takes the longest
match, as those of robots.txt do (RFC 9309 §2.2.2), comes to the same answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import quote

MAX_RULES: Final = 20_000  # some 2 MB

Value = bool | None  # reserved, free, or nothing declared
_VALUES: Final[tuple[Value, ...]] = (True, False, None)


@dataclass(slots=True)
class _Node:
    """A folder or a file: how many rules it takes for each value that it may inherit, and its own, if any."""

    value: Value = None
    below: dict[str, _Node] = field(default_factory=dict)
    costs: dict[Value, float] = field(default_factory=dict)
    own: dict[Value, Value] = field(default_factory=dict)  # what it declares itself, if not what it inherits


@dataclass(slots=True)
class Rules:
    """The rules of a site, gathered bag by bag. ``otherwise`` is what holds for all that no rule names."""

    otherwise: Value
    policy: str = ""
    open: tuple[str, ...] = ()  # places of the archive's own that are free although all else is not
    found: list[dict[str, Any]] = field(default_factory=list)
    simplified: int = 0  # free files that are declared as reserved, for want of room

    def add_bag(self, folder: str, declared: Iterable[tuple[str, Value]]) -> bool:
        """Add what it takes to say for each path of a bag what is declared of it; return whether it is said.

        ``folder`` is the bag's, relative to the public tree.

        Where that takes more rules than there is room for, the whole bag is reserved: never the other way.
        """
        root = _Node()
        free = 0
        for path, value in declared:
            node = root
            for name in path.split("/"):
                node = node.below.setdefault(name, _Node())
            node.value = value
            free += value is False
        if not root.below:
            return True
        _reckon(root)
        if root.costs[self.otherwise] <= max(MAX_RULES - len(self.found), 1):
            self.found += [self._rule(*each) for each in _rules(root, f"/{quote(folder)}/", self.otherwise)]
            return True
        self.simplified += free
        if self.otherwise is not True:
            self.found.append(self._rule(f"/{quote(folder)}/", True))
        return False

    def written(self) -> bytes:
        """Return the file's content."""
        last = [self._rule(place, False) for place in self.open]
        last += [] if self.otherwise is None else [self._rule("/", self.otherwise)]
        return json.dumps([*self.found, *last], ensure_ascii=False, indent=1).encode() + b"\n"

    def _rule(self, location: str, reserved: bool) -> dict[str, Any]:
        rule: dict[str, Any] = {"location": location, "tdm-reservation": int(reserved)}
        return rule | ({"tdm-policy": self.policy} if reserved and self.policy else {})


def _reckon(node: _Node) -> None:
    """Find the fewest rules for a node and all below it, for each value that it may inherit."""
    for child in node.below.values():
        _reckon(child)
    alone: Mapping[Value, float]
    if node.below:
        alone = {value: sum(child.costs[value] for child in node.below.values()) for value in _VALUES}
    else:
        alone = {value: 0 if value is node.value else math.inf for value in _VALUES}
    for inherited in _VALUES:
        node.costs[inherited], node.own[inherited] = alone[inherited], inherited
        for other in (True, False):  # there is no rule that takes a declaration away
            if other is inherited:
                continue
            # Of equally many rules the one for the larger folder, if it holds for all that is in it.
            if (alone[other] + 1, alone[other]) < (node.costs[inherited], 1):
                node.costs[inherited], node.own[inherited] = alone[other] + 1, other


def _rules(node: _Node, location: str, inherited: Value) -> Iterator[tuple[str, bool]]:
    own = node.own[inherited]
    names = sorted(node.below)
    for name, after in zip_longest(names, names[1:], fillvalue=""):
        child = node.below[name]
        end = "/" if child.below else "$" if after.startswith(name) else ""
        # Quoting leaves neither * nor $, which mean something in a location.
        yield from _rules(child, location + quote(name, safe="") + end, own)
    if own is not inherited:
        assert own is not None
        yield location, own
