"""The records of a reading room: kept up to date in a thread while it is asked."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.edition import Edition
from phonotheque.ledger.bags import edition_dates
from phonotheque.ledger.former_bags import recordings_of_former_bags
from phonotheque.ledger.withdrawals import last_step, taken_back_everywhere
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.identifiers import parse_mbid
from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.web.oai.deriving import Published, derive
from phonotheque.web.oai.kept import FORMAT, reader, state

FOLDER: Final = "harvest"
_FILE: Final = "records.sqlite"
_LOOK: Final = 2.0  # seconds between looks whether anything was published or taken back
_AGAIN: Final = 60.0  # seconds until it is tried again after it failed
_WAIT: Final = 2.0  # seconds that who asks waits for what has just been published
_MAKING: Final = "The list of what is published is being made."
_LATER: Final = "Ask again in a few minutes."
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOG = logging.getLogger("phonotheque.web")


class NotReadyError(PhonothequeError):
    """The records are being made for the first time; that may take minutes."""


class Records:
    """Which recordings are, and were, published. Asked from any thread."""

    def __init__(
        self,
        archive: Archive,
        edition: Callable[[], Edition | None],
        snapshot: Callable[[], Snapshot | None],
    ) -> None:
        self._archive, self._edition, self._snapshot = archive, edition, snapshot
        self._file = archive.folder / FOLDER / _FILE
        self._lock = threading.Lock()
        self._moment = threading.Lock()  # held while changes are put in, and while they are read
        self._thread: threading.Thread | None = None
        self._begun = 0.0
        self._look_at = 0.0
        self._applied: str | None = None

    @contextmanager
    def reading(self) -> Iterator[tuple[sqlite3.Connection | None, int]]:
        """Open the records, and give the moment that they are of, in seconds since 1970.

        None before the first edition. Raises NotReadyError while they are made.
        """
        self._refresh()
        with self._moment:
            at = int(time.time())
            if not self._file.exists():
                if self._is_due():
                    raise NotReadyError(_MAKING, _LATER)
                yield None, at
                return
            try:
                with reader(self._file) as opened:
                    if state(opened, "signature") is None:
                        raise NotReadyError(_MAKING, _LATER)
                    yield opened, at
            except sqlite3.DatabaseError as error:
                self._give_up(error)
                raise NotReadyError(_MAKING, _LATER) from error

    def key(self) -> bytes:
        """Return the key by which what was handed out is known again; it stays as long as the file does."""
        with self.reading() as (opened, _):
            return bytes.fromhex((opened and state(opened, "key")) or "")

    def _refresh(self) -> None:
        """See, from time to time, whether anything has changed; take it over in a thread."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                now = time.monotonic()
                if now < self._look_at:
                    return
                self._look_at = now + _LOOK
                self._begun = now
                signature = self._signature()
                known = signature == self._applied and self._file.exists()
                if signature is None or known or signature == self._noted():
                    self._applied = signature
                    return
                self._thread = threading.Thread(
                    target=self._derive, args=(signature,), name="listing what is published", daemon=True
                )
                self._thread.start()
            thread, begun = self._thread, self._begun
        thread.join(max(0.0, begun + _WAIT - time.monotonic()))

    def _is_due(self) -> bool:
        return self._signature() is not None

    def _signature(self) -> str | None:
        """Return what the records are derived from; None before the first edition."""
        edition, snapshot = self._edition(), self._snapshot()
        if edition is None:
            return None
        steps = 0
        if not self._archive.is_mirror:
            with self._archive.ledger.connect() as ledger:
                steps = last_step(ledger)
        stamp = snapshot.stamp if snapshot else ""
        return f"{edition.archive.id}/{edition.number}/{edition.date}/{stamp}/{steps}"

    def _noted(self) -> str | None:
        if not self._file.exists():
            return None
        try:
            with reader(self._file) as opened:
                if state(opened, "format") == FORMAT:
                    return state(opened, "signature")
            self._discard()
        except sqlite3.DatabaseError as error:
            self._give_up(error)
        return None

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """Say that the file cannot be read; if it is damaged, discard it: made again, it is whole."""
        _LOG.error("%s cannot be read: %s", self._file.name, error)
        code: int = getattr(error, "sqlite_errorcode", 0)  # none when Python itself found it out
        if code & 0xFF in _DAMAGE or str(error).startswith("no such table"):
            self._discard()

    def _discard(self) -> None:
        self._applied = None
        for end in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)

    def _derive(self, signature: str) -> None:
        try:
            published = self._published()
            if published is None:
                return
            self._make_folder()
            changed = derive(
                self._file, published, signature, clock=lambda: int(time.time()), moment=self._moment
            )
            self._applied = signature
            _LOG.info("What is published was listed: %d records have changed.", changed)
        except (PhonothequeError, OSError, sqlite3.Error, duckdb.Error, SQLAlchemyError) as error:
            self._look_at = time.monotonic() + _AGAIN
            _LOG.error("What is published cannot be listed: %s", error)

    def _make_folder(self) -> None:
        try:
            self._file.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self._file.parent):
                return
        except PermissionError:  # who serves may only read: then it lasts as long as this process
            self._file = Path(tempfile.mkdtemp(prefix="phonotheque-")) / _FILE

    def _published(self) -> Published | None:
        edition = self._edition()
        if edition is None:
            return None
        index = self._archive.public / "targets" / edition.index.path
        if not index.is_file():
            return None  # a mirror has accepted an edition, and shows it when its round is over
        stones = [stone for stone in edition.tombstones if stone.recording and stone.territory == WORLDWIDE]
        gone = [(_key(stone.recording), _seconds(stone.date)) for stone in stones if stone.recording]
        taken: frozenset[bytes] = frozenset()
        numbers = {bag.edition for bag in edition.bags}
        dates = dict.fromkeys(numbers, _seconds(edition.date))
        if not self._archive.is_mirror:
            with self._archive.ledger.connect() as ledger:
                taken = frozenset(_key(name) for name in taken_back_everywhere(ledger))
                gone += [(_key(name), _seconds(at)) for name, at in recordings_of_former_bags(ledger)]
                dates |= {number: _seconds(date) for number, date in edition_dates(ledger).items()}
        return Published(edition, index, self._snapshot(), taken, gone, dates)


def _key(recording: str) -> bytes:
    """Return a recording's id as bytes; what is no UUID names nothing that was published."""
    uuid = parse_mbid(recording)
    return bytes.fromhex(uuid.replace("-", "")) if uuid else b""


def _seconds(time_text: str) -> int:
    return int(datetime.fromisoformat(time_text).timestamp())
