"""A straight chain of FFmpeg filters that takes frames and gives frames."""

from __future__ import annotations

from typing import Final

import av
import av.error
import av.filter
from av.audio.frame import AudioFrame

# Hz. A forged header may claim 1 Hz or 4 GHz, and a resampler would work for hours or fill the memory.
_LOWEST: Final = 1_000
_HIGHEST: Final = 3_000_000  # DSD512 decodes to 2.8 MHz


class FilterChain:
    """Filters applied one after another; built for the format of the first frame it sees."""

    def __init__(self, *filters: tuple[str, str]) -> None:
        self._filters = filters
        self._graph: av.filter.Graph | None = None
        self.failure: str | None = None  # why FFmpeg cannot build this chain for such sound

    def push(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Put one frame in and return what comes out; None flushes the chain at the end.

        Nothing comes out when the sound is of a kind that the filters cannot take: see ``failure``.
        """
        if self._graph is None:
            if frame is None or self.failure is not None:
                return []
            if not _LOWEST <= frame.sample_rate <= _HIGHEST:
                self.failure = f"a sample rate of {frame.sample_rate:,} Hz is beyond all use"
                return []
            try:
                self._graph = self._build(frame)
            except av.error.FFmpegError as error:
                self.failure = f"{frame.layout.name} at {frame.sample_rate} Hz: {error.strerror}"
                return []
        self._graph.push(frame)
        out: list[AudioFrame] = []
        while True:
            try:
                result = self._graph.pull()
            except (BlockingIOError, EOFError):  # nothing more for now; nothing more at all
                return out
            assert isinstance(result, AudioFrame)
            out.append(result)

    def _build(self, frame: AudioFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name
        )
        chain = [source, *(graph.add(name, args) for name, args in self._filters), graph.add("abuffersink")]
        graph.link_nodes(*chain).configure()
        return graph
