"""How long work tells somebody how far it is. The command line shows bars; tests and workers pass QUIET."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what has been done so far. Totals may grow while the work discovers more."""

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        """Begin a stage, named for a person."""

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        """Add finished files and bytes."""

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        """Raise the stage's totals."""

    def say(self, message: str) -> None:
        """Show one line without breaking a bar."""


class _Quiet:
    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        pass

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def say(self, message: str) -> None:
        pass


QUIET: Progress = _Quiet()
