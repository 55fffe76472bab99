"""Artwork, lyrics and documents beside music: their bytes as files, and where each lay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from phonotheque.ledger.files import Recorded
from phonotheque.ledger.schema import bag_files, decisions, files, path_key, sidecars, sightings
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import insert_or_replace, insert_unless_there
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Answer
from phonotheque.model.sidecars import SidecarFacts, SidecarKind, is_disc_folder, track_places

KIND = "sidecar"  # of files
UNEXAMINED = "unexamined"  # the integrity of a file whose sound, if it has any, nobody listened to
_CURRENT = sidecars.c.superseded_at.is_(None)
_OF_FILE = (files.c.sha256, files.c.size, files.c.held, files.c.container, files.c.artwork, files.c.name)
_SEEN = 500  # paths that are read at a time


@dataclass(frozen=True, slots=True)
class SidecarRow:
    """A sidecar as it lies beside a track or a release now. ``path`` is the source path it was found at."""

    file_id: int
    sha256: str
    size: int
    held: bool
    kind: SidecarKind
    role: str
    mime: str
    width: int | None
    height: int | None
    place: bytes
    path: bytes
    name: str
    accession: str
    seen_at: str


def record_sidecar(
    connection: Connection,
    facts: SidecarFacts,
    *,
    path: bytes,
    held: bool,
    accession: str,
    name: str,
    at: str,
) -> Recorded:
    """Record a sidecar by its bytes, and that it lay at ``path``; what lay there before is superseded.

    Bytes that are known as music stay what they are. What is known keeps its name and accession.
    """
    recorded = _record_bytes(connection, facts, held, accession, name, at)
    _record_place(connection, recorded.id, facts, path, accession, at)
    return recorded


def sidecars_of(connection: Connection, master_ids: Iterable[int]) -> dict[int, list[SidecarRow]]:
    """Return what lies beside each of these masters now, by where they were seen: the track's own first.

    The same bytes at several places of one master count once. Of equal ones, the newest comes first.
    """
    places = _places(connection, master_ids)
    rows = _beside(connection, {place for of_master in places.values() for place in of_master})
    found: dict[int, list[SidecarRow]] = {}
    for master, of_master in places.items():
        unique: dict[int, SidecarRow] = {}
        for place in of_master:
            for row in rows.get(path_key(place), ()):
                unique.setdefault(row.file_id, row)
        found[master] = list(unique.values())
    return found


def publishable_sidecars(connection: Connection) -> Iterator[list[SidecarRow]]:
    """Stream held sidecars that may be distributed somewhere: each with its places now, the newest first."""
    query = (
        select(sidecars, *_OF_FILE)
        .join(files, and_(files.c.id == sidecars.c.file_id, files.c.kind == KIND, files.c.held))
        .join(decisions, decisions.c.file_id == files.c.id)
        .where(decisions.c.act == Act.DISTRIBUTE.value, decisions.c.answer == Answer.YES.value)
        .where(_CURRENT)
        .order_by(sidecars.c.file_id, sidecars.c.seen_at.desc(), sidecars.c.path)
    )
    rows = stream(connection, query)
    for _, places in groupby(rows, key=lambda row: int(row.file_id)):
        yield [_sidecar(row) for row in places]


def bagged_beside(connection: Connection, place: bytes) -> Iterator[tuple[str, str | None]]:
    """Stream (path in its bag, recording) of the bagged tracks that what lies at a place belongs to."""
    for masters in batched(_masters_beside(connection, place), IN_A_STATEMENT):
        query = (
            select(bag_files.c.path, bag_files.c.recording)
            .join(files, files.c.id == bag_files.c.file_id)
            .where(files.c.kind != KIND)
            .where(or_(files.c.id.in_(masters), files.c.master_id.in_(masters)))
            .order_by(bag_files.c.bag_id, bag_files.c.path)
        )
        for row in connection.execute(query).all():
            yield row.path, row.recording


def sidecar_totals(connection: Connection) -> dict[str, int]:
    """Return how many sidecars are held, their bytes, how many are only known, and the held ones by kind."""
    rows = connection.execute(
        select(files.c.held, func.count(), func.coalesce(func.sum(files.c.size), 0))
        .where(files.c.kind == KIND)
        .group_by(files.c.held)
    )
    counts = {bool(row[0]): (int(row[1]), int(row[2])) for row in rows}
    kinds = connection.execute(
        select(sidecars.c.kind, func.count(sidecars.c.file_id.distinct()))
        .join(files, files.c.id == sidecars.c.file_id)
        .where(files.c.held)
        .group_by(sidecars.c.kind)
    )
    of_kind = {row[0]: int(row[1]) for row in kinds}
    held, size = counts.get(True, (0, 0))
    return {
        "held": held,
        "bytes": size,
        "known": counts.get(False, (0, 0))[0],
        "pictures": of_kind.get(SidecarKind.PICTURE, 0),
        "lyrics": of_kind.get(SidecarKind.LYRICS, 0),
        "documents": of_kind.get(SidecarKind.DOCUMENT, 0),
    }


def sidecar_answers(connection: Connection) -> dict[str, int]:
    """Return how many known sidecars there are for each answer on whether they may be distributed."""
    rows = connection.execute(
        select(decisions.c.answer, func.count())
        .join(files, files.c.id == decisions.c.file_id)
        .where(files.c.kind == KIND, decisions.c.act == Act.DISTRIBUTE.value)
        .group_by(decisions.c.answer)
    )
    return {row[0]: int(row[1]) for row in rows}


def _record_bytes(
    connection: Connection, facts: SidecarFacts, held: bool, accession: str, name: str, at: str
) -> Recorded:
    query = select(files.c.id, files.c.held).where(files.c.sha256 == facts.sha256)
    known = connection.execute(query).first()
    if known is None:
        row = _row(facts, held, accession, name, at)
        key = insert_unless_there(connection, files, row, files.c.sha256)
        if key is not None:
            return Recorded(int(key), held, held)
        known = connection.execute(query).one()  # somebody else has recorded it since
    recorded = Recorded(int(known.id), held or known.held, held and not known.held)
    if recorded.newly_held:
        connection.execute(update(files).where(files.c.id == known.id).values(held=True))
    return recorded


def _row(facts: SidecarFacts, held: bool, accession: str, name: str, at: str) -> dict[str, Any]:
    return {
        "sha256": facts.sha256,
        "size": facts.size,
        "kind": KIND,
        "held": held,
        "accession_id": accession,
        "name": name,
        "added_at": at,
        "container": facts.mime,
        "integrity": UNEXAMINED,
        "integrity_notes": [],
        "tags": {},
        "artwork": [asdict(facts.picture)] if facts.picture else [],
    }


def _record_place(
    connection: Connection, file_id: int, facts: SidecarFacts, path: bytes, accession: str, at: str
) -> None:
    here = sidecars.c.path == path
    connection.execute(
        update(sidecars).where(here, sidecars.c.file_id != file_id, _CURRENT).values(superseded_at=at)
    )
    beside = facts.beside
    row = {
        "path": path,
        "file_id": file_id,
        "beside": beside.place,
        "kind": beside.kind.value,
        "role": beside.role,
        "accession_id": accession,
        "seen_at": at,
        "superseded_at": None,
    }
    insert_or_replace(connection, sidecars, row, keep=("accession_id",))


def _places(connection: Connection, master_ids: Iterable[int]) -> dict[int, list[bytes]]:
    """Return the places of each master: wherever it was seen, the track's own before the release's."""
    found: dict[int, list[bytes]] = {}
    for some in batched(master_ids, IN_A_STATEMENT):
        found |= {master: [] for master in some}
        query = select(sightings.c.file_id, sightings.c.path).where(sightings.c.file_id.in_(some))
        for row in connection.execute(query.order_by(sightings.c.file_id, sightings.c.path)):
            found[row.file_id] += track_places(row.path)
    return {
        master: sorted(dict.fromkeys(places), key=lambda place: place.endswith(b"/"))
        for master, places in found.items()
    }


def _masters_beside(connection: Connection, place: bytes) -> Iterator[int]:
    """Stream the masters seen beside a place, some paths at a time; folders of other releases are skipped."""
    prefix = place.partition(b"\0")[0]  # of a very long one the beginning: see path_key
    further = sightings.c.path >= prefix
    while True:
        query = select(sightings.c.path, sightings.c.file_id).where(further)
        rows = connection.execute(query.order_by(sightings.c.path).limit(_SEEN)).all()
        for row in rows:
            if not row.path.startswith(prefix):
                return
            if row.file_id is not None and place in map(path_key, track_places(row.path)):
                yield row.file_id
        if len(rows) < _SEEN:
            return
        last = rows[-1].path
        folder, slash, _ = last[len(prefix) :].partition(b"/")
        # "0" comes after "/": nothing of that folder is left
        other = slash and prefix == place and not is_disc_folder(folder)
        further = sightings.c.path >= prefix + folder + b"0" if other else sightings.c.path > last


def _beside(connection: Connection, places: Iterable[bytes]) -> dict[bytes, list[SidecarRow]]:
    found: dict[bytes, list[SidecarRow]] = {}
    for some in batched(sorted(places), IN_A_STATEMENT):
        rows = connection.execute(
            select(sidecars, *_OF_FILE)
            .join(files, and_(files.c.id == sidecars.c.file_id, files.c.kind == KIND))
            .where(sidecars.c.beside.in_(some), _CURRENT)
            .order_by(sidecars.c.seen_at.desc(), sidecars.c.path)
        )
        for row in rows:
            found.setdefault(row.beside, []).append(_sidecar(row))
    return found


def _sidecar(row: Row[Any]) -> SidecarRow:
    picture: dict[str, Any] = next(iter(row.artwork), {})
    return SidecarRow(
        file_id=row.file_id,
        sha256=row.sha256,
        size=row.size,
        held=bool(row.held),
        kind=SidecarKind(row.kind),
        role=row.role,
        mime=row.container,
        width=picture.get("width"),
        height=picture.get("height"),
        place=row.beside,
        path=row.path,
        name=row.path.rpartition(b"/")[2].decode("utf-8", "replace"),
        accession=row.accession_id,
        seen_at=row.seen_at,
    )
