"""Walking over frames that follow one another without any index: MPEG audio and ADTS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Damage, Notes, short, stray

_CHUNK: Final = 1 << 20

# Takes the first bytes of a frame; returns its length in bytes and in seconds, (0, 0.0) for no header.
Measure = Callable[[bytes], tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Walk:
    """What lies between two offsets: ``frames`` whole ones, and what is wrong with the rest."""

    frames: int
    seconds: float
    damage: tuple[Damage, ...]


def walk_frames(file: BinaryIO, start: int, end: int, measure: Measure, *, header: int) -> Walk:
    """Step from frame to frame from ``start`` to ``end``; a frame begins with ``header`` bytes.

    What lies between frames is damage. After it a frame counts as one only if another follows, or the end.
    """
    window = _Window(file, end)
    notes = Notes()
    at, frames, seconds = start, 0, 0.0
    while at < end:
        length, lasts = measure(window.take(at, header))
        if not length:
            following = _next_frame(window, at + 1, end, measure, header)
            notes.add(stray(following - at, "frame"), seconds=seconds, byte=at)
            at = following
            continue
        if at + length > end:
            notes.add(short(at + length - end, "last frame"), seconds=seconds, byte=at)
            break
        at += length
        frames += 1
        seconds += lasts
    return Walk(frames, seconds, notes.result())


class _Window:
    """A piece of the file in memory, moved forward as it is asked for."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        self._at = 0
        self._data = b""

    def take(self, at: int, count: int) -> bytes:
        """Return up to ``count`` bytes at ``at``; fewer at the end."""
        if not self._at <= at <= self._at + len(self._data) - count:
            self._file.seek(at)
            self._at, self._data = at, self._file.read(max(0, min(_CHUNK, self._end - at)))
        return self._data[at - self._at : at - self._at + count]


def _next_frame(window: _Window, at: int, end: int, measure: Measure, header: int) -> int:
    """Return where the next frame begins, or ``end``."""
    while at < end:
        piece = window.take(at, min(64 * 1024, end - at))
        found = piece.find(b"\xff")
        if found < 0:
            at += len(piece) or end
            continue
        at += found
        length, _ = measure(window.take(at, header))
        if length and (at + length == end or measure(window.take(at + length, header))[0]):
            return at
        at += 1
    return end
