"""Asking the catalogue: search and show.

A ``Catalogue`` is one snapshot and its index. It may be used by several threads; when a newer snapshot has
been made, open a new one.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeAlias, TypeVar

from phonotheque.catalogue import browse, describe, facets, index, index_codes, labels, leads, manifest
from phonotheque.catalogue.answers import Answers
from phonotheque.catalogue.browse import BEGINNING, Listed, Place
from phonotheque.catalogue.columns import isrc_number
from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.held_table import HeldTable
from phonotheque.catalogue.index_codes import Kind, name_key, uuid_key
from phonotheque.catalogue.index_reader import Reader, damaged, reading
from phonotheque.catalogue.labels import Label, LabelPage
from phonotheque.catalogue.leads import Lead
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.sayers import Said, files_of, sayers
from phonotheque.catalogue.search import SECONDS, Found, search
from phonotheque.catalogue.sieve import ANY, Chosen, Tables
from phonotheque.catalogue.views import Hit, View
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.identifiers import parse_barcode, parse_isni, parse_isrc, parse_mbid, public_id
from phonotheque.model.progress import QUIET, Progress

_SECONDS = 30.0  # that a look-up may take on a very slow disk
_ANSWERS = 1000  # pages of searches that are kept
_LONGEST_NAME = 300  # characters
_MOST = 101  # bearers of a code
_PREFIX = re.compile(r"[0-9a-f]{6,64}")  # of a SHA-256
_DISCOGS = re.compile(
    r"(?:https?://)?(?:www\.)?discogs\.com/(?:[a-z-]+/)?(release|artist)/([0-9]+)(?:[-/?#]\S*)?"
    r"|discogs:(?:(release|artist)/)?([0-9]+)"
    r"|\[?([ra])([0-9]+)\]?",
    re.IGNORECASE,
)

Answer = TypeVar("Answer")
Things: TypeAlias = tuple[Kind, list[int]]  # what a name names: things of one kind, by their keys


class Catalogue:
    """The current snapshot of a catalogue, opened for reading."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        memory_limit: str = "1GB",
        progress: Progress = QUIET,
        indexes: bool = True,
    ) -> None:
        """``indexes``: build the index where it is missing or damaged; else that is a VerificationError."""
        self.snapshot = snapshot
        self._memory_limit = memory_limit
        self._indexes = indexes
        if indexes:
            index.ensure(snapshot, memory_limit=memory_limit, progress=progress)
        elif not index.usable(snapshot):
            raise _unusable(snapshot)
        self._parquet = connect(memory_limit=memory_limit)
        self._facets: facets.Rows | None = None
        self._answers = Answers[Listed](_ANSWERS)
        self._called = Answers[tuple[Lead, ...]](_ANSWERS)

    @classmethod
    def open(cls, catalogue_dir: Path, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> Catalogue:
        """Open the current snapshot; build its index if that is missing or does not belong to it.

        Raises NotFoundError when no snapshot was made yet, VerificationError when it is broken.
        """
        snapshot = manifest.current(catalogue_dir)
        if snapshot is None:
            raise NotFoundError(
                f"{catalogue_dir} holds no catalogue yet.", "Add some music first: phono add."
            )
        return cls(snapshot, memory_limit=memory_limit, progress=progress)

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the snapshot's files."""
        self._parquet.close()

    def counts(self) -> dict[str, int]:
        """Return the number of rows of every table."""
        return self.snapshot.counts

    def verify(self) -> list[Finding]:
        """Re-hash every file of the snapshot and its index; return what is wrong."""
        return manifest.verify(self.snapshot) + index.check(self.snapshot)

    def search(self, query: str, limit: int = 20) -> list[Hit]:
        """Return what ``find`` does, the recordings alone."""
        return list(self.find(query, limit).hits)

    def find(self, query: str, limit: int = 20) -> Found:
        """Return recordings whose titles, artists or releases hold every word; the last may be unfinished.

        The closest come first (what was typed is the title, or artist and title), then the most listened.
        Anything may be typed: there is no query language. Where nothing is found, misspelt words are
        corrected, and the answer says so. Raises UsageError when it takes longer than two seconds.
        """
        return self._ask(lambda index: search(index, query, limit), SECONDS)

    def look(
        self,
        query: str,
        chosen: Chosen = ANY,
        place: Place = BEGINNING,
        *,
        most: int = 20,
        held: HeldTable | None = None,
        country: str = "",
    ) -> Listed:
        """Return a page of what ``find`` would, narrowed down; without words, of everything.

        ``held`` is this snapshot's table of what is held: without it nothing can be chosen by that.
        ``country`` is where who asks is. Raises UsageError when it takes longer than two seconds.
        """
        tables, basis = self._tables, held.basis if held else None
        return self._answers.get(
            (query, chosen, place, most, basis, country),
            lambda: self._ask(
                lambda index: browse.look(index, tables(held, country), query, chosen, place, most), SECONDS
            ),
        )

    def _tables(self, held: HeldTable | None, country: str) -> Tables:
        if self._facets is None:
            try:
                self._facets = facets.read(self.snapshot)
            except (FileNotFoundError, ValueError) as error:  # the index is made again for it
                raise sqlite3.DatabaseError(str(error)) from error
        return Tables(self._facets, facets.source_names(self.snapshot), held, country)

    def hits(self, recordings: Sequence[int]) -> list[Hit]:
        """Return recordings, named by their keys in this snapshot, in the order asked for."""
        return self._ask(lambda index: index.hits(recordings))

    def by_isrc(self, code: str) -> list[Hit]:
        """Return the recordings that bear an ISRC, the most listened first; none when it is no ISRC."""
        return self._ask(lambda index: index.hits(_bearing(index, code)))

    def sayers(self, recordings: Sequence[str]) -> dict[str, tuple[Said, ...]]:
        """Return who says who made recordings (public ids), and which ISRCs they have."""
        return self._ask(lambda index: sayers(index, recordings))

    def files_of(self, recordings: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the SHA-256 of masters known of recordings (public ids), of the first tracks of each."""
        return self._ask(lambda index: files_of(index, recordings))

    def labels(self, beginning: str = "", after: str = "", most: int = 50) -> list[Label]:
        """Return labels in the order of their names, those that begin so; ``after``: from which on."""
        return self._ask(lambda index: labels.listed(index, beginning, after, most))

    def label(self, name: str, begin: int = 0, most: int = 50) -> LabelPage:
        """Return a label's releases by date, after the first ``begin`` of them.

        Raises NotFoundError where no release names such a label.
        """
        found = self._ask(lambda index: labels.of(index, name, begin, most))
        if found is None:
            raise NotFoundError(f"The catalogue knows no label “{name:.100}”.", "See the list of labels.")
        return found

    def show(self, key: str) -> View:
        """Return what is known of an id, code or hash.

        That is the id of a recording, release or artist, ours or MusicBrainz's, or of a MusicBrainz track;
        an ISRC; a barcode; a source's id (``discogs:123``, ``discogs:artist/123``, ``r123``, ``a123``, or a
        Discogs URL); an artist's ISNI; or (the beginning of) a file's SHA-256. Ids that were merged lead to
        what they became. Where a code names several things, the most listened comes back and the others are
        its ``see_also``. Raises NotFoundError, or UsageError for a beginning that several files share.
        """
        return self._ask(lambda index: self._shown(index, key))

    def leads(self, text: str) -> tuple[Lead, ...]:
        """Return what a code names: an id, ISRC, barcode, whole SHA-256, or a source's id with its prefix.

        Nothing for all other texts. Where an ISRC or barcode has several bearers, the first twenty.
        """
        return self._ask(lambda index: self._led(index, text.strip()))

    def called(self, name: str) -> tuple[Lead, ...]:
        """Return a few artists and releases of a name, whatever its case and accents."""
        return self._called.get(name[:_LONGEST_NAME], lambda: self._bearing_name(name[:_LONGEST_NAME]))

    def _bearing_name(self, name: str) -> tuple[Lead, ...]:
        if name.isascii():
            plain = name.strip(" ").lower()  # which is what the engine makes of it
        else:
            with self._parquet.cursor() as parquet, explaining("reading a name", self.snapshot.path):
                ((plain,),) = parquet.execute(index_codes.PLAIN, [name]).fetchall()
        return self._ask(lambda index: leads.of_name(index, name, index_codes.called_key(plain)))

    def _led(self, index: Reader, text: str) -> tuple[Lead, ...]:
        finds = [_by_id, _by_isrc, _by_barcode]
        finds += [_by_name] if leads.OUTSIDE.fullmatch(text) else []
        finds += [self._by_sha256] if leads.WHOLE_HASH.fullmatch(text) else []
        for find in finds:
            if found := find(index, text):
                return leads.told(index, *found)
        return ()

    def _shown(self, index: Reader, key: str) -> View:
        text = key.strip()
        for find in (_by_id, _by_isrc, _by_barcode, _by_name, self._by_sha256):
            if found := find(index, text):
                return describe.view(index, *found)
        raise NotFoundError(
            f"The catalogue knows nothing by the name of “{key}”.",
            "Give an id, an ISRC, a barcode, or six or more digits of a file's SHA-256; or use phono search.",
        )

    def _by_sha256(self, index: Reader, text: str) -> Things | None:
        prefix = text.lower()
        if not _PREFIX.fullmatch(prefix):
            return None
        with self._parquet.cursor() as parquet, explaining("reading the catalogue", self.snapshot.path):
            keys = describe.recordings_of_files(parquet, self.snapshot, prefix)
        if len(keys) > 1:
            raise UsageError(f"Several files' SHA-256 begin with {text}.", "Give more of its digits.")
        return (Kind.RECORDING, keys) if keys else None

    def _ask(self, question: Callable[[Reader], Answer], seconds: float = _SECONDS) -> Answer:
        """Put a question to the index; a damaged one is built again, once."""
        with explaining("reading the index", self.snapshot.path):
            try:
                with reading(self.snapshot, seconds) as reader:
                    return question(reader)
            except sqlite3.DatabaseError as error:
                if not damaged(error):
                    raise
                if not self._indexes:
                    raise _unusable(self.snapshot) from error
            index.rebuild(self.snapshot, memory_limit=self._memory_limit)
            with reading(self.snapshot, seconds) as reader:
                return question(reader)


def _unusable(snapshot: Snapshot) -> VerificationError:
    return VerificationError(
        f"{snapshot.path}: the index of this catalogue is missing or damaged.",
        "Remove the folder: it is made again.",
    )


def _by_id(index: Reader, text: str) -> Things | None:
    uuid = parse_mbid(text)
    return _named(index, uuid_key(uuid), uuid) if uuid else None


def _by_isrc(index: Reader, text: str) -> Things | None:
    keys = _bearing(index, text)
    return (Kind.RECORDING, keys) if keys else None


def _by_barcode(index: Reader, text: str) -> Things | None:
    code = parse_barcode(text)
    keys = index.keys("barcode", int(code), _MOST) if code else []
    return (Kind.RELEASE, keys) if keys else None


def _by_name(index: Reader, text: str) -> Things | None:
    name = _outside_name(text)
    if name is None:
        return None
    source, _, number = name.partition(":artist/")
    return _named(index, name_key(name), name) or (
        _by_id(index, public_id(source, "artist", number)) if number else None
    )


def _bearing(index: Reader, code: str) -> list[int]:
    isrc = parse_isrc(code)
    return index.keys("isrc", isrc_number(isrc), _MOST) if isrc else []


def _named(index: Reader, key: int, name: str) -> Things | None:
    """What has a name. The index has a part of every name; the tables have all of it."""
    for kind, number in index.named(key):
        if describe.called(index, kind, number, name):
            return kind, [number]
    return None


def _outside_name(text: str) -> str | None:
    """Return what others call a release or an artist, in the form that the catalogue has it."""
    if match := _DISCOGS.fullmatch(text):
        kind, number = match[1] or match[3] or match[5] or "release", match[2] or match[4] or match[6]
        return f"discogs:artist/{number}" if kind[0] in "aA" else f"discogs:{number}"
    if isni := parse_isni(text.lower().removeprefix("isni:")):
        return f"isni:{isni}"
    return text if ":" in text else None
