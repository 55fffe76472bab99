"""Which of several copies of one recording is the best: the one order that plans and people are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from phonotheque.model.audio import Integrity

Quality = tuple[bool, bool, int, bool, int, int]


def quality(copy: Any) -> Quality:
    """Return what copies of one recording are ordered by, the best last; all of it fits 64 bits.

    ``copy`` is a row of the ledger's files, or anything with its ``id``, ``size``, ``duration``,
    ``integrity``, ``lossless``, ``bit_rate``, ``sample_rate``, ``channels`` and ``bits_per_sample``. One by
    one: whole before damaged; lossless before lossy; the finer, by the bits of a second of the samples,
    or of a lossy stream; shown by a checksum to be whole before what only decodes; of lossless ones the
    longer by half a second, then the smaller file, of lossy ones the larger; what was taken in first. A
    generation cannot be read from the sound, but each encoding loses: what has fewer bits is taken for the
    later one.
    """
    lossless = bool(copy.lossless)
    size = copy.size or 0
    return (
        copy.integrity != Integrity.DAMAGED,
        lossless,
        _samples(copy) if lossless else copy.bit_rate or 0,
        copy.integrity == Integrity.INTACT,
        (_half_seconds(copy) << 40) - size if lossless else size,
        -(copy.id or 0),
    )


def why_better(best: Any, other: Any) -> str:
    """Return in a few words why ``quality`` puts one copy before another; "" if nothing tells them apart."""
    a, b = quality(best), quality(other)
    found = next((at for at, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), None)
    return "" if found is None else _REASONS[found](best, other)


def _samples(copy: Any) -> int:
    return (copy.sample_rate or 0) * (copy.channels or 0) * (copy.bits_per_sample or 0)


def _half_seconds(copy: Any) -> int:
    return min(round(2 * (copy.duration or 0)), (1 << 22) - 1)


def _size(best: Any, other: Any) -> str:
    if not best.lossless:
        return "larger"
    return "longer" if _half_seconds(best) != _half_seconds(other) else "smaller, and as fine"


_REASONS: Final[tuple[Callable[[Any, Any], str], ...]] = (
    lambda *_: "whole, not damaged",
    lambda *_: "lossless",
    lambda best, _: "finer" if best.lossless else "of more bits a second",
    lambda *_: "shown to be whole by a checksum",
    _size,
    lambda *_: "what was taken in first",
)
