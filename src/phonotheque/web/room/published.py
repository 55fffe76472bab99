"""What the public files of an archive or a mirror say: editions, counts of copies, and what is in bags.

What was read is kept until its file is another one: an edition of ten thousand bags is read once.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

from phonotheque.editions.about import About, read_about
from phonotheque.editions.edition import BagEntry, Edition, IndexEntry, Tombstone, Withdrawal, read_edition
from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.copies import COPIES, Copies, read_copies
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive
from phonotheque.web.room.index_of import Index

_LOG: Final = logging.getLogger("phonotheque.web")
_MOST: Final = 500  # files of all kinds
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_VERSION: Final = re.compile(r"-[0-9].*")  # of a licence's SPDX id: “CC-BY-4.0”
_DATE: Final = re.compile(rb'^ "date": "([0-9T:Z-]{20})",?$', re.MULTILINE)
Read = TypeVar("Read")
_Key: TypeAlias = tuple[Callable[[Path], Any], Path, tuple[int, int, int]]  # inode, time and size of the file


@dataclass(frozen=True)
class Kept:
    """An edition as it was read: what is looked for in it is found without going through it."""

    edition: Edition
    sha256: str  # of its edition.json

    @cached_property
    def bags(self) -> Mapping[str, BagEntry]:
        """The bags by id, in the order of ids."""
        return {bag.id: bag for bag in sorted(self.edition.bags, key=lambda bag: bag.id)}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of the bags, in order."""
        return tuple(self.bags)

    @cached_property
    def withdrawn(self) -> Mapping[str, Withdrawal]:
        """What was taken back, by the ids of bags that are current no more."""
        return {gone.bag: gone for gone in self.edition.withdrawals}

    @cached_property
    def replaces(self) -> Mapping[str, tuple[Withdrawal, ...]]:
        """The bags that were taken back for each that holds what remains of them."""
        found: dict[str, tuple[Withdrawal, ...]] = {}
        for gone in self.edition.withdrawals:
            if gone.replaced_by is not None:
                found[gone.replaced_by] = (*found.get(gone.replaced_by, ()), gone)
        return found

    @cached_property
    def stones(self) -> Mapping[str, tuple[Tombstone, ...]]:
        """What says that a recording was taken back, by its public id."""
        found: dict[str, tuple[Tombstone, ...]] = {}
        for stone in self.edition.tombstones:
            if stone.recording is not None:
                found[stone.recording] = (*found.get(stone.recording, ()), stone)
        return found

    @cached_property
    def bytes(self) -> int:
        """The bytes of all bags."""
        return sum(bag.bytes for bag in self.edition.bags)

    @cached_property
    def recordings(self) -> int:
        """The recordings of all bags, counted once for each bag that they are in."""
        return sum(bag.recordings for bag in self.edition.bags)

    @cached_property
    def listens(self) -> int:
        """The listens of all bags of which any are known."""
        return sum(bag.listens or 0 for bag in self.edition.bags)


@dataclass(frozen=True)
class Abouts:
    """What an edition says of its bags in numbers, by bag."""

    bags: Mapping[str, About]

    @cached_property
    def licences(self) -> Mapping[str, int]:
        """How many files there are on which terms, versions of licences left out, the most frequent first."""
        found = Counter[str]()
        for about in self.bags.values():
            for terms, files in about.terms.items():
                for name in {_VERSION.sub("", term) for term in terms}:
                    found[name] += files
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    @cached_property
    def years(self) -> tuple[int, int] | None:
        """The first and the last year of any file."""
        years = {year for about in self.bags.values() for year in about.years}
        return (min(years), max(years)) if years else None


# Of what is large, so many: where there are ten thousand bags, some 20 MB, 80 MB and 110 MB each.
_KEPT: Final = {Kept: 4, Abouts: 2, Index: 2}


