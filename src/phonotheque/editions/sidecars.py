"""Artwork, lyrics and documents that go out: beside the tracks that went out, in a wave of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from sqlalchemy import Connection, select

from phonotheque.editions.audiences import allowed_audience, audiences_of
from phonotheque.editions.entries import rights_record
from phonotheque.ledger.bags import bagged_copy
from phonotheque.ledger.schema import bag_files
from phonotheque.ledger.sidecars import KIND, SidecarRow, bagged_beside, publishable_sidecars
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.bags import Finding
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, PhonothequeError
from phonotheque.model.rights import WORLDWIDE, Act, Decision, Statement
from phonotheque.model.sidecars import SidecarKind
from phonotheque.rights.decide import decide_all
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import BagFile
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.names import NameAllocator, portable_segment, same_place
from phonotheque.vault.place import write_durably
from phonotheque.vault.places import open_bagged
from phonotheque.vault.storage.base import Storage

_NAMED: Final = 100  # recordings that a line of recordings.jsonl names for one file
_MOST_RELEASES: Final = 4  # of more, a folder's picture is that of none: the folder holds loose tracks
_EXTENSIONS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
    "application/pdf": ".pdf",
}
_NAMES: Final = {"front": "cover", "back": "back"}  # which players and people look for


@dataclass(frozen=True, slots=True)
class ChosenSidecar:
    """One sidecar that goes into a bag: what it is, where to, and why it may go out."""

    row: SidecarRow
    path: str  # below data/, not yet unique
    recordings: tuple[str, ...]
    statements: Sequence[Statement]
    decisions: Mapping[Act, Decision]
    audience: str = WORLDWIDE  # whom it may be shared with (model.territory)


@dataclass(slots=True)
class _Wanted:
    row: SidecarRow
    folder: str
    name: str
    recordings: dict[str, None] = field(default_factory=dict)

    def add(self, recordings: Iterable[str]) -> None:
        for recording in recordings:
            if len(self.recordings) < _NAMED:
                self.recordings[recording] = None


def select_sidecars(archive: Archive, on: date) -> list[ChosenSidecar]:
    """Return what is to be bagged now, by audience and path.

    Rights are decided anew, at this moment. Each goes once into each folder of the bagged tracks that it
    belongs to, under the name that a track or a player gives it.
    """
    audiences = audiences_of(archive.settings)
    with archive.ledger.connect() as ledger:
        chosen = []
        for some in batched(
            sorted(_wanted(ledger), key=lambda one: (one.folder, one.name, one.row.sha256)), 500
        ):
            statements = standing_statements(ledger, {one.row.file_id for one in some})
            for one in some:
                why = statements[one.row.file_id]
                audience = allowed_audience(why, audiences, on)
                if audience is None:
                    continue
                path, named = f"{one.folder}/{one.name}", tuple(one.recordings)
                decided = decide_all(why, on=on, territory=audience)
                chosen.append(ChosenSidecar(one.row, path, named, why, decided, str(audience)))
    order = {str(audience): rank for rank, audience in enumerate(audiences)}
    return sorted(chosen, key=lambda one: order[one.audience])


def sidecar_bags(
    archive: Archive,
    chosen: Sequence[ChosenSidecar],
    failures: list[Finding],
    *,
    most_files: int,
    most_bytes: int,
) -> Iterator[list[tuple[ChosenSidecar, BagFile]]]:
    """Cut what was chosen into bags within the limits, of one audience each, with portable and unique paths.

    Bytes are looked for as each bag is filled: sealing the one before may have moved them. What cannot be
    had is added to ``failures``.
    """
    members: list[tuple[ChosenSidecar, BagFile]] = []
    names, size = NameAllocator(), 0
    for one in chosen:
        path = names.add(one.path)
        full = len(members) == most_files or size + one.row.size > most_bytes
        # Not so with a folder that is called like a file of this bag: it would not lie beside its track.
        beside = same_place(_folder(path)) == same_place(_folder(one.path))
        if members and (full or not beside or one.audience != members[0][0].audience):
            yield members
            members, names, size = [], NameAllocator(), 0
            path = names.add(one.path)
        source = _at_hand(archive, one.row)
        if isinstance(source, Finding):
            failures.append(source)
            continue
        file = BagFile(source, path, one.row.sha256, one.row.size, _record(one))
        members.append((one, file))
        size += one.row.size
    if members:
        yield members


def _wanted(ledger: Connection) -> Iterator[_Wanted]:
    """Go through what may go out, some at a time, and yield what is not in a bag beside its tracks yet.

    Tracks beside which nothing may go out are not looked at: they are most of them.
    """
    for some in batched(publishable_sidecars(ledger), IN_A_STATEMENT):
        published = _published(ledger, [places[0].file_id for places in some])
        for places in some:
            there = published[places[0].file_id]
            # The same bytes lie in a folder only once: called like their track if they are that of one.
            wanted: dict[str, _Wanted] = {}
            unique = {row.place: row for row in reversed(places)}.values()
            for row in sorted(unique, key=lambda row: (row.place.endswith(b"/"), row.place)):
                for folder, one in _beside(ledger, row, there).items():
                    wanted.setdefault(folder, one).add(one.recordings)
            yield from wanted.values()


def _published(ledger: Connection, sidecars: list[int]) -> dict[int, set[str]]:
    """Return the folders that each of these lies in already, in whatever bag."""
    found: dict[int, set[str]] = {sidecar: set() for sidecar in sidecars}
    query = select(bag_files.c.file_id, bag_files.c.path).where(bag_files.c.file_id.in_(sidecars))
    for row in ledger.execute(query):
        found[row.file_id].add(same_place(_folder(row.path.removeprefix("data/"))))
    return found


def _beside(ledger: Connection, row: SidecarRow, published: set[str]) -> dict[str, _Wanted]:
    """Return, by folder, where a sidecar is wanted for the sake of one place; nowhere among loose tracks."""
    wanted: dict[str, _Wanted] = {}
    releases: set[str] = set()  # the names it would be in
    for bagged, recording in bagged_beside(ledger, row.place):
        path = PurePosixPath(bagged.removeprefix("data/"))
        releases.add(path.parent.name)
        if len(releases) > _MOST_RELEASES:
            return {}
        folder = same_place(str(path.parent))
        if folder not in published:
            one = wanted.setdefault(folder, _Wanted(row, str(path.parent), _name(row, path)))
            one.add([recording] if recording else [])
    return wanted


def _name(row: SidecarRow, track: PurePosixPath) -> str:
    """Return its name beside a track: like the track it belongs to, or what it shows, or as it was."""
    own = PurePosixPath(row.name)
    extension = _EXTENSIONS.get(row.mime) or own.suffix.lower()
    if not row.place.endswith(b"/"):
        return portable_segment(track.stem, extension=extension)
    stem = _NAMES.get(row.role) if row.kind is SidecarKind.PICTURE else None
    return portable_segment(stem or own.stem, extension=extension)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _at_hand(archive: Archive, row: SidecarRow) -> Path | Finding:
    """Return where its bytes lie whole here: waiting, in another bag, or brought from where that one lies."""
    waiting = incoming_path(archive.incoming, row.sha256)
    wrong = check_file(waiting, row.size, row.sha256)
    if wrong is None:
        return waiting
    with archive.ledger.connect() as ledger:
        bagged = bagged_copy(ledger, row.sha256)
    if bagged is None:
        return wrong
    bag_id, path, _ = bagged
    moved = open_bagged(archive, bag_id, path)
    if moved is None:
        here = archive.bags / bag_id / path
        return check_file(here, row.size, row.sha256) or here
    return _brought(*moved, waiting, row)


def _brought(storage: Storage, key: str, waiting: Path, row: SidecarRow) -> Path | Finding:
    """Bring it from a storage. Only right bytes come under their hash's name, which counts as a proof."""
    where = f"{storage.url}/{key}"
    try:
        content = b"".join(storage.read(key))
    except NotFoundError as error:
        return Finding("missing", where, error.message)
    except PhonothequeError as error:  # it cannot be reached, or says that it has lost it
        return Finding("unreadable", where, error.message)
    found = sha256(content).hexdigest()
    if found != row.sha256:
        return Finding("damaged", where, f"its SHA-256 is {found} instead of {row.sha256}")
    waiting.parent.mkdir(parents=True, exist_ok=True)
    write_durably(waiting, content, mode=0o444)
    return waiting


def _record(one: ChosenSidecar) -> dict[str, object]:
    row = one.row
    described = {"mime": row.mime, "width": row.width, "height": row.height}
    return {
        **{key: value for key, value in described.items() if value is not None},
        "kind": KIND,
        "what": row.kind.value,
        "role": row.role,
        "recordings": list(one.recordings),
        "rights": rights_record(one.statements, one.decisions, "", row.name),
        "provenance": {"accession": row.accession, "name": row.name, "seen_at": row.seen_at},
    }


def recording_of(members: Iterable[ChosenSidecar]) -> dict[str, str | None]:
    """Return, by SHA-256, the one recording that a sidecar belongs to; None if it belongs to several."""
    found: dict[str, set[str]] = {}
    for one in members:
        own = set(one.recordings) if not one.row.place.endswith(b"/") else {"", *one.recordings}
        found.setdefault(one.row.sha256, set()).update(own)
    return {sha256: next(iter(of)) if len(of) == 1 and "" not in of else None for sha256, of in found.items()}
