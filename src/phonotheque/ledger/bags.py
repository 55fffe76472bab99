"""Sealed bags, what is in them, and the editions that list them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, case, func, insert, select, update

from phonotheque.ledger.schema import bag_files, bag_places, bags, editions, files
from phonotheque.ledger.stream import stream


@dataclass(frozen=True, slots=True)
class BagRecord:
    """A sealed bag as the ledger keeps it. Sizes in bytes; ``listens`` is None where none are known."""

    id: str
    edition: int
    wave: int
    audience: str
    bytes: int
    files: int
    payload_bytes: int
    payload_files: int
    recordings: int
    listens: int | None
    tagmanifest_sha256: str
    torrent_size: int
    torrent_sha256: str
    infohash_v1: str
    infohash_v2: str
    sealed_at: str


@dataclass(frozen=True, slots=True)
class BagFileRecord:
    """A file in a sealed bag, and where its pieces are in the bag's torrent."""

    path: str
    size: int
    sha256: str
    pieces_root: str
    first_piece: int
    pieces: int
    file_id: int | None = None
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class EditionRecord:
    """A published edition; ``sha256`` is of its edition.json."""

    number: int
    date: str
    snapshot: str
    sha256: str
    published_at: str


# A condition on bags: editions list them. Others were sealed by a publish that was interrupted, or goes on.
IN_AN_EDITION: Final = (
    bags.c.edition <= select(func.coalesce(func.max(editions.c.number), 0)).scalar_subquery()
)


def record_bag(connection: Connection, bag: BagRecord, contents: Iterable[BagFileRecord]) -> None:
    """Record a sealed bag with everything in it."""
    connection.execute(insert(bags).values(**asdict(bag)))
    connection.execute(insert(bag_files), [{"bag_id": bag.id, **asdict(entry)} for entry in contents])


def all_bags(connection: Connection) -> list[BagRecord]:
    """Return every sealed bag in the order of publication: by edition, wave, id."""
    rows = connection.execute(select(bags).order_by(bags.c.edition, bags.c.wave, bags.c.id))
    return [BagRecord(**row._mapping) for row in rows]


def files_in_bag(connection: Connection, bag_id: str) -> Iterator[BagFileRecord]:
    """Stream a bag's files in path order."""
    columns = [bag_files.c[name] for name in BagFileRecord.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(bag_files.c.bag_id == bag_id).order_by(bag_files.c.path))
    for row in rows:
        yield BagFileRecord(**row._mapping)


