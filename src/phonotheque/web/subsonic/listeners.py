"""Listeners with a name: their app passwords, stars and playlists, in a small file of their own.

It is private, and no part of any edition. What somebody listens to is not in it (ADR: see docs/adr).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.model.text import nfc
from phonotheque.vault.archive import Archive, now, timestamp

NAME: Final = "listeners.sqlite"  # in the archive's folder
GUEST: Final = "guest"
MOST_STARS: Final = 10_000
MOST_PLAYLISTS: Final = 200
MOST_ENTRIES: Final = 5_000
_MOST_LISTENERS: Final = 100_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none is taken for another
_GROUPS, _GROUP = 5, 4  # 99 bits
_PATIENCE: Final = 5.0  # seconds for another writer
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS listener (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password TEXT NOT NULL, key_sha256 TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS star (
        listener INTEGER NOT NULL REFERENCES listener ON DELETE CASCADE,
        thing TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (listener, thing)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS playlist (
        id TEXT PRIMARY KEY, listener INTEGER NOT NULL REFERENCES listener ON DELETE CASCADE,
        name TEXT NOT NULL, comment TEXT NOT NULL, public INTEGER NOT NULL,
        created_at TEXT NOT NULL, changed_at TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS playlist_listener ON playlist (listener);
    CREATE TABLE IF NOT EXISTS entry (
        playlist TEXT NOT NULL REFERENCES playlist ON DELETE CASCADE,
        place INTEGER NOT NULL, recording TEXT NOT NULL, PRIMARY KEY (playlist, place)
    ) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody with a name. The password was made here and serves for nothing else."""

    id: int
    name: str
    password: str
    added_at: str


@dataclass(frozen=True, slots=True)
class Playlist:
    """A list of recordings in an order."""

    id: str
    owner: str
    name: str
    comment: str
    public: bool
    created_at: str
    changed_at: str


