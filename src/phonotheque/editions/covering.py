"""What a withdrawal covers: named exactly, by ids, codes, hashes or names as they are listed.

Whoever names a recording means all its copies: those of its files that are known, whatever else decodes to
the same sound, and what comes in later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import Snapshot, current
from phonotheque.catalogue.scratch import open_tables, rows, scratch
from phonotheque.catalogue.views import ArtistView, RecordingView
from phonotheque.ledger.schema import files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.sidecars import sidecars_of
from phonotheque.ledger.withdrawals import Item, ItemKind
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.identifiers import parse_isrc, parse_mbid
from phonotheque.vault.archive import Archive

_PREFIX: Final = re.compile(r"[0-9a-fA-F]{8,64}")  # of a SHA-256
_BY_FILE: Final = """
    SELECT recordings.id, files.sha256 FROM files JOIN recordings USING (recording)
    WHERE list_contains($hashes, files.sha256)
"""
_BY_RECORDING: Final = """
    WITH wanted AS (
        SELECT unnest($ids) AS id
        UNION SELECT new_id FROM redirects WHERE kind = 'recording' AND list_contains($ids, old_id)
    )
    SELECT recordings.id, recordings.title, recordings.credit, files.sha256
    FROM recordings SEMI JOIN wanted USING (id) LEFT JOIN files USING (recording)
    ORDER BY recordings.id, files.sha256
"""
_FILES_OF: Final = """
    WITH wanted AS (
        SELECT id, id AS asked FROM (SELECT unnest($ids) AS id)
        UNION SELECT new_id, old_id FROM redirects WHERE kind = 'recording' AND list_contains($ids, old_id)
    )
    SELECT files.sha256, min(asked) AS asked
    FROM wanted JOIN recordings USING (id) JOIN files USING (recording) GROUP BY files.sha256
