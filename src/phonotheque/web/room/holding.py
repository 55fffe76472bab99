"""What is held of the catalogue in use: a table, made from the ledger in the background and made again.

Of many masters it is made by a process of its own (``python -m phonotheque.web.room.holding ARCHIVE``), so
that nobody who is answered meanwhile waits for it.
"""

from __future__ import annotations

import _thread
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from phonotheque.catalogue import held_table, manifest
from phonotheque.catalogue.held_table import HeldTable, Kind
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.ledger.held_terms import HeldTerms, held_terms, ledger_basis
from phonotheque.ledger.schema import files
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive, open_archive

_LOOK: Final = 5.0  # seconds between looks whether the ledger says something else
_LEAST: Final = 20.0  # seconds between the end of one making and the next
_TIMES: Final = 20  # as long as it took, it is not made again
_KEPT: Final = 3  # tables of different snapshots
_FEW: Final = 20_000  # files, of which it takes a moment
_LOG = logging.getLogger("phonotheque.web")


def renew(archive: Archive, snapshot: Snapshot) -> bool:
    """Make a snapshot's table of what is held, unless there is one of what the ledger says; whether it was.

    Raises PhonothequeError when it cannot be made.
    """
    with archive.ledger.connect() as ledger:
        basis = ledger_basis(ledger)
        there = held_table.read(snapshot)
        if there is not None and there.basis == basis:
            return False
        batches = ([(one.sha256, _kind(one)) for one in some] for some in held_terms(ledger))
        held_table.make(snapshot, batches, basis)
    return True


def _kind(held: HeldTerms) -> Kind:
    formats = (held.codec,) if held.codec else ()
    return Kind(held.licences, formats, (held.heard,) if held.heard else ())


class Holding:
    """The tables of what is held, for all threads of a room; which may leave it to another to renew them."""

    def __init__(self, archive: Archive, *, renews: bool = True) -> None:
        self._archive, self._renews = archive, renews
        self._lock = threading.Lock()
        self._tables: dict[str, HeldTable | None] = {}  # by the stamp of their snapshot
        self._due = 0.0
        self._current = ""

    def of(self, snapshot: Snapshot, *, current: bool = True) -> HeldTable | None:
        """Return a snapshot's table, None as long as there is none.

        Of the current one it is made in the background when the ledger has changed. A mirror's ledger does
        not have what its origin holds: there is none.
        """
        if self._archive.is_mirror:
            return None
        with self._lock:
            if snapshot.stamp not in self._tables:
                while len(self._tables) >= _KEPT:
                    del self._tables[next(iter(self._tables))]
                self._tables[snapshot.stamp] = held_table.read(snapshot)
            due = current and (time.monotonic() >= self._due or self._current != snapshot.stamp)
            if due:
                self._due, self._current = float("inf"), snapshot.stamp
            table = self._tables[snapshot.stamp]
        if due:
            thread = threading.Thread(
                target=self._renew, args=(snapshot,), name="noting what is held", daemon=True
            )
            thread.start()
        return table

    def _renew(self, snapshot: Snapshot) -> None:
        began, wait = time.monotonic(), _LOOK
        try:
            made = self._renews and self._renewed(snapshot)
            table = held_table.read(snapshot)  # another process may have made it
            with self._lock:
                self._tables[snapshot.stamp] = table
            if made:
                wait = max(_LEAST, _TIMES * (time.monotonic() - began))
        except (PhonothequeError, SQLAlchemyError, OSError) as error:
            _LOG.error("It is not known what is held: %s", error)
            wait = _LEAST
        finally:
            with self._lock:
                self._due = time.monotonic() + wait

    def _renewed(self, snapshot: Snapshot) -> bool:
        with self._archive.ledger.connect() as ledger:
            few = (ledger.execute(select(func.max(files.c.id))).scalar() or 0) <= _FEW
            there = held_table.read(snapshot)
            if there is not None and there.basis == ledger_basis(ledger):
                return False
        if few:
            return renew(self._archive, snapshot)
        command = [sys.executable, "-m", "phonotheque.web.room.holding", str(self._archive.folder)]
        # it ends when its input does: with this process, however that ends
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
            if process.wait():
                raise PhonothequeError(said[-1] if said else "The process that notes it died.", "")
        return True


def _main(folder: Path) -> None:
    os.nice(10)

    def end_with_input() -> None:
        sys.stdin.read()
        _thread.interrupt_main()

    threading.Thread(target=end_with_input, daemon=True).start()
    archive = open_archive(folder)
    if snapshot := manifest.current(archive.catalogue):
        renew(archive, snapshot)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