class Listeners:
    """The file of listeners, opened for a moment; it is made with the first listener."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME

    def add(self, name: str) -> tuple[Listener, str]:
        """Give somebody a name; return them and their API key, of which only a hash is kept.

        Raises UsageError for a name that will not do or is taken.
        """
        if not _NAME.fullmatch(name) or name.lower() == GUEST:
            raise UsageError(
                f"“{name:.60}” is no name for a listener.",
                f"Take up to 40 of A–Z, a–z, 0–9, “.”, “_” and “-”; “{GUEST}” is everybody.",
            )
        password, key = _password(), secrets.token_urlsafe(32)
        row = (name, password, hashed(key), timestamp(now()))
        with self._writing() as file:
            if file.execute("SELECT count(*) FROM listener").fetchone()[0] >= _MOST_LISTENERS:
                raise UsageError("There are too many listeners.", "Remove those who are gone.")
            try:
                statement = "INSERT INTO listener (name, password, key_sha256, added_at) VALUES (?, ?, ?, ?)"
                number = file.execute(statement, row).lastrowid
            except sqlite3.IntegrityError as error:
                raise UsageError(f"There is a listener “{name}” already.", "Take another name.") from error
        return Listener(int(number or 0), name, password, row[3]), key

    def remove(self, name: str) -> None:
        """Forget somebody, with their stars and playlists. Raises NotFoundError."""
        if self.named(name) is None:
            raise NotFoundError(f"There is no listener “{name:.60}”.", "See: phono listener list.")
        with self._writing() as file:
            file.execute("DELETE FROM listener WHERE name = ?", (name,))

    def all(self) -> list[Listener]:
        """Return everybody, in the order of names."""
        return self._some("ORDER BY name")

    def named(self, name: str) -> Listener | None:
        """Return who has a name; None for nobody."""
        return next(iter(self._some("WHERE name = ?", name)), None)

    def with_key(self, key: str) -> Listener | None:
        """Return whose API key this is; None for nobody's."""
        return next(iter(self._some("WHERE key_sha256 = ?", hashed(key))), None)

    def stars(self, listener: int) -> dict[str, str]:
        """Return what somebody starred, and since when, the newest first."""
        query = "SELECT thing, at FROM star WHERE listener = ? ORDER BY at DESC, thing"
        return {row["thing"]: row["at"] for row in self._rows(query, listener)}

    def star(self, listener: int, things: Sequence[str]) -> None:
        """Star things. Raises UsageError where there are too many."""
        at = timestamp(now())
        with self._writing() as file:
            rows = [(listener, thing, at) for thing in things]
            file.executemany("INSERT OR IGNORE INTO star VALUES (?, ?, ?)", rows)
            query = "SELECT count(*) FROM star WHERE listener = ?"
            if file.execute(query, (listener,)).fetchone()[0] > MOST_STARS:
                raise UsageError(f"There are more than {MOST_STARS} stars.", "Take some back first.")

    def unstar(self, listener: int, things: Sequence[str]) -> None:
        """Take stars back."""
        with self._writing() as file:
            rows = [(listener, thing) for thing in things]
            file.executemany("DELETE FROM star WHERE listener = ? AND thing = ?", rows)

    def playlists(self, listener: int | None) -> list[Playlist]:
        """Return somebody's playlists, and those that others let everybody see; by name."""
        where = "p.listener = ? OR p.public"
        return self._playlists(f"WHERE {where} ORDER BY p.name, p.id LIMIT 1000", listener)

    def playlist(self, name: str, listener: int | None) -> Playlist | None:
        """Return a playlist by its id, if this listener may see it."""
        where = "WHERE p.id = ? AND (p.listener = ? OR p.public)"
        return next(iter(self._playlists(where, name, listener)), None)

    def entries(self, playlist: str) -> list[str]:
        """Return the recordings of a playlist, in its order."""
        query = "SELECT recording FROM entry WHERE playlist = ? ORDER BY place"
        return [row["recording"] for row in self._rows(query, playlist)]

    def make_playlist(self, listener: int, name: str, recordings: Sequence[str]) -> str:
        """Make a playlist; return its id. Raises UsageError where there are too many, or it is too long."""
        key, at = str(uuid.uuid4()), timestamp(now())
        with self._writing() as file:
            query = "SELECT count(*) FROM playlist WHERE listener = ?"
            if file.execute(query, (listener,)).fetchone()[0] >= MOST_PLAYLISTS:
                raise UsageError(f"There are {MOST_PLAYLISTS} playlists.", "Remove one first.")
            row = (key, listener, _short(name, 200), "", 0, at, at)
            file.execute("INSERT INTO playlist VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            _put(file, key, recordings)
        return key

    def change_playlist(
        self,
        playlist: str,
        listener: int,
        *,
        name: str | None = None,
        comment: str | None = None,
        public: bool | None = None,
        recordings: Sequence[str] | None = None,
        add: Sequence[str] = (),
        drop: Iterable[int] = (),
    ) -> bool:
        """Change what is given of one's own playlist; ``drop`` are places from 0, taken out first of all.

        Returns False where it is not theirs. Raises UsageError where it becomes too long.
        """
        with self._writing() as file:
            query = "SELECT * FROM playlist WHERE id = ? AND listener = ?"
            found = file.execute(query, (playlist, listener)).fetchone()
            if found is None:
                return False
            row = (
                found["name"] if name is None else _short(name, 200),
                found["comment"] if comment is None else _short(comment, 1000),
                found["public"] if public is None else int(public),
                timestamp(now()),
                playlist,
            )
            file.execute(
                "UPDATE playlist SET name = ?, comment = ?, public = ?, changed_at = ? WHERE id = ?", row
            )
            query = "SELECT recording FROM entry WHERE playlist = ? ORDER BY place"
            there = [one["recording"] for one in file.execute(query, (playlist,))]
            gone = set(drop)
            kept = [one for place, one in enumerate(there) if place not in gone]
            _put(file, playlist, [*(kept if recordings is None else recordings), *add])
        return True

    def remove_playlist(self, playlist: str, listener: int) -> bool:
        """Remove one's own playlist; False where it is not theirs."""
        with self._writing() as file:
            statement = "DELETE FROM playlist WHERE id = ? AND listener = ?"
            return file.execute(statement, (playlist, listener)).rowcount > 0

    def _some(self, then: str, *values: object) -> list[Listener]:
        query = f"SELECT id, name, password, added_at FROM listener {then}"  # noqa: S608 — our own words
        return [Listener(*row) for row in self._rows(query, *values)]

    def _playlists(self, then: str, *values: object) -> list[Playlist]:
        query = f"""
            SELECT p.id, l.name AS owner, p.name, p.comment, p.public, p.created_at, p.changed_at
            FROM playlist p JOIN listener l ON l.id = p.listener {then}
        """  # noqa: S608 — our own words
        return [
            Playlist(
                row["id"],
                row["owner"],
                row["name"],
                row["comment"],
                bool(row["public"]),
                row["created_at"],
                row["changed_at"],
            )
            for row in self._rows(query, *values)
        ]

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        if not self._file.exists():  # it is made with the first listener
            return []
        with self._open() as file:
            return file.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Only for who runs the archive: it has passwords. SQLite's journal gets the same mode. A file that is
        # there is not opened: to close it would end the locks that this process has on it (fcntl).
        with suppress(FileExistsError):
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE, isolation_level=None)) as file:
                file.row_factory = sqlite3.Row
                file.execute("PRAGMA foreign_keys = ON")
                file.executescript(_TABLES)
                yield file
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise PhonothequeError(
                f"{self._file} cannot be read or written: {error}.", "Bring it back from a backup."
            ) from error


def listeners_of(archive: Archive) -> Listeners:
    """Return the listeners of an archive or a mirror."""
    return Listeners(archive.folder)


def hashed(key: str) -> str:
    """Return what is kept of an API key: it is long and random, so that a plain hash will do."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _password() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _short(text: str, most: int) -> str:
    return nfc(text[: 4 * most])[:most]


def _put(file: sqlite3.Connection, playlist: str, recordings: Sequence[str]) -> None:
    if len(recordings) > MOST_ENTRIES:
        raise UsageError(f"A playlist has at most {MOST_ENTRIES} songs.", "Make a second one.")
    file.execute("DELETE FROM entry WHERE playlist = ?", (playlist,))
    rows = [(playlist, place, recording) for place, recording in enumerate(recordings)]
    file.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
