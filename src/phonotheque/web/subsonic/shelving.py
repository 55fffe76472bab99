"""Filling the shelves: a small SQLite file with what of an edition players may browse, made anew each time.

What is most listened comes first, and nothing after the first hundred thousand; what of the newest edition is
new has a shelf of its own, and so has each kind of source that things came from.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.model.batches import batched
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.text import search_tokens
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.place import replace_durably
from phonotheque.web.subsonic.allowing import Allowing, allowing_in
from phonotheque.web.subsonic.describing import track_facts
from phonotheque.web.subsonic.lines import Sound, bags_beside, bags_by_listens, besides, sounds
from phonotheque.web.subsonic.listens import listens_of
from phonotheque.web.subsonic.names import (
    LOOSE,
    UNKNOWN,
    album_key,
    artist_key,
    joined,
    letter_of,
    sort_key,
)
from phonotheque.web.subsonic.sources import sources_of
from phonotheque.web.subsonic.unpublished import unpublished

MOST: Final = 100_000  # tracks on a shelf
MOST_LISTENED, NEWEST, FIRST_COLLECTION = 1, 2, 10
_COLLECTIONS: Final = 20  # shelves by source
_BESIDE: Final = 400  # bags of covers that are looked through
_AT_ONCE: Final = 500
_OLD: Final = 6 * 3600  # seconds
_LOG = logging.getLogger("phonotheque.web")
_FOUND: Final = """
    CREATE TEMP TABLE found (
        seq INTEGER PRIMARY KEY, recording TEXT UNIQUE, listens INTEGER, edition INTEGER, accession TEXT,
        place TEXT, best BLOB, copy BLOB
    )
"""
_TAKE: Final = """
    INSERT INTO temp.found (recording, edition, accession, place, best, copy) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (recording) DO UPDATE SET
        best = coalesce(excluded.best, best), copy = coalesce(excluded.copy, copy)
"""


def fill_shelves(
    archive: Archive, edition: Edition, snapshot: Snapshot | None, to: Path, of_what: str, most: int = MOST
) -> int:
    """Write the shelves of an edition in place of those before; return how many tracks they have.

    A bag that cannot be read is logged and left out.
    """
    temporary = to.with_name(f".{to.name}.{os.getpid()}.{threading.get_ident()}")
    _clear(to)
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as database:
            database.executescript(_script("tables"))
            database.execute("BEGIN")
            database.execute(_FOUND)
            allowing = allowing_in(archive, edition)
            _find(database, archive, edition, allowing, most)
            if snapshot is not None:
                if not archive.is_mirror:
                    _put(database, allowing, "", unpublished(archive, snapshot, most))
                _count(database, snapshot)
            filled = _Filling(database, edition, sources_of(archive), _beside(database, archive, edition))
            number = filled.fill(most)
            database.execute("INSERT INTO made VALUES (?, ?)", (of_what, timestamp(now())))
            database.execute("COMMIT")
            database.executescript(_script("indexes"))
        replace_durably(temporary, to)
    finally:
        temporary.unlink(missing_ok=True)
    return number


def _clear(to: Path) -> None:
    """Remove what killed runs left half made; what is younger may be somebody's who is at it."""
    for left in to.parent.glob(f".{to.name}.*"):
        if time.time() - left.stat().st_mtime > _OLD:
            left.unlink(missing_ok=True)


def _script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text("utf-8")


def _find(
    database: sqlite3.Connection, archive: Archive, edition: Edition, allowing: Allowing, most: int
) -> None:
    """Note the files of the bags that matter: the most listened ones, and those of the newest edition."""
    listened = bags_by_listens(edition)
    newest = [bag for bag in listened if bag.edition == edition.number]
    taken: set[str] = set()
    for bags in (listened, newest):
        before = _number(database)
        for bag in bags:
            if _number(database) - before >= most:
                break
            if bag.id not in taken:
                taken.add(bag.id)
                _take(database, archive, bag, allowing)


def _take(database: sqlite3.Connection, archive: Archive, bag: BagEntry, allowing: Allowing) -> None:
    try:
        _put(database, allowing, bag.id, sounds(archive, bag))
    except PhonothequeError as error:
        _LOG.error("A bag is not put on the shelves: %s", error)


def _put(database: sqlite3.Connection, allowing: Allowing, bag: str, found: Iterable[Sound]) -> None:
    for some in batched(found, _AT_ONCE):
        where = allowing.where(bag, some)
        rows = [_row(sound, where[sound.sha256]) for sound in some if sound.sha256 in where]
        database.executemany(_TAKE, rows)


def _row(sound: Sound, where: str) -> tuple[Any, ...]:
    told = msgspec.json.encode(sound)
    one = (None, told) if sound.is_copy else (told, None)
    return (sound.recording, sound.edition, sound.accession, where, *one)


