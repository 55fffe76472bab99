"""Proofs of possession: who was asked for blocks of which bag, when, where, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, case, func, insert, select

from phonotheque.ledger.mirror_tables import copies, mirrors, proofs
from phonotheque.ledger.mirrors import know_mirror, number_bags
from phonotheque.model.errors import NotFoundError


class Outcome(StrEnum):
    """What came of asking."""

    PROVED = "proved"  # every block that was asked for came, and is what was sealed
    FAILED = "failed"  # it answered, and a block was wrong or refused: earlier proofs count no more
    UNREACHABLE = "unreachable"  # nothing was learnt; earlier proofs stay


@dataclass(frozen=True, slots=True)
class Proof:
    """That a mirror was asked at ``at`` (UTC) for random blocks of a bag.

    ``method`` says how ("web": ranges over HTTP; "peer": pieces over BitTorrent), ``address`` where it
    answered: a URL or HOST:PORT. ``blocks`` and ``bytes`` are those that were compared with the torrent's
    hashes.
    """

    mirror: str  # its id
    bag: str
    at: str
    outcome: Outcome
    method: str
    address: str
    blocks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A proof that still counts, by the numbers of mirror and bag."""

    mirror: int
    bag: int
    at: str
    address: str


def record_proofs(connection: Connection, asked: Iterable[Proof]) -> None:
    """Record what came of asking. Whoever calls has compared the blocks, and counts copies afterwards
    (mirrors.health.count_copies).

    A mirror that never reported is recorded with its first proof. Raises NotFoundError for a bag that no
    edition lists or listed.
    """
    numbers = number_bags(connection)
    for proof in asked:
        if proof.bag not in numbers:
            raise NotFoundError(f"There is no bag {proof.bag}.", "Proofs are about bags of this archive.")
        mirror = know_mirror(connection, proof.mirror, at=proof.at)
        row = {name: getattr(proof, name) for name in ("at", "method", "address", "blocks", "bytes")}
        row |= {"mirror": mirror.number, "bag": numbers[proof.bag], "outcome": proof.outcome.value}
        connection.execute(insert(proofs).values(**row))


def standing_proofs(connection: Connection, since: str) -> list[Standing]:
    """Return for each mirror and bag the newest proof, if it is not older than ``since`` and did not fail."""
    newest = func.row_number().over(
        partition_by=(proofs.c.mirror, proofs.c.bag), order_by=(proofs.c.at.desc(), proofs.c.id.desc())
    )
    told = (
        select(proofs, newest.label("place"))
        .where(proofs.c.at >= since, proofs.c.outcome != Outcome.UNREACHABLE.value)
        .subquery()
    )
    query = select(told).where(told.c.place == 1, told.c.outcome == Outcome.PROVED.value)
    return [Standing(row.mirror, row.bag, row.at, row.address) for row in connection.execute(query)]


def proofs_of_bag(connection: Connection, bag: str) -> list[Proof]:
    """Return every time that somebody was asked for blocks of a bag, the newest first."""
    return _proofs(connection, copies.c.bag_id == bag)


def proofs_of_mirror(connection: Connection, number: int) -> list[Proof]:
    """Return every time that a mirror was asked for blocks, the newest first."""
    return _proofs(connection, proofs.c.mirror == number)


def proof_totals(connection: Connection) -> dict[int, tuple[int, int, str | None]]:
    """Return by its number how often each mirror was asked, how often it proved, and when it did last."""
    proved = proofs.c.outcome == Outcome.PROVED.value
    query = select(
        proofs.c.mirror,
        func.count(),
        func.sum(case((proved, 1), else_=0)),
        func.max(case((proved, proofs.c.at))),
    ).group_by(proofs.c.mirror)
    return {
        int(mirror): (int(asked), int(proven), last)
        for mirror, asked, proven, last in connection.execute(query)
    }


def _proofs(connection: Connection, which: ColumnElement[bool]) -> list[Proof]:
    query = (
        select(proofs, mirrors.c.id.label("mirror_id"), copies.c.bag_id)
        .join(mirrors, mirrors.c.number == proofs.c.mirror)
        .join(copies, copies.c.number == proofs.c.bag)
        .where(which)
        .order_by(proofs.c.at.desc(), proofs.c.id.desc())
    )
    return [
        Proof(
            mirror=row.mirror_id,
            bag=row.bag_id,
            at=row.at,
            outcome=Outcome(row.outcome),
            method=row.method,
            address=row.address,
            blocks=row.blocks,
            bytes=row.bytes,
        )
        for row in connection.execute(query)
    ]