"""


@dataclass(frozen=True, slots=True)
class CoveredRecording:
    """A recording that is covered, as the catalogue knows it now."""

    id: str
    title: str | None
    artist: str | None


@dataclass(frozen=True, slots=True)
class CoveredFile:
    """A master or sidecar that is covered, and the recording that it is covered for, if for one."""

    id: int
    sha256: str
    name: str
    size: int
    kind: str
    held: bool
    pcm_sha256: str | None
    recording: str | None


@dataclass(frozen=True, slots=True)
class Covered:
    """All that a withdrawal covers."""

    recordings: tuple[CoveredRecording, ...]
    files: tuple[CoveredFile, ...]

    @property
    def items(self) -> list[Item]:
        """What it covers these, and copies that come in later, by."""
        found = [Item(ItemKind.RECORDING, one.id) for one in self.recordings]
        for file in self.files:
            found.append(Item(ItemKind.SHA256, file.sha256))
            if file.pcm_sha256:
                found.append(Item(ItemKind.PCM, file.pcm_sha256))
        return found


@dataclass(slots=True)
class _Named:
    """What words named, before their copies are looked up."""

    recordings: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)  # of these, those named by their release
    hashes: set[str] = field(default_factory=set)  # of masters
    sidecars: dict[int, str | None] = field(default_factory=dict)  # by id, and for which recording


def covered_by(archive: Archive, words: Sequence[str]) -> Covered:
    """Return what these words cover: ids of recordings or releases, ISRCs, names as listed, SHA-256.

    Raises NotFoundError for a word that names nothing, UsageError for one that does not name exactly.
    """
    snapshot = current(archive.catalogue)
    if snapshot is None:
        raise NotFoundError(f"{archive.folder} holds nothing yet.", "There is nothing to take back.")
    named = _Named()
    with Catalogue.open(archive.catalogue) as catalogue, archive.ledger.connect() as ledger:
        for word in words:
            if not (_by_id(catalogue, word, named) or _by_isrc(catalogue, word, named)):
                _by_file(ledger, word, named)
    with archive.ledger.connect() as ledger:
        return _with_copies(snapshot, ledger, named)


def recordings_of_files(archive: Archive, recordings: Iterable[str]) -> dict[str, str]:
    """Return, by the SHA-256 of every file that the catalogue knows of these recordings, which of them it is.

    One that was merged is looked for as what it became, and named as it was asked for.
    """
    snapshot = current(archive.catalogue)
    wanted = sorted(set(recordings))
    if snapshot is None or not wanted:
        return {}
    return {row["sha256"]: row["asked"] for row in _ask(snapshot, _FILES_OF, ids=wanted)}


def _ask(snapshot: Snapshot, sql: str, **values: Any) -> list[dict[str, Any]]:
    with scratch("looking for what is covered", snapshot.path) as engine:
        open_tables(engine, snapshot, "recordings", "files", "redirects")
        return rows(engine, sql, **values)


def _by_id(catalogue: Catalogue, word: str, named: _Named) -> bool:
    if parse_mbid(word) is None:
        return False
    view = catalogue.show(word)
    match view:
        case RecordingView():
            named.recordings.add(view.id)
        case ArtistView():
            raise UsageError(
                f"{word} is an artist, {view.name or 'without a name'}, with {view.total:,} recordings.",
                "Name the recordings or releases: an artist's name is on much that is not theirs alone.",
            )
        case _:
            found = {track.recording.id for track in view.tracks}
            named.recordings |= found
            named.whole |= found
    return True


def _by_isrc(catalogue: Catalogue, word: str, named: _Named) -> bool:
    hits = catalogue.by_isrc(word)
    if not hits and parse_isrc(word):
        raise NotFoundError(f"No recording bears the ISRC {word}.", "See what there is with: phono search")
    named.recordings |= {hit.id for hit in hits}
    return bool(hits)


def _by_file(ledger: Connection, word: str, named: _Named) -> None:
    which = files.c.name == word
    found = ledger.execute(select(files).where(which)).all()
    if not found and _PREFIX.fullmatch(word):
        begins = files.c.sha256.startswith(word.lower(), autoescape=True)
        found = ledger.execute(select(files).where(begins).limit(2)).all()
        if len(found) > 1:
            raise UsageError(f"Several files' SHA-256 begin with {word}.", "Give more of its digits.")
    if not found:
        raise NotFoundError(
            f"“{word[:200]}” names nothing that this archive knows.",
            "Name a recording's or release's id, an ISRC, a file as `phono rights ARCHIVE --all` lists it, "
            "or eight or more digits of its SHA-256. See: phono search",
        )
    for row in found:
        if row.kind == SIDECAR:
            named.sidecars.setdefault(row.id, None)
        else:
            named.hashes |= _hashes(ledger, [files.c.id == (row.master_id or row.id)])


def _hashes(ledger: Connection, which: Sequence[ColumnElement[bool]]) -> set[str]:
    return set(ledger.execute(select(files.c.sha256).where(*which)).scalars())


def _with_copies(snapshot: Snapshot, ledger: Connection, named: _Named) -> Covered:
    """Go from files to recordings and back until nothing new is found: a copy may be of another recording,
    which the catalogue could not join.
    """
    recordings, hashes = set(named.recordings), set(named.hashes)
    of_file: dict[str, str] = {}
    described: dict[str, CoveredRecording] = {}
    while True:
        for row in _ask(snapshot, _BY_FILE, hashes=sorted(hashes)) if hashes else []:
            recordings.add(row["id"])
        for row in _ask(snapshot, _BY_RECORDING, ids=sorted(recordings)) if recordings else []:
            described[row["id"]] = CoveredRecording(row["id"], row["title"], row["credit"])
            if row["sha256"]:
                of_file[row["sha256"]] = row["id"]
        known = hashes | of_file.keys()
        more = known | _same_sound(ledger, known)
        if more == hashes:
            break
        hashes = more
    masters = _masters(ledger, hashes)
    sidecars = dict(named.sidecars)
    for master, beside in sidecars_of(ledger, [row.id for row in masters]).items():
        recording = of_file.get(next(row.sha256 for row in masters if row.id == master))
        for one in beside:
            if not one.place.endswith(b"/") or recording in named.whole:
                sidecars.setdefault(one.file_id, recording)
    found = [_covered(row, of_file.get(row.sha256)) for row in masters]
    for some in batched(sorted(sidecars), IN_A_STATEMENT):
        query = select(files).where(files.c.id.in_(some)).order_by(files.c.name, files.c.id)
        found += [_covered(row, sidecars[row.id]) for row in ledger.execute(query)]
    return Covered(tuple(described[one] for one in sorted(described)), tuple(found))


def _same_sound(ledger: Connection, hashes: Iterable[str]) -> set[str]:
    """Return the SHA-256 of the masters that decode to what one of these decodes to."""
    found: set[str] = set()
    for some in batched(sorted(hashes), IN_A_STATEMENT):
        heard = select(files.c.pcm_sha256).where(files.c.sha256.in_(some), files.c.pcm_sha256.is_not(None))
        found |= _hashes(ledger, [files.c.pcm_sha256.in_(heard), files.c.kind == "master"])
    return found


def _masters(ledger: Connection, hashes: Iterable[str]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for some in batched(sorted(hashes), IN_A_STATEMENT):
        known = or_(files.c.kind == "master", files.c.kind == SIDECAR)
        found += ledger.execute(select(files).where(files.c.sha256.in_(some), known)).all()
    return sorted(found, key=lambda row: (row.name, row.id))


def _covered(row: Row[Any], recording: str | None) -> CoveredFile:
    return CoveredFile(
        id=row.id,
        sha256=row.sha256,
        name=row.name,
        size=row.size,
        kind=row.kind,
        held=bool(row.held),
        pcm_sha256=row.pcm_sha256,
        recording=recording,
    )