def _number(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM temp.found").fetchone()[0])


def _count(database: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Note how often each recording was listened to, as far as the catalogue knows."""
    recordings = (row[0] for row in database.execute("SELECT recording FROM temp.found").fetchall())
    for some in batched(recordings, _AT_ONCE):
        rows = [(listens, recording) for recording, listens in listens_of(snapshot, some).items()]
        database.executemany("UPDATE temp.found SET listens = ? WHERE recording = ?", rows)


def _beside(
    database: sqlite3.Connection, archive: Archive, edition: Edition
) -> Mapping[str, Mapping[str, str]]:
    """Return, of covers and lyrics, the SHA-256 by the recording that they belong to."""
    wanted = {row[0] for row in database.execute("SELECT recording FROM temp.found")}
    found: dict[str, dict[str, str]] = {"picture": {}, "lyrics": {}}
    for bag in bags_beside(edition)[:_BESIDE]:
        try:
            for one in besides(archive, bag):
                for recording in wanted.intersection(one.recordings):
                    found[one.what].setdefault(recording, one.sha256)
        except PhonothequeError as error:
            _LOG.error("A bag is not put on the shelves: %s", error)
    return found


class _Filling:
    """The tables being filled; what was named before is found by its key."""

    def __init__(
        self,
        database: sqlite3.Connection,
        edition: Edition,
        sources: Mapping[str, str],
        beside: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._database = database
        self._edition = edition
        self._sources = sources
        self._beside = beside
        self._ids: dict[tuple[str, str], int] = {}
        self._on = Counter[int]()
        self._shelves: dict[str, int] = {}

    def fill(self, most: int) -> int:
        """Put everything found on its shelves; return how many tracks there are."""
        self._shelf(MOST_LISTENED, "Most listened")
        self._shelf(NEWEST, f"Edition {self._edition.number}")
        order = "SELECT recording, listens, edition, accession, place, best, copy FROM temp.found"
        rows = self._database.execute(f"{order} ORDER BY coalesce(listens, -1) DESC, seq").fetchall
        number = 0
        for recording, listens, edition, accession, place, best, copy in rows():
            shelves = [one for one in self._on_which(edition, accession) if self._on[one] < most]
            if not shelves:
                continue
            number += 1
            self._track(number, recording, place, listens, *_told(best, copy))
            self._on.update(shelves)
            for shelf in shelves:
                self._database.execute("INSERT INTO on_shelf VALUES (?, ?)", (shelf, number))
        return number

    def _on_which(self, edition: int, accession: str) -> Iterator[int]:
        yield MOST_LISTENED
        if edition == self._edition.number:
            yield NEWEST
        source = self._sources.get(accession)
        if source is None:
            return
        if source not in self._shelves and len(self._shelves) < _COLLECTIONS:
            self._shelves[source] = FIRST_COLLECTION + len(self._shelves)
            self._shelf(self._shelves[source], f"From {source}")
        if source in self._shelves:
            yield self._shelves[source]

    def _shelf(self, number: int, name: str) -> None:
        self._database.execute("INSERT INTO shelf VALUES (?, ?)", (number, name))

    def _track(
        self, number: int, recording: str, where: str, listens: int | None, best: Sound, copy: Sound | None
    ) -> None:
        artist = self._artist(joined(best.artists) or joined(best.album_artists) or UNKNOWN)
        owner = joined(best.album_artists) or joined(best.artists) or UNKNOWN
        album = self._album(owner, best, number)
        place = self._id("place", where, "INSERT INTO place (territory) VALUES (?)", where)
        cover = self._beside["picture"].get(recording)
        row = (
            number,
            recording,
            best.title,
            album,
            artist,
            place,
            int(best.date[:4]) if best.date else None,
            best.length,
            best.disc,
            best.track,
            best.sha256,
            copy.sha256 if copy else None,
            self._beside["lyrics"].get(recording),
            json.dumps(track_facts(best, copy, listens, cover), ensure_ascii=False),
        )
        marks = ", ".join("?" * len(row))
        self._database.execute(f"INSERT INTO track VALUES ({marks})", row)  # noqa: S608 — marks
        for name in best.genres:
            statement = "INSERT INTO genre (name, key) VALUES (?, ?)"
            genre = self._id("genre", sort_key(name), statement, name, sort_key(name))
            self._database.execute("INSERT OR IGNORE INTO of_genre VALUES (?, ?)", (genre, number))
        self._words("track", number, best.title, *best.artists, best.album or "")

    def _artist(self, name: str) -> int:
        key, sort = artist_key(name), sort_key(name)
        statement = "INSERT INTO artist (name, key, sort, letter) VALUES (?, ?, ?, ?)"
        known = len(self._ids)
        number = self._id("artist", key, statement, name, key, sort, letter_of(sort))
        if len(self._ids) > known:
            self._words("artist", number, name)
        return number

    def _album(self, artist: str, best: Sound, number: int) -> int:
        name = best.album or LOOSE
        key = album_key(artist, name, best.release_mbid if best.album else None)
        owner = self._artist(artist)
        row = (
            name,
            key,
            sort_key(name),
            owner,
            int(best.date[:4]) if best.date and best.album else None,
            best.date if best.album else None,
            best.added_at,
            best.label,
            best.release_mbid if best.album else None,
            number,
        )
        statement = (
            "INSERT INTO album (name, key, sort, artist, year, date, added_at, label, mbid, first) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        known = len(self._ids)
        album = self._id("album", key, statement, *row)
        if len(self._ids) > known and best.album:
            self._words("album", album, name, artist)
        return album

    def _id(self, table: str, key: str, statement: str, *values: object) -> int:
        """Return the number of what has a key, stored now if it was not."""
        number = self._ids.get((table, key))
        if number is None:
            number = self._database.execute(statement, values).lastrowid
            assert number is not None
            self._ids[table, key] = number
        return number

    def _words(self, table: str, number: int, *texts: str) -> None:
        words = " ".join(token for text in texts for token in search_tokens(text))
        statement = f"INSERT INTO {table}_words (rowid, words) VALUES (?, ?)"  # noqa: S608 — our own tables
        self._database.execute(statement, (number, words))


def _told(best: bytes | None, copy: bytes | None) -> tuple[Sound, Sound | None]:
    """Return the best file and the smaller one; an access copy alone is the best there is."""
    read = [msgspec.json.decode(one, type=Sound) if one else None for one in (best, copy)]
    first = read[0] or read[1]
    assert first is not None
    return first, read[1] if read[0] else None
