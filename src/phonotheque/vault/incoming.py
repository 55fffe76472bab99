"""Masters that were accepted and lie in no bag yet, each under its own hash."""

from __future__ import annotations

from pathlib import Path

SHELVES = tuple(f"{number:02x}" for number in range(256))


def incoming_path(incoming: Path, sha256: str) -> Path:
    """Return where the file with this hash lies while it is in no bag: ``ab/abcd…``."""
    return incoming / sha256[:2] / sha256
