"""Masters that were accepted and lie in no bag yet, each under its own hash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def incoming_path(incoming: Path, sha256: str) -> Path:
    """Return where the file with this hash lies while it is in no bag: ``ab/abcd…``."""
    return incoming / sha256[:2] / sha256


def each_incoming(incoming: Path) -> Iterator[Path]:
    """Yield every file under ``incoming``, folder by folder, in order of names."""
    for shelf in sorted(path for path in incoming.iterdir() if path.is_dir()):
        yield from sorted(shelf.iterdir())
