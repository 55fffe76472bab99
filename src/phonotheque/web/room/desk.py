"""The desk of a reading room: where requests are laid down, and the one thread that brings them further.

A request is in the inbox before it is acknowledged. From there it goes into the ledger at once, if the
archive's lock can be had, else as soon as it can; or the next command takes it. The lock is held for moments:
what takes long, finding out what a request covers, is done without it.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from phonotheque.editions import inbox
from phonotheque.ledger.requests import Request, RequestKind, undecided
from phonotheque.model.errors import BusyError, PhonothequeError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.web.room.allowance import Allowance
from phonotheque.web.room.contact import contact_uri
from phonotheque.web.room.forms import Tokens
from phonotheque.web.staff.attempts import Attempts

MOST_WAITING: Final = 1000  # requests that nobody has decided on
_ROOM: Final = 1024**3  # bytes that stay free on the disk
_PATIENCE: Final = 3.0  # seconds that a lock is waited for
_PAUSE: Final = 0.05
_LATER: Final = 30.0  # seconds until the lock is tried again
_NO_CONTACT: Final = (
    "[serve] contact is not set: whom the form turns away, for the time being, cannot be told where to write."
)
_LOG = logging.getLogger("phonotheque.web")


class FullError(PhonothequeError):
    """No more requests can be taken in just now."""


class Desk:
    """What takes in requests of visitors and the work of staff, for all threads of a server."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.tokens = Tokens()
        self.attempts = Attempts()
        self._one_at_a_time = threading.Lock()
        self.allowance = Allowance()
        self._state = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again = False
        if archive.settings.requests.form and not contact_uri(archive.settings.serve.contact):
            _LOG.warning(_NO_CONTACT)
        if archive.settings.requests.form and (inbox.waiting(archive) or inbox.requests_to_file(archive)):
            self.go_on()  # what a server that was stopped, or a busy archive, left

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the archive's lock; it is waited for a little. Raises BusyError."""
        # The archive's lock would refuse another thread of this process at once.
        if not self._one_at_a_time.acquire(timeout=_PATIENCE):
            raise BusyError("Somebody else is being served just now.", "Try again in a moment.")
        try:
            with self._locked():
                yield
        finally:
            self._one_at_a_time.release()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        until = time.monotonic() + _PATIENCE
        while True:
            with ExitStack() as held:
                try:
                    held.enter_context(self.archive.writing("serve"))
                except BusyError:
                    if time.monotonic() >= until:
                        raise
                    time.sleep(_PAUSE)
                    continue
                yield
                return

    def lay_down(self, asked: Request, document: BinaryIO | None) -> None:
        """Keep a request, durably. Raises FullError if too many wait, or the disk is full."""
        free = shutil.disk_usage(self.archive.folder).free
        if len(inbox.waiting(self.archive)) >= MOST_WAITING or free < _ROOM:
            raise FullError("No more can be taken in.")
        with self.archive.ledger.connect() as ledger:
            waiting = Counter(one.kind for one in undecided(ledger, after=None, most=MOST_WAITING))
        corrects = asked.kind is RequestKind.CORRECTION  # they fill half of the room at most
        if waiting.total() >= MOST_WAITING or (corrects and waiting[asked.kind] >= MOST_WAITING // 2):
            raise FullError("No more can be taken in.")
        inbox.put(self.archive, asked, document)
        try:
            with self.writing():
                inbox.take_in(self.archive)
        except BusyError:
            pass  # the thread tries again, and its page says so meanwhile
        except (PhonothequeError, SQLAlchemyError, OSError) as error:
            _LOG.error("Requests of visitors stay where they are: %s", error)
        self.go_on()

    def go_on(self) -> None:
        """Begin to bring further what has been laid down, in a thread, unless that is being done."""
        with self._state:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="taking in requests", daemon=True)
                self._thread.start()

    def rest(self) -> None:
        """Wait until nothing is left to be done; for tests."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._state:
                if not self._again:
                    self._thread = None
                    return
                self._again = False
            try:
                self._settle()
            except BusyError:
                time.sleep(_LATER)
                with self._state:
                    self._again = True
            except (PhonothequeError, SQLAlchemyError, sqlite3.Error, duckdb.Error, OSError) as error:
                _LOG.error("Requests of visitors stay where they are: %s", error)

    def _settle(self) -> None:
        with self.writing():
            settled = inbox.take_in(self.archive)
        for message in settled.unreadable:
            _LOG.error("A request cannot be read: %s", message)
        while found := inbox.requests_to_file(self.archive):
            for asked in found:
                covered = inbox.covers(self.archive, asked)
                with self.writing():
                    inbox.file_request(self.archive, asked, covered, at=timestamp(now()))
