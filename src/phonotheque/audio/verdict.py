"""What a check says about the wholeness of a file: what is wrong, and where, as far as that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_MAX_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong. ``str()`` of it is a sentence for a person that begins with the place."""

    what: str
    seconds: float | None = None  # into the sound
    byte: int | None = None  # offset in the file
    near: bool = False  # ``seconds`` is where the decoder stood: the damage lies there or just before

    def __str__(self) -> str:
        """Return “at 1:23.4 (byte 5,678): what is wrong” with the parts that are known."""
        if self.seconds is None:
            return self.what if self.byte is None else f"at byte {self.byte:,}: {self.what}"
        where = f"{'near' if self.near else 'at'} {clock(self.seconds)}"
        return f"{where}: {self.what}" if self.byte is None else f"{where} (byte {self.byte:,}): {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the structure of one container tells; ``remarks`` are oddities that harm nothing."""

    proven: bool = False  # a checksum over all of the sound is there, and it holds
    damage: tuple[Damage, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Notes:
    """Collects damage, and counts instead when there is too much to read."""

    found: list[Damage] = field(default_factory=list)
    more: int = 0

    def add(self, what: str, *, seconds: float | None = None, byte: int | None = None) -> None:
        """Keep this unless there is too much already."""
        if len(self.found) < _MAX_NOTES:
            self.found.append(Damage(what, seconds, byte))
        else:
            self.more += 1

    def result(self) -> tuple[Damage, ...]:
        """Return what was found in the order in which it came."""
        if not self.more:
            return tuple(self.found)
        return (*self.found, Damage(f"and {self.more:,} more places like these"))


def clock(seconds: float) -> str:
    """Return a place in the sound as people write it: 0:07.5, 61:00.0 as 1:01:00.0."""
    tenths = int(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def short(count: int, what: str) -> str:
    """Say that the file ends ``count`` bytes before something in it does."""
    return f"the file ends {_amount(count)} before its {what} should"


def stray(count: int, what: str) -> str:
    """Say that ``count`` bytes belong to nothing that should be there."""
    return f"{_amount(count)} belonging to no {what}"


def _amount(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"
