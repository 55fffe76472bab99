"""What is held of the catalogue in use: a table, made from the ledger in the background and made again."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from phonotheque.catalogue import held_table
from phonotheque.catalogue.held_table import HeldTable, Kind
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.ledger.held_terms import HeldTerms, held_terms, ledger_basis
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive

_LOOK: Final = 5.0  # seconds between looks whether the ledger says something else
_LEAST: Final = 20.0  # seconds between the end of one making and the next
_TIMES: Final = 20  # as long as it took, it is not made again
_KEPT: Final = 3  # tables of different snapshots
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
    """The tables of what is held, for all threads of a room."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
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
            if renew(self._archive, snapshot):
                table = held_table.read(snapshot)
                with self._lock:
                    self._tables[snapshot.stamp] = table
                wait = max(_LEAST, _TIMES * (time.monotonic() - began))
        except (PhonothequeError, SQLAlchemyError, OSError) as error:
            _LOG.error("It is not known what is held: %s", error)
            wait = _LEAST
        finally:
            with self._lock:
                self._due = time.monotonic() + wait
