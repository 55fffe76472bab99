"""What is said of a rule for those who want to know it: its name, what it is about, and examples."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from phonotheque.model.rights import Covers, Kind, Statement


class Group(StrEnum):
    """What rules are about."""

    LICENCES = "licences"
    STATUSES = "statuses"  # rightsstatements.org
    KINDS = "kinds"  # of statements that are no licences
    US = "us"
    EU = "eu"
    NOTHING = "nothing"  # what is said where no rule says more


@dataclass(frozen=True, slots=True)
class Example:
    """A statement to put to the rules, of one work, in a country (ISO 3166-1)."""

    statement: Statement | None  # None: nothing is stated
    work: Covers = Covers.RECORDING
    country: str = "US"


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule: its name, what it is about (English, French), and examples to which it gives the answer."""

    name: str
    group: Group
    title: tuple[str, str]
    examples: tuple[Example, ...]


_ME: Final = "an example"


def stating(kind: Kind, licence: str | None = None, **more: Any) -> Statement:
    """Return a statement to put to the rules."""
    return Statement(kind, licence, _ME, _ME, _ME, **more)
