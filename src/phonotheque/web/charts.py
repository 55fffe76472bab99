"""What a plot shows, as values: its data, how to read it, and the table beside it. Nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bars:
    """One number per name, drawn as lying bars in the order given."""

    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bins:
    """Counts over a scale: (from, to, count). ``last`` labels the place where an open bin begins."""

    values: tuple[tuple[float, float, int], ...]
    axis: str
    whole: bool = False  # labels are whole numbers without separators: years
    last: tuple[float, str] | None = None
    least: tuple[float, float] | None = None  # what the scale shows at least
    ticks: tuple[float, ...] = ()  # chosen automatically where empty


@dataclass(frozen=True, slots=True)
class Parts:
    """Counts per row, divided into the same parts, drawn as bars of one length."""

    parts: tuple[str, ...]  # at most three: as many as there are colours
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """A coverage curve: (bytes, share from 0 to 1), and those of its points that first reach a mark."""

    name: str
    points: tuple[tuple[int, float], ...]
    marks: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Up to two coverage curves over one scale of bytes. ``measure`` names what the share is of."""

    tiers: tuple[Tier, ...]
    measure: str


@dataclass(frozen=True, slots=True)
class Line:
    """Numbers that hold from a day (ISO 8601) until the next one that is told."""

    name: str
    points: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Up to three lines over time. ``axis`` names what is counted."""

    lines: tuple[Line, ...]
    axis: str


@dataclass(frozen=True, slots=True)
class Table:
    """The same data in words; numbers are formatted already."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with everything around it. Without ``data`` nothing is drawn, and ``caption`` says why."""

    key: str  # unique in the page: a fragment identifier
    title: str
    caption: str
    data: Bars | Bins | Parts | Curves | Lines | None = None
    alt: str = ""
    table: Table = field(default_factory=lambda: Table((), ()))
