"""What can be read into the catalogue. Another package adds a source by an entry point of the same group.

    [project.entry-points."phonotheque.sources"]
    discogs = "phonotheque.sources.discogs:SOURCE"

See docs/how-to/write-a-source.md. Every source passes tests/sources/test_source_contract.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from phonotheque.model.errors import UsageError
from phonotheque.sources.gather import Gather

GROUP = "phonotheque.sources"


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records of one file: what a worker reads at a time. It is pickled on its way there.

    ``content`` is the source's own affair: usually the bytes of whole records (``cutting.py``).
    """

    file: Path
    number: int  # of the piece within its file, from 0: the same whenever the file is cut again
    kind: str  # what its records are: "release", "artist", …
    first: int  # number of its first record (or line) in the file, from 1
    content: Any


class Source(Protocol):
    """One kind of thing that can be read. Stateless: it is pickled to workers by reference."""

    @property
    def name(self) -> str:
        """What a person types before the colon, and what its facts name as their source."""

    @property
    def summary(self) -> str:
        """One line for --help: what to give it."""

    def files(self, location: Path) -> list[Path]:
        """Return the files that will be read, in order. Raises NotFoundError or UsageError."""

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut one of these files, streaming. The same file gives the same pieces.

        May raise ``BrokenFileError`` after some pieces: what came before is kept.
        """

    def read(self, piece: Piece, gather: Gather) -> None:
        """Hand all that a piece says to ``gather``. Runs in a worker.

        A record that makes no sense is rejected, by ``gather.reject``, and the rest read on.
        """

    def audio(self, location: Path) -> list[Path]:
        """Return the folders whose audio files belong to this source and are to be taken in as well."""


def sources() -> dict[str, Source]:
    """Return every installed source by its name."""
    return {point.name: point.load() for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def source_named(name: str) -> Source:
    """Return one source. Raises UsageError that lists what there is."""
    for point in entry_points(group=GROUP, name=name):
        source: Source = point.load()
        return source
    known = sorted(point.name for point in entry_points(group=GROUP))
    raise UsageError(f"There is no source “{name}”.", f"The sources are: {', '.join(known)}.")
