"""What is told of a simulated run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MANY: Final = 3  # copies from which a bag counts as safe


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stand on a day: copies at mirrors per bag, whole and right ones.

    ``few`` counts bags with fewer than three; ``unreachable`` those that nobody who is there has whole;
    ``lost`` those that nobody has at all.
    """

    day: float
    mirrors: int
    least: int
    first_hundredth: int
    median: int
    mean: float
    few: int
    unreachable: int
    lost: int
    fetched: float
    fetched_again: float


@dataclass(slots=True)
class Outcome:
    """What came of one run. Bytes, days; ``covered``: the day on which each bag first had 1, 2, 3 copies."""

    samples: list[Sample] = field(default_factory=list)
    lost: int = 0
    first_lost: float | None = None
    copies: list[int] = field(default_factory=list)  # bags at the end with 0, 1, 2, … copies
    covered: list[float | None] = field(default_factory=lambda: [None] * MANY)
    unreachable_days: float = 0.0  # summed over bags, while there was no publisher to ask
    mirror_days: float = 0.0
    fetched: float = 0.0  # by mirrors for the first time
    fetched_again: float = 0.0  # after a disk failed
    mended: float = 0.0  # wrong places
    sent: float = 0.0  # by mirrors
    published: float = 0.0  # by the publisher
    failures: int = 0
    departures: int = 0
    rotted: int = 0