class Published:
    """Reads the public files of an archive or a mirror, for all threads that answer."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._public = archive.public
        self._targets = archive.public / "targets"
        self._lock = threading.Lock()
        self._reading: dict[_Key, threading.Lock] = {}
        self._prepared = ""  # SHA-256 of the edition of which all is read ahead
        self._read: OrderedDict[_Key, Any] = OrderedDict()

    def current(self) -> Kept | None:
        """Return the current edition; None before the first. Raises VerificationError if it is broken.

        A mirror obeys an edition from the moment it is accepted.
        """
        places = [self._targets / EDITION]
        if self._archive.is_mirror:
            places.insert(0, trust_dir(self._archive) / EDITION)
        for place in places:
            if (found := self._keeping(place, _kept)) is not None:
                self._prepare(found)
                return found
        return None

    def _prepare(self, kept: Kept) -> None:
        """Read ahead, once, what the pages of a new edition will ask for."""
        with self._lock:
            if self._prepared == kept.sha256:
                return
            self._prepared = kept.sha256
        threading.Thread(target=self._read_ahead, args=(kept,), name="reading ahead", daemon=True).start()

    def _read_ahead(self, kept: Kept) -> None:
        try:
            self.about(kept)
            self.copies(kept)
            self.index(kept)
        except (PhonothequeError, OSError) as error:
            _LOG.error("Edition %d cannot be read ahead: %s", kept.edition.number, error)

    def edition(self, number: int) -> Kept | None:
        """Return an edition by its number, None if it is not here."""
        current = self.current()
        if current is not None and current.edition.number == number:
            return current
        return self._keeping(self._targets / "editions" / str(number) / EDITION, _kept)

    def numbers(self) -> list[int]:
        """Return the numbers of the editions that are here, the newest first."""
        try:
            names = [place.name for place in (self._targets / "editions").iterdir()]
        except FileNotFoundError:
            return []
        found = {int(name) for name in names if _NUMBER.fullmatch(name)}
        current = self.current()
        return sorted(found | ({current.edition.number} if current else set()), reverse=True)

    def date(self, number: int) -> str | None:
        """Return the date of an edition without reading all of it, None if it is not here."""
        current = self.current()
        if current is not None and current.edition.number == number:
            return current.edition.date
        return self._keeping(self._targets / "editions" / str(number) / EDITION, _dated)

    def copies(self, kept: Kept) -> Copies | None:
        """Return how many copies there are, as the publisher said last; None where nobody knows."""
        found = self._keeping(self._public / COPIES, _counted)
        return found if found is not None and found.archive == kept.edition.archive.id else None

    def about(self, kept: Kept) -> Abouts | None:
        """Return what the edition says of each bag in numbers; None where it does not, or it is not here."""
        listed = kept.edition.about
        return None if listed is None else self._keeping(self._targets / listed.path, _abouts)

    def index(self, kept: Kept) -> Index | None:
        """Return the index of an edition; None where it is not here."""
        return self._keeping(self._targets / kept.edition.index.path, Index)

    def index_file(self, kept: Kept) -> Path | None:
        """Return the file of an edition's index; None where it is not here."""
        place = self._targets / kept.edition.index.path
        return place if place.is_file() else None

    def target(self, listed: IndexEntry) -> bool:
        """Tell whether a file that an edition lists is here."""
        return (self._targets / listed.path).is_file()

    def torrent(self, bag: BagEntry) -> Path | None:
        """Return the torrent of a bag, None where it is not here."""
        place = self._targets / bag.torrent.path
        return place if place.is_file() else None

    def fingerprint(self) -> str | None:
        """Return the fingerprint of the root of trust; None where nothing is signed yet."""
        metadata = self._public / "metadata" / "1.root.json"
        places = [metadata]
        if self._archive.is_mirror:
            places.append(trust_dir(self._archive) / "root_history" / "1.root.json")
        for place in places:
            if found := self._keeping(place, _fingerprint):
                return found
        return None

    def kept(self, place: Path, read: Callable[[Path], Read]) -> Read | None:
        """Return what was read of a file, or read it if that was another one; None if it is not there.

        ``read`` is a function that stays: what it returned is kept for it.
        """
        return self._keeping(place, read)

    def _keeping(self, place: Path, read: Callable[[Path], Read]) -> Read | None:
        try:
            status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        key = read, place, (status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._read:
                self._read.move_to_end(key)
                return cast(Read, self._read[key])
            alone = self._reading.setdefault(key, threading.Lock())
        with alone:  # what takes seconds is read once, and holds up nobody who asks for something else
            with self._lock:
                if key in self._read:
                    return cast(Read, self._read[key])
            try:
                found = read(place)
            except FileNotFoundError:  # it went meanwhile
                return None
            finally:
                with self._lock:
                    self._reading.pop(key, None)
            with self._lock:
                self._read[key] = found
                self._forget(key)
            return found

    def _forget(self, key: _Key) -> None:
        """Let go of what a file was before, and of the editions that were not asked for lately."""
        for old in [known for known in self._read if known[:2] == key[:2] and known != key]:
            del self._read[old]
        for kind, most in _KEPT.items():
            large = [known for known, value in self._read.items() if isinstance(value, kind)]
            for old in large[:-most]:
                del self._read[old]
        while len(self._read) > _MOST:
            self._read.popitem(last=False)


def _kept(file: Path) -> Kept:
    data = file.read_bytes()
    return Kept(read_edition(data), sha256(data).hexdigest())


def _abouts(file: Path) -> Abouts:
    return Abouts(read_about(file))


def _counted(file: Path) -> Copies:
    return read_copies(file.read_bytes())


def _fingerprint(file: Path) -> str:
    return root_fingerprint(file.read_bytes())


def _dated(file: Path) -> str | None:
    """Find the date by its line: each field of the canonical JSON has one of its own."""
    found = _DATE.search(file.read_bytes())
    return found[1].decode() if found else None
