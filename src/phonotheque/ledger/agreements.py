"""Deposits and messages of labels, as the ledger has them: which files they are about, and what holds now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from phonotheque.ledger.agreement_tables import deliveries, deposits, granted_files
from phonotheque.ledger.schema import decisions, files
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import insert_or_replace
from phonotheque.model.rights import Act, Answer
from phonotheque.model.territory import parse_territory

SAME = "="  # before a release's key: another id of the same release


@dataclass(frozen=True, slots=True)
class Delivered:
    """That a message spoke of a release. ``main``: the one that it came with as a track, or itself.

    Of another id of a release, ``main`` is that release after an equals sign.
    """

    release: str
    message_sha256: str
    main: str
    message_id: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Deposit:
    """One deposit under an agreement."""

    id: str
    agreement_sha256: str
    depositor: str
    location: str
    agent: str
    signed_by: str | None
    started_at: str
    finished_at: str | None


def link_file(
    connection: Connection, basis: str, file_id: int, what: str, *, accession: str, at: str
) -> None:
    """Record that an agreement is about a file; once is enough."""
    key = {"basis": basis, "file_id": file_id, "what": what}
    same = [granted_files.c[name] == value for name, value in key.items()]
    if connection.execute(select(granted_files.c.file_id).where(*same)).first() is None:
        connection.execute(insert(granted_files), {**key, "accession_id": accession, "recorded_at": at})


def bases_of(connection: Connection, file_ids: Iterable[int]) -> dict[int, set[str]]:
    """Return which agreements are about each of these files."""
    table, found = granted_files, {file_id: set[str]() for file_id in file_ids}
    rows = connection.execute(select(table.c.file_id, table.c.basis).where(table.c.file_id.in_(list(found))))
    for row in rows:
        found[row.file_id].add(row.basis)
    return found


def files_under(connection: Connection, basis: str) -> list[tuple[int, str]]:
    """Return the files that an agreement is about, with what it calls them."""
    table = granted_files
    rows = connection.execute(select(table.c.file_id, table.c.what).where(table.c.basis == basis))
    return [(row.file_id, row.what) for row in rows]


def granted(
    connection: Connection, *, basis: str | None = None, accession: str | None = None
) -> Iterator[Row[Any]]:
    """Stream the files that an agreement is about, or that an accession brought under one, by name.

    Each with its id, SHA-256, size, name, kind, whether it is held, what the agreement calls it, and its
    accession.
    """
    table = granted_files
    columns = (files.c.id, files.c.sha256, files.c.size, files.c.name, files.c.kind, files.c.held)
    query = select(*columns, table.c.basis, table.c.what, table.c.accession_id).join(
        files, files.c.id == table.c.file_id
    )
    if basis is not None:
        query = query.where(table.c.basis == basis)
    if accession is not None:
        query = query.where(table.c.accession_id == accession)
    yield from stream(connection, query.order_by(table.c.what, files.c.id))


def keepable_in(connection: Connection, country: str, among: Iterable[int]) -> set[int]:
    """Return which of these files may be preserved in a country, by the decisions; none for no country."""
    if not country:
        return set()
    table = decisions
    rows = connection.execute(
        select(table.c.file_id, table.c.territory).where(
            table.c.act == Act.PRESERVE.value,
            table.c.answer == Answer.YES.value,
            table.c.file_id.in_(list(among)),
        )
    )
    return {row.file_id for row in rows if country in parse_territory(row.territory)}


def record_delivery(connection: Connection, delivered: Delivered, *, at: str) -> None:
    """Record that a message spoke of a release, whatever came of it."""
    row = {name: getattr(delivered, name) for name in Delivered.__dataclass_fields__}
    insert_or_replace(connection, deliveries, {**row, "recorded_at": at})


def deliveries_of(connection: Connection, releases: Iterable[str]) -> list[Delivered]:
    """Return every message that spoke of these releases."""
    columns = [deliveries.c[name] for name in Delivered.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(deliveries.c.release.in_(list(releases))))
    return [Delivered(**row._mapping) for row in rows]


def same_releases(connection: Connection, releases: Iterable[str]) -> set[str]:
    """Return these releases with all other keys that messages ever gave them."""
    table = deliveries
    new = set(releases)
    found = set(new)
    while new:
        mains = [f"{SAME}{each}" for each in new]
        like = or_(table.c.release.in_(new) & table.c.main.startswith(SAME), table.c.main.in_(mains))
        rows = connection.execute(select(table.c.release, table.c.main).where(like)).all()
        new = {each for row in rows for each in (row.release, row.main.removeprefix(SAME))} - found
        found |= new
    return found


def releases_with(connection: Connection, main: str) -> set[str]:
    """Return the releases that ever came with a main release, itself included."""
    query = select(deliveries.c.release).where(deliveries.c.main == main)
    return {main, *connection.execute(query).scalars()}


def deposit_under(connection: Connection, agreement_sha256: str) -> Deposit | None:
    """Return the deposit under an agreement, if there is one."""
    columns = [deposits.c[name] for name in Deposit.__dataclass_fields__]
    query = select(*columns).where(deposits.c.agreement_sha256 == agreement_sha256)
    row = connection.execute(query).first()
    return None if row is None else Deposit(**row._mapping)


def deposit_of(connection: Connection, deposit_id: str) -> Deposit | None:
    """Return a deposit by its id."""
    columns = [deposits.c[name] for name in Deposit.__dataclass_fields__]
    row = connection.execute(select(*columns).where(deposits.c.id == deposit_id)).first()
    return None if row is None else Deposit(**row._mapping)


def start_deposit(
    connection: Connection,
    *,
    agreement_sha256: str,
    depositor: str,
    location: str,
    agent: str,
    signed_by: str | None,
    at: str,
) -> Deposit:
    """Return the deposit under an agreement, begun now unless it was begun before."""
    if known := deposit_under(connection, agreement_sha256):
        return known
    made = Deposit(str(uuid.uuid4()), agreement_sha256, depositor, location, agent, signed_by, at, None)
    connection.execute(insert(deposits), {name: getattr(made, name) for name in Deposit.__dataclass_fields__})
    return made


def finish_deposit(connection: Connection, deposit_id: str, *, at: str) -> None:
    """Record that all of a deposit was looked at."""
    connection.execute(update(deposits).where(deposits.c.id == deposit_id).values(finished_at=at))
