"""What is to be said of every held master at a glance: its licences, format, and where it may be heard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from phonotheque.ledger.schema import decisions, events, files, redecisions, rights_statements
from phonotheque.ledger.statement_rows import STANDING
from phonotheque.model.rights import Act, Answer, Kind

_AT_ONCE: Final = 5000  # masters
_LICENSING: Final = (Kind.LICENCE.value, Kind.PUBLIC_DOMAIN.value)


@dataclass(frozen=True, slots=True)
class HeldTerms:
    """A held master.

    ``licences`` are those that stand, as SPDX ids; ``heard`` is the territory (model.territory) in which a
    decision lets it be streamed, None where there is none.
    """

    sha256: str
    licences: tuple[str, ...]
    codec: str | None
    heard: str | None


def held_terms(connection: Connection) -> Iterator[Sequence[HeldTerms]]:
    """Yield all held masters, some thousands at a time, each read in a statement of its own."""
    last = 0
    while rows := connection.execute(
        select(files.c.id, files.c.sha256, files.c.codec)
        .where(files.c.id > last, files.c.kind == "master", files.c.held)
        .order_by(files.c.id)
        .limit(_AT_ONCE)
    ).all():
        first, last = rows[0].id, rows[-1].id
        licences = _licences(connection, first, last)
        heard = _heard(connection, first, last)
        yield [
            HeldTerms(row.sha256, tuple(sorted(licences[row.id])), row.codec, heard.get(row.id))
            for row in rows
        ]


def ledger_basis(connection: Connection) -> str:
    """Return what changes whenever something was taken in, decided or taken back; it costs two look-ups."""
    last_event = connection.execute(select(func.max(events.c.id))).scalar()
    last_run = connection.execute(select(func.max(redecisions.c.id))).scalar()
    return f"{last_event or 0}.{last_run or 0}"


def _licences(connection: Connection, first: int, last: int) -> dict[int, set[str]]:
    table = rights_statements.c
    query = select(table.file_id, table.licence).where(
        table.file_id.between(first, last), STANDING, table.licence.is_not(None), table.kind.in_(_LICENSING)
    )
    found: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(query):
        found[row.file_id].add(row.licence)
    return found


def _heard(connection: Connection, first: int, last: int) -> dict[int, str]:
    query = select(decisions.c.file_id, decisions.c.territory).where(
        decisions.c.file_id.between(first, last),
        decisions.c.act == Act.STREAM.value,
        decisions.c.answer == Answer.YES.value,
    )
    return {row.file_id: row.territory for row in connection.execute(query)}
