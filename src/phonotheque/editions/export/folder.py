"""The folder of an export: whose it is, what lies in it from what, and what is taken away again.

A database in ``.phonotheque-export`` says of every file what it was made from. Run again, only
what is another now is made; what is no longer wanted goes; what somebody else put there stays.
"""

from __future__ import annotations

import filecmp
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.export.copying import Made
from phonotheque.editions.export.telling import as_written
from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.vault.archive import SETTINGS_FILE, Archive
from phonotheque.vault.place import fsync_dir, naming, replace_durably

STATE: Final = ".phonotheque-export"
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS files (
        path TEXT PRIMARY KEY, made_from TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, tagged INTEGER NOT NULL, untagged TEXT, line TEXT NOT NULL,
        run INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS documents (path TEXT PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the export: its path there, its hash, and the facts about it."""

    path: str
    sha256: str
    size: int
    line: Mapping[str, Any]


class Destination:
    """An export's folder, open for one run."""

    def __init__(self, folder: Path, state: sqlite3.Connection) -> None:
        self.folder = folder
        self._state = state
        (last,) = state.execute("SELECT coalesce(max(run), 0) FROM files").fetchone()
        self._run = last + 1
        self.made = self.kept = self.removed = 0
        self.documents: list[str] = []

    @property
    def partials(self) -> Path:
        """Where files are while they are being made."""
        return self.folder / STATE

    def kept_as_it_is(self, path: str, made_from: str, line: Mapping[str, Any]) -> bool:
        """Whether a file lies there, made from just this; if so it is one of this run."""
        row = self._state.execute(
            "SELECT made_from, size, mtime_ns, sha256, tagged, untagged FROM files WHERE path = ?", (path,)
        ).fetchone()
        if row is None or row[0] != made_from or _status(self.folder / path) != (row[1], row[2]):
            return False
        made = Made(row[3], row[1], row[2], bool(row[4]), row[5])
        with self._state:
            self._note(path, made_from, made, line)
        self.kept += 1
        return True

    def is_anothers(self, path: str) -> bool:
        """Whether something lies there that no run of this export has put there."""
        known = "SELECT 1 FROM files WHERE path = ?1 UNION ALL SELECT 1 FROM documents WHERE path = ?1"
        if self._state.execute(known, (path,)).fetchone():
            return False
        return (self.folder / path).is_symlink() or (self.folder / path).exists()

    def claim(self, path: str) -> None:
        """Refuse to write over what somebody else has put there. Raises UsageError naming it."""
        if self.is_anothers(path):
            raise UsageError(
                f"{self.folder / path} was not put there by this export, which needs that name.",
                "Move it out of the export, then run the same command again: what is done is kept.",
            )

    def will_write(self, path: str) -> None:
        """Note that a file is about to be made: a run that is killed leaves none that nobody knows of."""
        with self._state:
            self._state.execute(
                "INSERT OR REPLACE INTO files VALUES (?, '', '', -1, -1, 0, NULL, '{}', ?)", (path, self._run)
            )

    def wrote(self, path: str, made_from: str, made: Made, line: Mapping[str, Any]) -> None:
        """Note a file that was made, once it is durable."""
        with self._state:
            self._note(path, made_from, made, line)
        self.made += 1

    def _note(self, path: str, made_from: str, made: Made, line: Mapping[str, Any]) -> None:
        said = json.dumps(line, ensure_ascii=False, sort_keys=True)
        values = (path, made_from, made.sha256, made.size, made.mtime_ns, made.tagged, made.untagged, said)
        self._state.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, self._run)
        )

    def clear(self) -> None:
        """Take away what earlier runs wrote and this one did not, and the folders that this empties."""
        query = "SELECT path FROM files WHERE run <> ? OR made_from = ''"
        rows = self._state.execute(query, (self._run,)).fetchall()
        for (path,) in rows:
            there = (self.folder / path).is_file()
            (self.folder / path).unlink(missing_ok=True)
            for parent in (self.folder / path).parents:
                if parent == self.folder or not parent.is_dir() or any(parent.iterdir()):
                    break
                parent.rmdir()
            with self._state:
                self._state.execute("DELETE FROM files WHERE path = ?", (path,))
            self.removed += there

    def files(self) -> Iterator[Written]:
        """Yield what lies in the export now, by path."""
        query = "SELECT path, sha256, size, tagged, untagged, line FROM files WHERE run = ? ORDER BY path"
        with closing(self._state.cursor()) as cursor:  # rows come as they are asked for
            for path, sha256, size, tagged, untagged, line in cursor.execute(query, (self._run,)):
                said = json.loads(line)
                if "files" not in said:
                    said = as_written(said, tagged=bool(tagged))
                how = {"path": path, "sha256": sha256, "size": size}
                yield Written(path, sha256, size, said | how | ({"untagged": untagged} if untagged else {}))

    def entries(self) -> Iterator[Written]:
        """Yield every file that went out, also those that lie in shards: the shard's path before theirs."""
        for one in self.files():
            if "files" not in one.line:
                yield one
            for line in one.line.get("files", ()):
                path = f"{one.path}/{line['path']}"
                yield Written(path, line["sha256"], line["size"], {**line, "path": path})

    def document(self, path: str, parts: Iterable[str]) -> None:
        """Write a text about the export, unless just that lies there. Raises UsageError as `claim` does."""
        place, made = self.folder / path, self.partials / "partial-document"
        self.claim(path)
        with self._state:
            self._state.execute("INSERT OR IGNORE INTO documents VALUES (?)", (path,))
        self.documents.append(path)
        with made.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream, naming(made):
            stream.writelines(parts)
        if place.is_file() and filecmp.cmp(made, place, shallow=False):
            made.unlink()
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(made, place)


