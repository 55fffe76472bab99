"""Making a mirror's catalogue searchable beside its server: in a process of its own that ends with this one.

When it is made, the room sees it (room.state.Shelf); until then, and where it cannot be made, the room goes
on without a search, and the log says why, once.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from phonotheque.mirrors.searchable import Wanted, is_due, wanted
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive
from phonotheque.web.room.published import Published

_FIRST: Final = 1.0  # seconds after the server began
_LOOK: Final = 30.0  # seconds between looks whether another catalogue is held
_AGAIN: Final = 3600.0  # seconds until what failed is tried again
_END: Final = 10.0  # seconds for the thread to end
_LOG = logging.getLogger("phonotheque.web")


def command_of(mirror: Archive) -> list[str]:
    """Return the command that makes the catalogue of a mirror searchable."""
    return [sys.executable, "-m", "phonotheque.mirrors.searchable", str(mirror.folder)]


class Opening:
    """Sees to it that the catalogue of a mirror is searchable, until the context is left."""

    def __init__(
        self,
        mirror: Archive,
        published: Published,
        *,
        command: Callable[[Archive], Sequence[str]] = command_of,
        first: float = _FIRST,
        look: float = _LOOK,
    ) -> None:
        self._mirror, self._published = mirror, published
        self._command, self._first, self._each = command, first, look
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._failed: tuple[Wanted | None, float] = (None, 0.0)
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="opening the catalogue", daemon=True)

    def __enter__(self) -> Opening:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()  # it ends when its input does
        self._thread.join(_END)

    def _run(self) -> None:
        rest = self._first
        while not self._stop.wait(rest):
            rest = self._each
            try:
                self._look()
            except (PhonothequeError, SQLAlchemyError, OSError) as error:
                self._say(str(error))

    def _look(self) -> None:
        edition = self._published.current()
        if edition is None:
            return
        one = wanted(self._mirror, edition.edition)
        what, until = self._failed
        if not is_due(self._mirror, one) or (one == what and time.monotonic() < until):
            return
        began = time.monotonic()
        if (said := self._made()) is not None:
            self._failed = one, time.monotonic() + _AGAIN
            self._say(said)
        elif not self._stop.is_set() and not is_due(self._mirror, one):
            self._said = ""
            _LOG.info("The catalogue can be searched; that took %.0f s.", time.monotonic() - began)

    def _made(self) -> str | None:
        """Let a process make it; return why it failed, None if it did not, or was told to end."""
        with self._lock:
            if self._stop.is_set():
                return None
            self._process = process = subprocess.Popen(
                self._command(self._mirror),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        assert process.stderr is not None
        said = process.stderr.read().decode("utf-8", "replace")
        code = process.wait()
        with self._lock:
            self._process = None
            process.stderr.close()
            if process.stdin is not None:
                process.stdin.close()
        if code == 0 or self._stop.is_set():
            return None
        lines = said.strip().splitlines() or [f"exit code {code}"]
        return lines[-1] if lines[0].startswith("Traceback") else " ".join(lines)

    def _say(self, why: str) -> None:
        if why != self._said:
            self._said = why
            _LOG.error("The catalogue that is held cannot be searched: %s", why[:1000])
