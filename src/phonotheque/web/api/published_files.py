"""The published files of recordings: in which bag each lies, for whom, and on which terms, on a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from phonotheque.editions.croissant import licence_addresses
from phonotheque.editions.mining import declared, rests_on
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.bags import IN_AN_EDITION
from phonotheque.ledger.schema import bag_files, bags, files
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Answer, Statement
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that may be had. ``reserved``: whether mining it is, None where nothing is declared."""

    sha256: str
    master: str  # SHA-256 of the master: its own, or of what an access copy was made from
    kind: str  # "master" or "access"
    bag: str
    path: str  # relative to the bag
    place: str  # relative to the public tree
    audience: str  # model.territory
    size: int
    container: str | None
    codec: str | None
    duration: float | None  # seconds
    licences: tuple[str, ...]  # their addresses
    reserved: bool | None


def published_files(
    ledger: Connection, settings: Settings, masters: Collection[str], on: date
) -> dict[str, list[PublishedFile]]:
    """Return, by the SHA-256 of masters, what is published and may be had by its audience on a day."""
    rows: list[Row[Any]] = []
    for some in batched(sorted(masters), IN_A_STATEMENT):
        rows += ledger.execute(_query(some)).all()
    statements = standing_statements(ledger, {row.master_id or row.id for row in rows})
    hashes = _hashes(ledger, {row.master_id for row in rows if row.master_id})
    found: dict[str, list[PublishedFile]] = {}
    for row in rows:
        standing = statements[row.master_id or row.id]
        shared = decide(standing, Act.DISTRIBUTE, on=on, territory=row.audience)
        if shared.answer is not Answer.YES:
            continue
        master = hashes.get(row.master_id, row.sha256)
        licences = tuple(licence_addresses(rests_on(standing, shared.statements)))
        found.setdefault(master, []).append(_file(row, master, licences, standing, settings, on))
    return found


def _query(masters: Collection[str]) -> Any:
    ids = select(files.c.id).where(files.c.sha256.in_(masters)).scalar_subquery()
    return (
        select(bag_files.c.bag_id, bag_files.c.path, bags.c.audience, files)
        .join(files, files.c.id == bag_files.c.file_id)
        .join(bags, bags.c.id == bag_files.c.bag_id)
        .where(or_(files.c.id.in_(ids), files.c.master_id.in_(ids)), IN_AN_EDITION)
        .order_by(bag_files.c.bag_id, bag_files.c.path)
    )


def _hashes(ledger: Connection, ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in batched(sorted(ids), IN_A_STATEMENT):
        query = select(files.c.id, files.c.sha256).where(files.c.id.in_(some))
        found |= {row.id: row.sha256 for row in ledger.execute(query)}
    return found


def _file(
    row: Row[Any],
    master: str,
    licences: tuple[str, ...],
    standing: list[Statement],
    settings: Settings,
    on: date,
) -> PublishedFile:
    mined = decide(standing, Act.MINE, on=on, territory=row.audience)
    return PublishedFile(
        sha256=row.sha256,
        master=master,
        kind=row.kind,
        bag=row.bag_id,
        path=row.path,
        place=f"{bags_folder(row.audience)}/{row.bag_id}/{row.path}",
        audience=row.audience,
        size=row.size,
        container=row.container,
        codec=row.codec,
        duration=row.duration,
        licences=licences,
        reserved=declared(mined.answer, settings.mining.reserve),
    )
