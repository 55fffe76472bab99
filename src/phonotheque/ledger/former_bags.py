"""Bags that are current no more: what each held, why it was taken back, and which bag is in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, or_, select

from phonotheque.ledger.bags import BagRecord, places_of_bags
from phonotheque.ledger.schema import bag_files, bag_places, bags, events, files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.stream import stream
from phonotheque.ledger.withdrawal_tables import former_bag_files, former_bags

CLEARED = "deaccession"  # the PREMIS event type of removing a former bag


class Why(StrEnum):
    """Why a file is not in the bag that replaces the one it was in."""

    WITHDRAWN = "withdrawn"
    NOT_ALLOWED = "not-allowed"  # in the bag's audience, since then: a deal ended, a statement was corrected
    ALLOWED_MORE = "allowed-more"  # more people may have it now: it goes into a bag for them
    DAMAGED = "damaged"  # it could not be read when the new bag was sealed
    SOUGHT = "sought"  # an edition says so from before the ledger was lost, and with it the basis


@dataclass(frozen=True, slots=True)
class FormerBag:
    """A bag that was taken back in an edition; ``places`` are those outside the archive's folder."""

    bag: BagRecord
    taken_back_in: int
    taken_back_at: str
    reason: str
    replaced_by: str | None
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormerBagFile:
    """A file of a former bag; ``left_because`` is None if it is in the bag that replaced it."""

    path: str
    size: int
    sha256: str
    file_id: int | None
    recording: str | None
    left_because: Why | None
    withdrawal_id: str | None


def take_back(
    connection: Connection,
    bag: BagRecord,
    left: Mapping[str, tuple[Why, str | None]],
    *,
    edition: int,
    at: str,
    reason: str,
    replaced_by: str | None,
) -> None:
    """Make a current bag a former one. ``left`` says by path why, and for which withdrawal, a file left."""
    places = [place.place for place in places_of_bags(connection, bag.id).get(bag.id, ())]
    values = {
        **asdict(bag),
        "taken_back_in": edition,
        "taken_back_at": at,
        "reason": reason,
        "replaced_by": replaced_by,
        "places": places,
    }
    connection.execute(insert(former_bags), values)
    rows = connection.execute(select(bag_files).where(bag_files.c.bag_id == bag.id)).all()
    contents = [
        {
            "bag_id": bag.id,
            "path": row.path,
            "file_id": row.file_id,
            "recording": row.recording,
            "size": row.size,
            "sha256": row.sha256,
            "left_because": left[row.path][0].value if row.path in left else None,
            "withdrawal_id": left[row.path][1] if row.path in left else None,
        }
        for row in rows
    ]
    if contents:
        connection.execute(insert(former_bag_files), contents)
    for table, column in ((bag_places, "bag_id"), (bag_files, "bag_id"), (bags, "id")):
        connection.execute(delete(table).where(table.c[column] == bag.id))


def all_former_bags(connection: Connection) -> list[FormerBag]:
    """Return every bag that was taken back, in the order of that."""
    table = former_bags
    query = select(table).order_by(table.c.taken_back_in, table.c.id)
    found = []
    for row in connection.execute(query):
        bag = BagRecord(**{name: getattr(row, name) for name in BagRecord.__dataclass_fields__})
        places = tuple(row.places)
        found.append(
            FormerBag(bag, row.taken_back_in, row.taken_back_at, row.reason, row.replaced_by, places)
        )
    return found


def uncleared_bags(connection: Connection) -> list[FormerBag]:
    """Return the former bags whose bytes have not been removed yet."""
    former = all_former_bags(connection)
    ids = {one.bag.id for one in former}
    query = select(events.c.subject).where(events.c.type == CLEARED)
    cleared = ids & set(connection.execute(query).scalars()) if ids else set()
    return [one for one in former if one.bag.id not in cleared]


def files_of_former_bag(connection: Connection, bag_id: str) -> Iterator[FormerBagFile]:
    """Stream the files of a former bag in the order of paths."""
    table = former_bag_files
    query = select(table).where(table.c.bag_id == bag_id).order_by(table.c.path)
    for row in connection.execute(query):
        yield FormerBagFile(
            path=row.path,
            size=row.size,
            sha256=row.sha256,
            file_id=row.file_id,
            recording=row.recording,
            left_because=None if row.left_because is None else Why(row.left_because),
            withdrawal_id=row.withdrawal_id,
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """A published file that a withdrawal took out of its bag, and when that was recorded."""

    withdrawal_id: str
    recording: str | None
    sha256: str
    at: str


def removed_by_withdrawals(connection: Connection) -> Iterator[Removed]:
    """Stream what withdrawals took out of bags, by withdrawal and recording.

    Artwork, lyrics and documents are works of their own: of no recording, whatever they lay beside.
    """
    table = former_bag_files
    query = (
        select(
            table.c.withdrawal_id,
            table.c.recording,
            table.c.sha256,
            former_bags.c.taken_back_at,
            files.c.kind,
        )
        .join(former_bags, former_bags.c.id == table.c.bag_id)
        .outerjoin(files, files.c.id == table.c.file_id)
        .where(table.c.left_because == Why.WITHDRAWN.value)
        .order_by(table.c.withdrawal_id, table.c.recording, table.c.sha256)
    )
    for row in stream(connection, query):
        recording = None if row.kind == SIDECAR else row.recording
        yield Removed(row.withdrawal_id, recording, row.sha256, row.taken_back_at)


def recordings_of_former_bags(connection: Connection) -> Iterator[tuple[str, str]]:
    """Stream the recordings that bags held when they were taken back, and when that was, in any order."""
    table = former_bag_files
    query = (
        select(table.c.recording, former_bags.c.taken_back_at)
        .join(former_bags, former_bags.c.id == table.c.bag_id)
        .outerjoin(files, files.c.id == table.c.file_id)
        .where(table.c.recording.is_not(None), or_(files.c.kind.is_(None), files.c.kind != SIDECAR))
    )
    for row in stream(connection, query):
        yield row.recording, row.taken_back_at


def successors(former: Iterable[FormerBag]) -> dict[str, str | None]:
    """Return, for every former bag, the bag that holds what remains of it now; None where nothing does."""
    after = {one.bag.id: one.replaced_by for one in former}
    found: dict[str, str | None] = {}
    for bag in after:
        last: str | None = bag
        while last is not None and last in after:
            last = after[last]
        found[bag] = last
    return found
