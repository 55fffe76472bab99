"""What every page asks: the archive, its current catalogue, who the visitor is and what they may have."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, date, datetime
from typing import Final

from starlette.requests import Request

from phonotheque.catalogue import index, manifest
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.edition import Edition
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Guard, Visitors
from phonotheque.web.looking.first import First
from phonotheque.web.looking.kept import Looking
from phonotheque.web.oai.records import Records
from phonotheque.web.room.earlier import Earlier
from phonotheque.web.room.holding import Holding
from phonotheque.web.room.mirror_choice import Choosing
from phonotheque.web.room.published import Published
from phonotheque.web.room.quota import Quota

_NAME: Final = "Phonotheque"
_LOOK: Final = 2.0  # seconds between looks whether there is another snapshot
_LOG = logging.getLogger("phonotheque.web")


class Room:
    """The state of a reading room, shared by all threads that answer. Nothing here writes.

    ``still``: its pages become plain files (web.still). ``renews``: it sees to it that what is derived for it
    is made again in time; of the processes of a server, one does.
    """

    def __init__(
        self, archive: Archive, visitors: Visitors, *, still: bool = False, renews: bool = True
    ) -> None:
        self.still, self.renews = still, renews
        self.archive = archive
        self.visitors = visitors
        self.guard = Guard(archive, visitors)
        self.shelf = Shelf(archive, renews=renews)
        self.published = Published(archive)
        self.choosing = Choosing(self.published)
        self.looking = Looking(archive)
        limits = archive.settings.serve
        self.quota = Quota(limits.listening_bytes, limits.listening_starts)
        self.holding = Holding(archive, renews=renews)
        self.earlier = Earlier(archive)
        self.records = Records(archive, self._edition, self._snapshot)

    @property
    def name(self) -> str:
        """What the archive is called; a mirror what it calls itself, or else the archive it follows."""
        settings = self.archive.settings
        if not self.archive.is_mirror:
            return settings.archive.name or _NAME
        if settings.mirror.name:
            return settings.mirror.name
        try:
            kept = self.published.current()
        except VerificationError:
            return _NAME  # pages that need the edition say what is wrong with it
        return kept.edition.archive.name if kept else _NAME

    @property
    def catalogue(self) -> Catalogue | None:
        """The current catalogue; None before the first, and on a mirror that has none."""
        return self.shelf.current()

    def note_held(self) -> None:
        """See to it that it is noted what is held of the catalogue, before somebody asks."""
        if catalogue := self.catalogue:
            self.holding.of(catalogue.snapshot)

    @property
    def figures(self) -> First | None:
        """The three figures of the first screen, as they were counted last; None if they never were."""
        kept = self.looking.kept()
        return kept.first if kept else None

    def _edition(self) -> Edition | None:
        kept = self.published.current()
        return kept.edition if kept else None

    def _snapshot(self) -> Snapshot | None:
        catalogue = self.catalogue
        return catalogue.snapshot if catalogue else None

    def country(self, request: Request) -> str:
        """Return the country of who asks, "" if it is not known."""
        return self.visitors.country(request)

    def today(self) -> date:
        """Return the day (UTC) on which rights are looked at."""
        return datetime.now(UTC).date()


class Shelf:
    """The current catalogue, opened; a newer one takes its place once it and its index can be asked.

    Of a mirror's, the index is made elsewhere (room.opening), and what has to go is closed. A room
    that renews nothing waits for an index, too.
    """

    def __init__(self, archive: Archive, *, renews: bool = True) -> None:
        self._folder = archive.catalogue
        self._indexes = not archive.is_mirror
        self._waits = archive.is_mirror or not renews
        self._lock = threading.Lock()
        self._opened: Catalogue | None = None
        self._looked = 0.0
        self._opening = False
        self._open()

    def current(self) -> Catalogue | None:
        """Return the catalogue; from time to time see to it that a newer one is opened, in a thread."""
        at = time.monotonic()
        with self._lock:
            due = at - self._looked >= _LOOK and not self._opening
            if due:
                self._looked = at
        if due and self._is_another():
            with self._lock:
                self._opening = True
            threading.Thread(target=self._open, name="opening a catalogue", daemon=True).start()
        opened = self._opened
        if opened is None or self._indexes or (opened.snapshot.path / index.STATE).exists():
            return opened
        return None  # it has just been removed

    def _is_another(self) -> bool:
        try:
            snapshot = self._there()
        except PhonothequeError as error:
            _LOG.error("The catalogue stays as it was: %s", error)
            return False
        opened = self._opened.snapshot if self._opened else None
        if not self._indexes:
            return snapshot != opened
        return snapshot is not None and (opened is None or snapshot.path != opened.path)

    def _there(self) -> Snapshot | None:
        snapshot = manifest.current(self._folder)
        if snapshot is None or not self._waits or index.usable(snapshot):
            return snapshot
        return None

    def _open(self) -> None:
        try:
            snapshot = self._there()
            if snapshot is not None:  # who still asks the old one may go on
                self._opened = Catalogue(snapshot, indexes=self._indexes)
            elif not self._indexes:
                self._opened = None
        except PhonothequeError as error:
            _LOG.error("The catalogue cannot be read: %s", error)
        finally:
            with self._lock:
                self._opening = False
