"""Integrated loudness after ITU-R BS.1770-4 and EBU R 128, measured by FFmpeg's ebur128 filter."""

from __future__ import annotations

from typing import Final

from av.audio.frame import AudioFrame

from phonotheque.audio.filters import FilterChain
from phonotheque.audio.samples import Samples

_ABSOLUTE_GATE: Final = -70.0  # LUFS: blocks below count as silence, BS.1770-4 annex 1


class LoudnessMeter:
    """A consumer of decoded sound that knows its integrated loudness at the end."""

    def __init__(self) -> None:
        self._chain = FilterChain(("ebur128", "metadata=1:peak=none"))
        self._last: float | None = None

    @property
    def failure(self) -> str | None:
        """Why there is no result although there is sound, or None."""
        return self._chain.failure

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch."""
        self._note(self._chain.push(frame))

    def result(self) -> float | None:
        """Return LUFS, to 0.001; None when all is silent or there are less than the 0.4 s of one block."""
        self._note(self._chain.push(None))
        return self._last if self._last is not None and self._last > _ABSOLUTE_GATE else None

    def _note(self, frames: list[AudioFrame]) -> None:
        # The filter writes the running value on the frames it gives back; the last value holds for all.
        for frame in reversed(frames):
            if (value := frame.metadata.get("lavfi.r128.I")) is not None:
                self._last = float(value)
                return
