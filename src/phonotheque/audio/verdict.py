"""What the structure of one container says about the wholeness of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_MAX_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; ``damage`` and ``remarks`` are sentences for people."""

    proven: bool = False  # a checksum over all of the sound is there, and it holds
    damage: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()  # oddities that harm nothing


@dataclass(slots=True)
class Notes:
    """Collects notes, and counts instead when there are too many to read."""

    lines: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, line: str) -> None:
        """Keep ``line`` unless it was said before."""
        if line in self.lines:
            return
        if len(self.lines) < _MAX_NOTES:
            self.lines.append(line)
        else:
            self.more += 1

    def result(self) -> tuple[str, ...]:
        """Return the notes in the order they came."""
        return (*self.lines, f"and {self.more} more like these") if self.more else tuple(self.lines)
