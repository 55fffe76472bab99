"""Lists of accessions, and of what each took in: as far as everybody may know of it, and some at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from phonotheque.ledger.files import Accession
from phonotheque.ledger.schema import accessions, files
from phonotheque.ledger.withdrawal_tables import withdrawal_files
from phonotheque.ledger.withdrawals import withdrawal

_PUBLIC = (accessions.c.id, accessions.c.source, accessions.c.started_at, accessions.c.finished_at)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What an accession took in: masters, their bytes and seconds; the first so many where ``more``."""

    masters: int
    bytes: int
    seconds: float
    more: bool


def find_accession(connection: Connection, accession: str) -> Accession | None:
    """Return an accession by its id, None if there is none."""
    row = connection.execute(select(*_PUBLIC).where(accessions.c.id == accession)).first()
    return None if row is None else Accession(**row._mapping)


def accessions_before(
    connection: Connection, before: tuple[str, str] | None, most: int, *, source: str = ""
) -> list[Accession]:
    """Return accessions, the newest first, from the one before a moment and an id on, at most so many."""
    query = select(*_PUBLIC)
    if source:
        query = query.where(accessions.c.source == source)
    if before is not None:
        query = query.where(tuple_(accessions.c.started_at, accessions.c.id) < tuple_(*before))
    newest = (accessions.c.started_at.desc(), accessions.c.id.desc())
    return [Accession(**row._mapping) for row in connection.execute(query.order_by(*newest).limit(most))]


def taken_in(connection: Connection, accession: str, most: int) -> TakenIn:
    """Return what an accession took in; no more than so many masters are looked at."""
    some = (
        select(files.c.size, files.c.duration)
        .where(files.c.accession_id == accession, files.c.kind == "master")
        .order_by(files.c.id)
        .limit(most + 1)
        .subquery()
    )
    row: Any = connection.execute(
        select(func.count(), func.sum(some.c.size), func.sum(some.c.duration)).select_from(some)
    ).one()
    return TakenIn(min(row[0], most), int(row[1] or 0), float(row[2] or 0), row[0] > most)


def masters_of(connection: Connection, accession: str, after: int, most: int) -> list[Row[Any]]:
    """Return id, SHA-256, length in seconds, tags and ``held`` of masters that an accession took in.

    They come in the order in which they were taken in, after the one with an id.
    """
    query = (
        select(files.c.id, files.c.sha256, files.c.duration, files.c.tags, files.c.held)
        .where(files.c.accession_id == accession, files.c.kind == "master", files.c.id > after)
        .order_by(files.c.id)
        .limit(most)
    )
    return list(connection.execute(query))


def taken_back_among(connection: Connection, file_ids: Iterable[int]) -> set[int]:
    """Return those of some masters that a withdrawal in effect took back, anywhere."""
    table = withdrawal_files
    query = select(table.c.file_id, table.c.withdrawal_id).where(table.c.file_id.in_(list(file_ids)))
    rows = connection.execute(query).all()
    in_effect = {key for key in {row.withdrawal_id for row in rows} if withdrawal(connection, key).in_effect}
    return {int(row.file_id) for row in rows if row.withdrawal_id in in_effect}
