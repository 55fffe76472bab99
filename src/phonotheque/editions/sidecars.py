"""Artwork, lyrics and documents that go out: beside the tracks that went out, in a wave of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from sqlalchemy import Connection, func, select

from phonotheque.editions.entries import rights_record
from phonotheque.ledger.bags import bagged_copy, places_of_bags
from phonotheque.ledger.schema import bag_files, decisions, files
from phonotheque.ledger.sidecars import KIND, SidecarRow, sidecars_of
from phonotheque.ledger.statements import decided_files, standing_statements
from phonotheque.model.bags import Finding
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Answer, Decision, Statement
from phonotheque.model.sidecars import SidecarKind
from phonotheque.rights.rules import decide_all
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import BagFile
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.names import NameAllocator, portable_segment, same_place
from phonotheque.vault.place import write_durably
from phonotheque.vault.storage.opening import open_place

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
    """One sidecar that goes into a bag: what it is, where its bytes lie, and why it may go out."""

    row: SidecarRow
    path: str  # below data/, not yet unique
    recordings: tuple[str, ...]
    statements: Sequence[Statement]
    decisions: Mapping[Act, Decision]
    source: Path


@dataclass(frozen=True, slots=True)
class _Track:
    master: int
    path: str  # below data/
    recording: str | None


@dataclass(slots=True)
class _Wanted:
    row: SidecarRow
    folder: str
    name: str
    places: set[bytes] = field(default_factory=set)
    recordings: dict[str, None] = field(default_factory=dict)


_Key = tuple[int, str]  # a sidecar, and a folder: the same bytes lie in one only once


def select_sidecars(archive: Archive) -> tuple[list[ChosenSidecar], list[Finding]]:
    """Return what is to be bagged now, by path, and what should be and cannot be read.

    Rights are decided anew, at this moment. Each goes once into each folder of the bagged tracks that it
    belongs to, under the name that a track or a player gives it.
    """
    with archive.ledger.connect() as ledger:
        if not _any_publishable(ledger):
            return [], []
        wanted = _wanted(ledger, _published(ledger))
        chosen, failures = [], []
        for some in batched(sorted(wanted, key=lambda one: (one.folder, one.name, one.row.sha256)), 500):
            statements = standing_statements(ledger, {one.row.file_id for one in some})
            for one in some:
                decided = decide_all(statements[one.row.file_id])
                if decided[Act.DISTRIBUTE].answer is not Answer.YES:
                    continue
                source = _at_hand(archive, ledger, one.row)
                if isinstance(source, Finding):
                    failures.append(source)
                    continue
                path, named = f"{one.folder}/{one.name}", tuple(one.recordings)
                why = statements[one.row.file_id]
                chosen.append(ChosenSidecar(one.row, path, named, why, decided, source))
    return chosen, failures


def sidecar_bags(
    chosen: Sequence[ChosenSidecar], *, most_files: int, most_bytes: int
) -> Iterator[list[tuple[ChosenSidecar, BagFile]]]:
    """Cut what was chosen into bags within the limits, every path portable and unique in its bag."""
    members: list[tuple[ChosenSidecar, BagFile]] = []
    names, size = NameAllocator(), 0
    for one in chosen:
        if members and (len(members) == most_files or size + one.row.size > most_bytes):
            yield members
            members, names, size = [], NameAllocator(), 0
        path = names.add(one.path)
        if same_place(_folder(path)) != same_place(_folder(one.path)):
            continue  # a folder that is called like a file: it would not lie beside its track
        file = BagFile(one.source, path, one.row.sha256, one.row.size, _record(one))
        members.append((one, file))
        size += one.row.size
    if members:
        yield members


def _any_publishable(ledger: Connection) -> bool:
    query = (
        select(files.c.id)
        .join(decisions, decisions.c.file_id == files.c.id)
        .where(files.c.kind == KIND, files.c.held)
        .where(decisions.c.act == Act.DISTRIBUTE.value, decisions.c.answer == Answer.YES.value)
    )
    return ledger.execute(query.limit(1)).first() is not None


def _published(ledger: Connection) -> set[_Key]:
    query = select(bag_files.c.file_id, bag_files.c.path).join(files, files.c.id == bag_files.c.file_id)
    rows = ledger.execute(query.where(files.c.kind == KIND))
    return {(row.file_id, same_place(_folder(row.path.removeprefix("data/")))) for row in rows}


def _wanted(ledger: Connection, published: set[_Key]) -> list[_Wanted]:
    """Go through all bagged tracks, some at a time, and collect what belongs beside them and is not there."""
    wanted: dict[_Key, _Wanted] = {}
    releases: dict[tuple[int, bytes], set[str]] = {}  # of what lies beside a folder: the names it would be in
    for tracks in batched(_bagged_tracks(ledger), IN_A_STATEMENT):
        found = sidecars_of(ledger, {track.master for track in tracks})
        ids = {row.file_id for rows in found.values() for row in rows if row.held}
        allowed = decided_files(ledger, Act.DISTRIBUTE, among=ids)
        for track in tracks:
            path = PurePosixPath(track.path)
            for row in found[track.master]:
                if row.file_id not in allowed:
                    continue
                names = releases.setdefault((row.file_id, row.place), set())
                if len(names) <= _MOST_RELEASES:
                    names.add(path.parent.name)
                key = (row.file_id, same_place(str(path.parent)))
                if key not in published:
                    one = wanted.setdefault(key, _Wanted(row, str(path.parent), _name(row, path)))
                    one.places.add(row.place)
                    if track.recording and len(one.recordings) < _NAMED:
                        one.recordings[track.recording] = None
    return [
        one
        for one in wanted.values()
        if any(len(releases[one.row.file_id, place]) <= _MOST_RELEASES for place in one.places)
    ]


def _bagged_tracks(ledger: Connection) -> Iterator[_Track]:
    master = func.coalesce(files.c.master_id, files.c.id).label("master")
    query = (
        select(master, bag_files.c.path, bag_files.c.recording)
        .join(files, files.c.id == bag_files.c.file_id)
        .where(files.c.kind != KIND)
        .order_by(bag_files.c.bag_id, bag_files.c.path)
    )
    for row in ledger.execute(query.execution_options(yield_per=10_000)):
        yield _Track(row.master, row.path.removeprefix("data/"), row.recording)


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


def _at_hand(archive: Archive, ledger: Connection, row: SidecarRow) -> Path | Finding:
    """Return where its bytes lie here: waiting, in another bag, or brought from where that one lies."""
    waiting = incoming_path(archive.incoming, row.sha256)
    bagged = bagged_copy(ledger, row.sha256)
    if waiting.exists() or bagged is None:
        return check_file(waiting, row.size, row.sha256) or waiting
    bag_id, path, _ = bagged
    moved = [place for place in places_of_bags(ledger, bag_id).get(bag_id, ()) if place.moved]
    if not moved:
        return check_file(archive.bags / bag_id / path, row.size, row.sha256) or archive.bags / bag_id / path
    storage = open_place(moved[0].place, archive.settings.storage)
    waiting.parent.mkdir(parents=True, exist_ok=True)
    write_durably(waiting, b"".join(storage.read(f"{bag_id}/{path}")), mode=0o444)
    return check_file(waiting, row.size, row.sha256) or waiting


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
