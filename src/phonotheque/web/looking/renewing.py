"""Keeping figures fresh beside a server: in a process of its own, at the lowest priority, with long rests."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final

from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive, now
from phonotheque.web.looking.kept import Looking
from phonotheque.web.looking.making import is_due

_FIRST: Final = 5.0  # seconds after the server began
_LOOK: Final = 60.0  # seconds between looks whether figures are to be renewed
_REST: Final = 4  # times as long as it took is rested after it
_FAILED: Final = 3600.0  # seconds until it is tried again
_END: Final = 10.0  # seconds for the process to end when it is told to
_LOG = logging.getLogger("phonotheque.web")


def command_of(archive: Archive) -> list[str]:
    """Return the command that renews the figures of an archive."""
    return [sys.executable, "-m", "phonotheque.web.looking", str(archive.folder)]


class Renewer:
    """Renews the figures of an archive when they are due, until the context is left."""

    def __init__(
        self,
        archive: Archive,
        *,
        command: Callable[[Archive], Sequence[str]] = command_of,
        first: float = _FIRST,
    ) -> None:
        self._archive = archive
        self._looking = Looking(archive)
        self._command = command
        self._first = first
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="renewing figures", daemon=True)

    def __enter__(self) -> Renewer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()  # what was kept before stays as it is
        self._thread.join(_END)

    def _run(self) -> None:
        rest = self._first
        while not self._stop.wait(rest):
            rest = max(_LOOK, self._renew())

    def _renew(self) -> float:
        """Renew figures that are due; return for how many seconds to rest."""
        began = time.monotonic()
        try:
            if not is_due(self._archive, self._looking.kept(), now()):
                return 0.0
            said = self._done()
        except (PhonothequeError, OSError) as error:
            said = str(error)
        if said is None:
            return _REST * (time.monotonic() - began)
        _LOG.error("Figures could not be renewed; pages show those from before: %s", said)
        return _FAILED

    def _done(self) -> str | None:
        """Let a process renew them; return why it failed, None if it did not, or was told to end."""
        with self._lock:
            if self._stop.is_set():
                return None
            self._process = subprocess.Popen(
                self._command(self._archive),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        _out, said = self._process.communicate()
        with self._lock:
            code, self._process = self._process.returncode, None
        if code == 0 or self._stop.is_set():
            return None
        lines = said.decode("utf-8", "replace").strip().splitlines() or [f"exit code {code}"]
        return lines[-1][:500]