def where_bagged(connection: Connection, file_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Return (bag id, path) for those of these files that lie in a sealed bag."""
    rows = connection.execute(
        select(bag_files.c.file_id, bag_files.c.bag_id, bag_files.c.path)
        .where(bag_files.c.file_id.in_(list(file_ids)))
        .order_by(bag_files.c.bag_id.desc())
    )
    return {row.file_id: (row.bag_id, row.path) for row in rows}


def audiences_of(connection: Connection, bag_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return id and audience (model.territory) of those of these bags that are recorded."""
    rows = connection.execute(select(bags.c.id, bags.c.audience).where(bags.c.id.in_(list(bag_ids))))
    return [(row.id, row.audience) for row in rows]


def bagged_copy(connection: Connection, sha256: str) -> tuple[str, str, int] | None:
    """Return (bag id, path, size) of a file with these bytes that a recorded bag holds for the ledger."""
    query = (
        select(bag_files.c.bag_id, bag_files.c.path, bag_files.c.size)
        .join(files, files.c.id == bag_files.c.file_id)
        .where(files.c.sha256 == sha256)
        .order_by(bag_files.c.bag_id, bag_files.c.path)
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.bag_id, row.path, row.size)


def bagged_kinds(connection: Connection, recordings: Iterable[str]) -> dict[str, set[tuple[str, str]]]:
    """Return, for those of these recordings that are in some bag, as what, "master" or "access", for whom."""
    rows = connection.execute(
        select(bag_files.c.recording, files.c.kind, bags.c.audience)
        .join(files, files.c.id == bag_files.c.file_id)
        .join(bags, bags.c.id == bag_files.c.bag_id)
        .where(bag_files.c.recording.in_(list(recordings)))
    )
    found: dict[str, set[tuple[str, str]]] = {}
    for recording, kind, audience in rows:
        found.setdefault(recording, set()).add((kind, audience))
    return found


def record_edition(connection: Connection, edition: EditionRecord) -> None:
    """Record a published edition."""
    connection.execute(insert(editions).values(**asdict(edition)))


def edition_dates(connection: Connection) -> dict[int, str]:
    """Return when each edition was made, by number."""
    return {row.number: row.date for row in connection.execute(select(editions.c.number, editions.c.date))}


def latest_edition(connection: Connection) -> EditionRecord | None:
    """Return the newest edition, or None before the first."""
    row = connection.execute(select(editions).order_by(editions.c.number.desc()).limit(1)).first()
    return None if row is None else EditionRecord(**row._mapping)


def editions_after(connection: Connection, number: int, most: int) -> list[EditionRecord]:
    """Return the next editions after a number, at most so many."""
    query = select(editions).where(editions.c.number > number).order_by(editions.c.number).limit(most)
    return [EditionRecord(**row._mapping) for row in connection.execute(query)]


def bag_totals(connection: Connection) -> Mapping[str, Any]:
    """Return how many bags there are, their payload files and all their bytes."""
    row = connection.execute(
        select(
            func.count().label("bags"),
            func.coalesce(func.sum(bags.c.payload_files), 0).label("files"),
            func.coalesce(func.sum(bags.c.bytes), 0).label("bytes"),
        )
    ).one()
    return dict(row._mapping)


@dataclass(frozen=True, slots=True)
class BagPlace:
    """A whole, verified copy of a bag outside ``vault/bags``. ``moved``: its payload is only there."""

    bag_id: str
    place: str  # "s3://bucket/prefix" or a folder; the bag is below it, under its id
    moved: bool
    verified_at: str


def record_place(connection: Connection, place: BagPlace) -> None:
    """Record where a bag lies, or that what lies there is now all there is of its payload."""
    key = (bag_places.c.bag_id == place.bag_id) & (bag_places.c.place == place.place)
    values = asdict(place)
    if not connection.execute(update(bag_places).where(key).values(**values)).rowcount:
        connection.execute(insert(bag_places).values(**values))


def places_of_bags(connection: Connection, bag_id: str | None = None) -> dict[str, list[BagPlace]]:
    """Return the places of each bag that has any, or of one bag."""
    query = select(bag_places).order_by(bag_places.c.bag_id, bag_places.c.place)
    if bag_id is not None:
        query = query.where(bag_places.c.bag_id == bag_id)
    found: dict[str, list[BagPlace]] = {}
    for row in connection.execute(query):
        found.setdefault(row.bag_id, []).append(BagPlace(**row._mapping))
    return found


def bags_in_place(connection: Connection, place: str) -> Generator[str, None, None]:
    """Stream the ids of the bags that are recorded in a place."""
    query = select(bag_places.c.bag_id).where(bag_places.c.place == place).order_by(bag_places.c.bag_id)
    yield from (row.bag_id for row in stream(connection, query))


def place_totals(connection: Connection) -> list[dict[str, Any]]:
    """Return each place outside the archive's folder: its bags, their bytes, how many are only there."""
    rows = connection.execute(
        select(
            bag_places.c.place,
            func.count().label("bags"),
            func.sum(bags.c.bytes).label("bytes"),
            func.sum(case((bag_places.c.moved, 1), else_=0)).label("moved"),
        )
        .join(bags, bags.c.id == bag_places.c.bag_id)
        .group_by(bag_places.c.place)
        .order_by(bag_places.c.place)
    )
    return [{**row._mapping, "bytes": int(row.bytes), "moved": int(row.moved)} for row in rows]
