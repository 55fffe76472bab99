"""How far taking in a source is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece
from tests.sources.songs import Songs, put, song
from tests.sources.test_importing import take_in


class Lists(Songs):
    """Its pieces are lists of lines."""

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        for piece in super().pieces(location, file):
            yield replace(piece, content=piece.content.splitlines(keepends=True))

    def read(self, piece: Piece, gather: Gather) -> None:
        super().read(replace(piece, content=b"".join(piece.content)), gather)


@dataclass
class Counting:
    """Counts the bytes of each stage."""

    sizes: Counter[str] = field(default_factory=Counter)
    stage: str = ""

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        self.stage = what

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        self.sizes[self.stage] += size

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        raise NotImplementedError

    def say(self, message: str) -> None:
        raise NotImplementedError


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("source", [Songs(), Lists()], ids=["bytes", "something else"])
def test_the_bytes_of_a_file_count_once(catalogue: Path, songs: Path, source: Songs) -> None:
    sizes = [put(songs, *map(song, name * 9), name=f"{name}.jsonl").stat().st_size for name in "ab"]
    progress = Counting()
    take_in(catalogue, songs, source, progress=progress)
    assert progress.sizes["Reading songs"] == progress.sizes["Hashing"] == sum(sizes)
