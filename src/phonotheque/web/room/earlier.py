"""Catalogues of before, for lists that somebody is still leafing through."""

from __future__ import annotations

import threading
from typing import Final

from phonotheque.catalogue import index, manifest
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive

_KEPT: Final = 2


class Earlier:
    """The last few of them, opened. None is ever indexed for it."""

    def __init__(self, archive: Archive) -> None:
        self._folder = archive.catalogue
        self._indexes = not archive.is_mirror
        self._lock = threading.Lock()
        self._opened: dict[str, Catalogue] = {}

    def of(self, stamp: str) -> Catalogue | None:
        """Return the catalogue of a snapshot, None if it is no longer there, or not with its index."""
        if not manifest.STAMP.fullmatch(stamp):
            return None
        with self._lock:
            if stamp in self._opened and not index.usable(self._opened[stamp].snapshot):
                del self._opened[stamp]  # it was removed meanwhile
            if stamp not in self._opened:
                try:
                    snapshot = manifest.read(self._folder / stamp)
                except VerificationError:  # it was removed
                    return None
                if not index.usable(snapshot):
                    return None
                while len(self._opened) >= _KEPT:
                    del self._opened[next(iter(self._opened))]  # who still asks it may go on
                self._opened[stamp] = Catalogue(snapshot, indexes=self._indexes)
            return self._opened[stamp]
