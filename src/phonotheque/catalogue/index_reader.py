"""Asking the index: connections for one question each, read-only, with a bound on its time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path

from phonotheque.catalogue import pairs
from phonotheque.catalogue.index import INDEX, WORDS
from phonotheque.catalogue.index_codes import Kind, thing
from phonotheque.catalogue.index_labels import LABELS
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.rows import Rows
from phonotheque.catalogue.shelf import Shelf, Shelved
from phonotheque.catalogue.views import Hit
from phonotheque.model.errors import UsageError

_STEPS = 20_000  # of SQLite's machine between two looks at the clock: some milliseconds
# What a file that is no longer whole looks like: malformed, not a database, gone.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN)


class Reader:
    """The index of a snapshot, and the rows that it leads to, for one question.

    Other processes may write a new snapshot meanwhile.
    """

    def __init__(self, snapshot: Snapshot, seconds: float, opened: ExitStack) -> None:
        self._snapshot = snapshot
        self._seconds = seconds
        self._opened = opened

    @cached_property
    def words(self) -> sqlite3.Connection:
        """The words of titles and artists."""
        return self._open(WORDS)

    @cached_property
    def labels(self) -> sqlite3.Connection:
        """The names of labels and their releases."""
        return self._open(LABELS)

    @cached_property
    def rows(self) -> Rows:
        """The tables of the snapshot, row by row."""
        return self._opened.enter_context(closing(Rows(self._snapshot, self._codes)))

    @cached_property
    def _codes(self) -> sqlite3.Connection:
        return self._open(INDEX)

    @cached_property
    def _shelf(self) -> Shelf:
        there = (self._snapshot.path / INDEX).stat()
        return Shelf(self._codes, (there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns))

    def _open(self, name: str) -> sqlite3.Connection:
        return self._opened.enter_context(closing(_open(self._snapshot.path / name, self._seconds)))

    def hits(self, recordings: Sequence[int]) -> list[Hit]:
        """Return recordings as lists show them, in the order asked for. There must be such recordings."""
        found = self._shelf.hits(recordings)
        if len(found) < len(set(recordings)):
            raise sqlite3.DatabaseError("the index names recordings that the shelf does not have")
        return [found[key] for key in recordings]

    def names(self, recordings: Sequence[int]) -> list[tuple[str | None, str | None]]:
        """Return title and credit of recordings. There must be such recordings."""
        found = self._shelf.names(recordings)
        if len(found) < len(set(recordings)):
            raise sqlite3.DatabaseError("the index names recordings that the shelf does not have")
        return [found[key] for key in recordings]

    def recording(self, key: int) -> Shelved:
        """Return what the table recordings says of one."""
        if not (found := self._shelf.rows([key])):
            raise sqlite3.DatabaseError("the index names a recording that the shelf does not have")
        return found[key]

    def named(self, key: int) -> list[tuple[Kind, int]]:
        """Return the kinds and keys of things that may have an id, by its key (see index_codes)."""
        return [thing(value) for value in pairs.find(self._codes, "id", key)]

    def called(self, key: int, most: int) -> list[tuple[Kind, int]]:
        """Return the first artists and releases that may have a name, by its key (see index_codes)."""
        return [thing(value) for value in islice(pairs.find(self._codes, "name", key), most)]

    def keys(self, table: str, code: int, most: int) -> list[int]:
        """Return the first keys that a code leads to, at most so many."""
        return list(islice(pairs.find(self._codes, table, code), most))


@contextmanager
def reading(snapshot: Snapshot, seconds: float) -> Iterator[Reader]:
    """Open the index. UsageError when a question takes longer; sqlite3.DatabaseError as it comes."""
    try:
        with ExitStack() as opened:
            yield Reader(snapshot, seconds, opened)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise UsageError(
                f"This takes longer than {seconds:g} seconds.", "Ask for fewer words, or for rarer ones."
            ) from error
        raise


def damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether an error says that the index is not whole: the answer is to build it again."""
    code: int | None = getattr(error, "sqlite_errorcode", None)  # none when our own code found it out
    return code is None or code & 0xFF in _DAMAGE or str(error).startswith("no such table")


def _open(path: Path, seconds: float) -> sqlite3.Connection:
    # the file never changes once it has its name; a connection per question suits any number of threads
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    return connection
