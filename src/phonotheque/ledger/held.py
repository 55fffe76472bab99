"""The masters that are held, streamed: for questions about all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, select

from phonotheque.ledger.schema import decisions, files
from phonotheque.ledger.stream import stream_parts
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import WORLDWIDE, Act, Answer

_AT_ONCE = 50_000
# What choosing among masters goes by: fingerprints and tags, a file's largest columns, are not read for it.
_COMPARED = (
    files.c.id,
    files.c.sha256,
    files.c.size,
    files.c.duration,
    files.c.lossless,
    files.c.bit_rate,
    files.c.sample_rate,
    files.c.channels,
    files.c.bits_per_sample,
    files.c.integrity,
)


def held_masters(connection: Connection) -> Iterator[list[tuple[str, int]]]:
    """Yield the SHA-256 and size in bytes of every held master, some thousands at a time."""
    query = select(files.c.sha256, files.c.size).where(files.c.kind == "master", files.c.held)
    for part in stream_parts(connection, query, _AT_ONCE):
        yield [(str(row.sha256), int(row.size)) for row in part]


def masters_to_choose_from(connection: Connection) -> Iterator[Sequence[Any]]:
    """Yield every held master, some thousands at a time, with what tells them apart.

    ``publishable`` is whether a recorded basis lets it be distributed, worldwide; ``allowed_in`` the
    territory (model.territory) in which one does, None for nowhere.
    """
    allowed = and_(
        decisions.c.file_id == files.c.id,
        decisions.c.act == Act.DISTRIBUTE.value,
        decisions.c.answer == Answer.YES.value,  # in one row at most: worldwide, or for where it is so
    )
    worldwide = and_(decisions.c.territory.is_not(None), decisions.c.territory == WORLDWIDE)
    query = (
        select(*_COMPARED, worldwide.label("publishable"), decisions.c.territory.label("allowed_in"))
        .outerjoin(decisions, allowed)
        .where(files.c.kind == "master", files.c.held)
    )
    yield from stream_parts(connection, query, _AT_ONCE)


def where_allowed(connection: Connection, act: Act, among: Iterable[int]) -> dict[int, str]:
    """Return the territory in which an act was decided to be allowed, for those files that have one."""
    found: dict[int, str] = {}
    for some in batched(among, IN_A_STATEMENT):
        query = select(decisions.c.file_id, decisions.c.territory).where(
            decisions.c.file_id.in_(some),
            decisions.c.act == act.value,
            decisions.c.answer == Answer.YES.value,
        )
        found |= {row.file_id: row.territory for row in connection.execute(query)}
    return found
