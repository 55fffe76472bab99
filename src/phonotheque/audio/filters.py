"""A straight chain of FFmpeg filters that takes frames and gives frames."""

from __future__ import annotations

import av
import av.filter
from av.audio.frame import AudioFrame


class FilterChain:
    """Filters applied one after another; built for the format of the first frame it sees."""

    def __init__(self, *filters: tuple[str, str]) -> None:
        self._filters = filters
        self._graph: av.filter.Graph | None = None

    def push(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Put one frame in and return what comes out; None flushes the chain at the end."""
        if self._graph is None:
            if frame is None:
                return []
            self._graph = self._build(frame)
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
