"""The shelves of a room: filled in the background, kept beside the archive, renewed with what they show."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from phonotheque import __version__
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.ledger.withdrawal_tables import withdrawal_files, withdrawal_steps
from phonotheque.mirrors.follow import EDITION
from phonotheque.model.errors import PhonothequeError
from phonotheque.web.room.state import Room
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.shelving import MOST, fill_shelves
from phonotheque.web.subsonic.view import View

NAME: Final = "shelves.sqlite"  # in the archive's folder; derived
_LOOK: Final = 2.0  # seconds between looks whether there is something else to show
_PATIENCE: Final = 5.0  # seconds that who comes first waits for the shelves
_TURN: Final = 0.5  # seconds between looks whether another process has filled them
_STEPS: Final = 20_000  # of SQLite's machine between two looks at the clock
_SECONDS: Final = 10.0  # that a question may take on a very slow disk
_LOG = logging.getLogger("phonotheque.web")


class Shelves:
    """What players may browse of a room. Filling begins with the first look, in a thread.

    A room that renews nothing waits until another one has filled them.
    """

    def __init__(self, room: Room, *, most: int = MOST) -> None:
        self._room = room
        self._most = most
        self._file = room.archive.folder / NAME
        self._lock = threading.Lock()
        self._filled = threading.Event()  # or tried to
        self._busy = False  # being looked after, or filled
        self._looked = -_LOOK
        self._made_of = ""
        self._failed = ""  # what they could not be made of: that is not tried again and again
        self._gone: frozenset[str] = frozenset()

    @property
    def filling(self) -> bool:
        """Whether they are being filled for the first time."""
        return self._busy and not self._made_of and not self._failed

    @property
    def ready(self) -> bool:
        """Whether there is something on them now; if not, they are looked after."""
        self.look()
        return bool(self._made_of)

    def look(self) -> None:
        """See to it, from time to time, that the shelves are filled with what is to be shown now."""
        at = time.monotonic()
        with self._lock:
            if self._busy or at - self._looked < _LOOK:
                return
            self._busy, self._looked = True, at
        begun = False  # once it is, the thread says when it is over, which may be at once
        try:
            wanted = self._wanted()
            if wanted in ("", self._made_of, self._failed):
                self._filled.set()
                return
            self._gone = self._taken_back()
            fill = self._fill if self._room.renews else self._await
            threading.Thread(target=fill, args=(wanted,), name="filling shelves", daemon=True).start()
            begun = True
        finally:
            if not begun:
                self._busy = False

    @contextmanager
    def open(self, country: str) -> Iterator[View]:
        """Open what a visitor in a country sees. CallError while there is nothing yet."""
        self.look()
        if not self._made_of and not self._filled.wait(_PATIENCE):
            raise CallError(Code.GENERIC, "The shelves are being filled. Try again in a minute.")
        if self.filling:
            raise CallError(Code.GENERIC, "The shelves are being filled. Try again in a minute.")
        if self._failed and not self._made_of:
            raise CallError(Code.GENERIC, "The shelves could not be filled; the archive's log says why.")
        if not self._made_of:
            raise CallError(Code.NOT_FOUND, "There is no edition to listen to here yet.")
        try:
            with closing(_opened(self._file)) as shelves:
                yield View(shelves, country, self._gone)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise CallError(Code.GENERIC, "This takes too long. Ask for less.") from error
            _LOG.error("The shelves for players are filled again: %s", error)
            self._file.unlink(missing_ok=True)  # somebody removed or damaged what is derived
            self._made_of, self._looked = "", -_LOOK
            self._filled.clear()
            raise CallError(Code.GENERIC, "The shelves are being filled. Try again in a minute.") from error

    def _fill(self, wanted: str) -> None:
        try:
            if _made_of(self._file) != wanted and (edition := self._edition()) is not None:
                catalogue = self._room.catalogue
                snapshot = catalogue.snapshot if catalogue else None
                number = fill_shelves(self._room.archive, edition, snapshot, self._file, wanted, self._most)
                _LOG.info("The shelves for players hold %d tracks.", number)
            if _made_of(self._file) == wanted:
                self._made_of = wanted
                self._gone = frozenset()
        except (PhonothequeError, OSError, sqlite3.Error, SQLAlchemyError) as error:
            self._failed = wanted
            _LOG.error("The shelves for players stay as they were: %s", error)
        finally:
            self._filled.set()
            self._busy = False

    def _await(self, wanted: str) -> None:
        try:
            since = time.monotonic()
            while wanted and _made_of(self._file) != wanted:
                if time.monotonic() - since > _PATIENCE:
                    self._filled.set()  # nobody is to wait for it
                time.sleep(_TURN)
                wanted, self._gone = self._wanted(), self._taken_back()
            if wanted:
                self._made_of, self._gone = wanted, frozenset()
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            _LOG.error("The shelves for players cannot be looked at: %s", error)
        finally:
            self._filled.set()
            self._busy = False

    def _edition(self) -> Edition | None:
        try:
            return read_edition((self._room.archive.public / "targets" / EDITION).read_bytes())
        except FileNotFoundError:
            return None

    def _wanted(self) -> str:
        """Return what shelves of now are made of: edition, catalogue, day, and what was taken back."""
        archive = self._room.archive
        try:
            status = (archive.public / "targets" / EDITION).stat()
        except FileNotFoundError:
            return ""
        catalogue = self._room.catalogue
        snapshot = catalogue.snapshot.path.name if catalogue else ""
        steps = 0
        if not archive.is_mirror:
            with archive.ledger.connect() as ledger:
                steps = int(ledger.execute(select(func.max(withdrawal_steps.c.id))).scalar() or 0)
        edition = f"{status.st_ino} {status.st_mtime_ns} {status.st_size}"
        return f"{__version__} {self._most} {edition} {snapshot} {self._room.today()} {steps}"

    def _taken_back(self) -> frozenset[str]:
        """Return the files that were taken back since the shelves were filled: they vanish at once."""
        archive = self._room.archive
        if archive.is_mirror or not self._made_of:
            return frozenset()
        with closing(_opened(self._file)) as shelves:
            since = shelves.execute("SELECT at FROM made").fetchone()[0]
        query = select(withdrawal_files.c.sha256).where(withdrawal_files.c.at >= since)
        with archive.ledger.connect() as ledger:
            return frozenset(ledger.execute(query).scalars())


def _opened(file: Path) -> sqlite3.Connection:
    # it never changes once it has its name; who still reads the one before may go on
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    deadline = time.monotonic() + _SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    return connection


def _made_of(file: Path) -> str:
    """Return what the shelves in a file were made of, empty if there are none, or not of this form."""
    if not file.exists():
        return ""
    try:
        with closing(_opened(file)) as shelves:
            return str(shelves.execute("SELECT of_what FROM made").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):  # they are made again
        return ""
