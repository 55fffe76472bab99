"""The publisher's record of mirrors: who reported, what each said last, and when that was something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from phonotheque.ledger.mirror_tables import copies, mirror_changes, mirrors, proofs
from phonotheque.ledger.packed import Packed, held_of, unpack
from phonotheque.ledger.schema import bags
from phonotheque.ledger.together import insert_unless_there
from phonotheque.ledger.withdrawal_tables import former_bags

_TOLD: Final = [column for column in mirrors.c if column.name != "holds"]  # the one large column


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """One mirror. What it says of itself is a claim; times are None until it has reported."""

    number: int
    id: str
    key: str | None  # Ed25519, hex
    first_seen: str
    reported_at: str | None
    received_at: str | None
    report_sha256: str | None
    edition: int | None
    name: str | None
    country: str | None
    web: str | None
    peers: tuple[str, ...]
    bags: int
    bytes: int
    unknown: int


@dataclass(frozen=True, slots=True)
class MirrorChange:
    """A report in which a mirror held other bags than in the one before. ``bytes`` are of all its bags."""

    at: str
    edition: int
    bags: int
    bytes: int
    gained: int
    lost: int


def all_mirrors(connection: Connection) -> list[MirrorRecord]:
    """Return every mirror, in the order in which they came."""
    return [_record(row) for row in connection.execute(select(*_TOLD).order_by(mirrors.c.number))]


def find_mirror(connection: Connection, mirror_id: str) -> MirrorRecord | None:
    """Return one mirror by its id, None if nothing is known of it."""
    row = connection.execute(select(*_TOLD).where(mirrors.c.id == mirror_id)).first()
    return None if row is None else _record(row)


def know_mirror(connection: Connection, mirror_id: str, *, at: str) -> MirrorRecord:
    """Return a mirror, recorded as first seen at ``at`` if nothing was known of it: it need not report."""
    row = {"id": mirror_id, "first_seen": at, "peers": [], "bags": 0, "bytes": 0, "unknown": 0}
    insert_unless_there(connection, mirrors, row, mirrors.c.id)
    found = find_mirror(connection, mirror_id)
    assert found is not None
    return found


def record_report(
    connection: Connection, number: int, values: dict[str, Any], change: MirrorChange | None
) -> None:
    """Record what a mirror's newest report says, by column, and what changed in it, if something did."""
    connection.execute(update(mirrors).where(mirrors.c.number == number).values(**values))
    if change is not None:
        connection.execute(insert(mirror_changes).values(mirror=number, **asdict(change)))


def holds_of(connection: Connection, number: int) -> Packed:
    """Return what one mirror says that it holds."""
    return unpack(connection.execute(select(mirrors.c.holds).where(mirrors.c.number == number)).scalar())


def each_report(connection: Connection) -> Iterator[tuple[MirrorRecord, Packed]]:
    """Yield each mirror that has reported, with what it holds: one at a time, for each can be large."""
    for mirror in all_mirrors(connection):
        if mirror.reported_at is not None:
            yield mirror, holds_of(connection, mirror.number)


def claimants(connection: Connection, bag: str, *, since: str) -> list[tuple[MirrorRecord, str | None]]:
    """Return the mirrors that said since then that they hold a bag whole, and since when, as they say, it is
    verified.
    """
    number = connection.execute(select(copies.c.number).where(copies.c.bag_id == bag)).scalar()
    if number is None:
        return []
    told = (
        (mirror, held_of(records, int(number)))
        for mirror, records in each_report(connection)
        if (mirror.reported_at or "") >= since
    )
    return [(mirror, held.verified_at) for mirror, held in told if held is not None and held.whole]


def changes_of(connection: Connection, number: int) -> list[MirrorChange]:
    """Return how a mirror's holdings became others, the newest first."""
    query = select(mirror_changes).where(mirror_changes.c.mirror == number)
    return [
        MirrorChange(row.at, row.edition, row.bags, row.bytes, row.gained, row.lost)
        for row in connection.execute(query.order_by(mirror_changes.c.at.desc()))
    ]


def forget_mirror(connection: Connection, number: int) -> None:
    """Forget a mirror with all that it said and proved."""
    connection.execute(delete(proofs).where(proofs.c.mirror == number))
    connection.execute(delete(mirror_changes).where(mirror_changes.c.mirror == number))
    connection.execute(delete(mirrors).where(mirrors.c.number == number))


def mirror_count(connection: Connection) -> int:
    """Return how many mirrors are known."""
    return int(connection.execute(select(func.count()).select_from(mirrors)).scalar_one())


def bags_ever(connection: Connection) -> int:
    """Return how many bags there are or were."""
    return sum(
        int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in (bags, former_bags)
    )


def new_mirrors(connection: Connection, since: str) -> int:
    """Return how many mirrors were first seen since."""
    query = select(func.count()).select_from(mirrors).where(mirrors.c.first_seen > since)
    return int(connection.execute(query).scalar_one())


def idle_mirror(connection: Connection, since: str) -> int | None:
    """Return the mirror that is silent for longest, and since then, of those that never proved anything."""
    proved = select(proofs.c.mirror).where(proofs.c.outcome == "proved")
    last = func.coalesce(mirrors.c.received_at, mirrors.c.first_seen)
    query = select(mirrors.c.number).where(last < since, mirrors.c.number.not_in(proved))
    found = connection.execute(query.order_by(last, mirrors.c.number).limit(1)).scalar()
    return None if found is None else int(found)


def number_bags(connection: Connection) -> dict[str, int]:
    """Return the number of each bag that is current or was; one that is new gets one, with no copies yet."""
    known = select(bags.c.id).union(select(former_bags.c.id)).subquery()
    new = select(known.c.id).where(known.c.id.not_in(select(copies.c.bag_id))).order_by(known.c.id)
    rows = [{"bag_id": bag, "claimed": 0, "proven": 0} for bag in connection.execute(new).scalars()]
    if rows:
        connection.execute(insert(copies), rows)
    return {
        row.bag_id: int(row.number) for row in connection.execute(select(copies.c.bag_id, copies.c.number))
    }


def _record(row: Row[Any]) -> MirrorRecord:
    return MirrorRecord(**{**row._mapping, "peers": tuple(row.peers)})