@contextmanager
def open_destination(archive: Archive, folder: Path, about: Mapping[str, str]) -> Iterator[Destination]:
    """Open the folder of an export, made if need be. ``about`` says what it is: another one's is refused.

    Raises UsageError for a folder in an archive, with an archive in it, or with something in it that is no
    export, or an export of something else.
    """
    _refuse_archives(archive, folder)
    ours = (folder / STATE / "state.sqlite").is_file()
    if folder.exists() and not ours and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty, and is no export.", "Name a new folder, or the one of an earlier export."
        )
    (folder / STATE).mkdir(parents=True, exist_ok=True)
    for left in (folder / STATE).glob("partial-*"):
        left.unlink()
    with _told(folder), closing(sqlite3.connect(folder / STATE / "state.sqlite")) as state:
        state.execute("PRAGMA synchronous = FULL")
        state.executescript(_TABLES)
        _refuse_others(folder, state, about)
        fsync_dir(folder)
        yield Destination(folder, state)


def _refuse_archives(archive: Archive, folder: Path) -> None:
    place, own = folder.resolve(), archive.folder.resolve()
    for parent in (place, *place.parents):
        if parent == own or (parent / SETTINGS_FILE).is_file():
            raise UsageError(f"{folder} lies in the archive {parent}.", "Export to a folder outside of it.")
    if place in own.parents:
        raise UsageError(f"{folder} holds the archive.", "Export to a folder beside it.")


def _refuse_others(folder: Path, state: sqlite3.Connection, about: Mapping[str, str]) -> None:
    known = dict(state.execute("SELECT name, value FROM about"))
    for name, value in about.items():
        if known.get(name, value) != value:
            raise UsageError(
                f"{folder} is an export of another kind: its {name} is “{known[name]}”, not “{value}”.",
                "Name another folder.",
            )
    with state:
        state.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise PhonothequeError(
            f"{folder / STATE}: what was exported cannot be noted: {error}.",
            "Correct this and run the same command again: what is there is kept.",
        ) from error


def _status(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns
