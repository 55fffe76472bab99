"""How far the scrub is: when each unit of what is held was last read to its end, and the pass under way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, delete, func, select

from phonotheque.ledger.schema import fixity_checks, metadata
from phonotheque.ledger.together import insert_or_replace

_TIME = String(32)

scrubs = Table(
    "scrubs",
    metadata,
    Column("place", String(1024), primary_key=True),  # as in bag_places; empty: the archive's own folder
    Column("unit", String(160), primary_key=True),  # a bag's id, "incoming/ab", "catalogue", "ledger", …
    Column("verified_at", _TIME),  # when the last whole pass began: all of it was read since; null: never
    Column("files", BigInteger, nullable=False),  # of that pass
    Column("bytes", BigInteger, nullable=False),
    Column("wrong", BigInteger, nullable=False),
    Column("begun_at", _TIME),  # when the pass under way began; null: none is
    Column("after", Text),  # the path of the last file that it has read
    Column("begun_files", BigInteger, nullable=False),
    Column("begun_bytes", BigInteger, nullable=False),
    Column("begun_wrong", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Scrub:
    """What is known of one unit. See the table's columns."""

    place: str
    unit: str
    verified_at: str | None = None
    files: int = 0
    bytes: int = 0
    wrong: int = 0
    begun_at: str | None = None
    after: str | None = None
    begun_files: int = 0
    begun_bytes: int = 0
    begun_wrong: int = 0

    def begun(self, at: str) -> Scrub:
        """Return it with a pass under way: the one that is, or one that begins ``at``."""
        if self.begun_at is not None:
            return self
        return replace(self, begun_at=at, after=None, begun_files=0, begun_bytes=0, begun_wrong=0)

    def finished(self) -> Scrub:
        """Return it with the pass under way come to its end."""
        return Scrub(
            self.place, self.unit, self.begun_at, self.begun_files, self.begun_bytes, self.begun_wrong
        )


def all_scrubs(connection: Connection, at: str) -> dict[tuple[str, str], Scrub]:
    """Return what is known ``at`` a time of every unit that was ever read, by place and unit.

    What would have been read later than that was read under a wrong clock: when, nobody knows.
    """
    found = {}
    for row in connection.execute(select(scrubs)):
        scrub = Scrub(**row._mapping)
        if scrub.verified_at is not None and scrub.verified_at > at:
            scrub = replace(scrub, verified_at=None)
        if scrub.begun_at is not None and scrub.begun_at > at:
            scrub = replace(scrub, begun_at=None)
        found[scrub.place, scrub.unit] = scrub
    return found


def whole_since(connection: Connection, unit: str) -> str | None:
    """Return when a unit in the archive's own folder was last read and all of it was right, None if never."""
    query = select(scrubs.c.verified_at).where(
        scrubs.c.place == "", scrubs.c.unit == unit, scrubs.c.wrong == 0
    )
    found: str | None = connection.execute(query).scalar()
    return found


def save_scrub(connection: Connection, scrub: Scrub) -> None:
    """Record how a unit stands now."""
    insert_or_replace(connection, scrubs, asdict(scrub))


def note_verified(
    connection: Connection, unit: str, *, at: str, files: int, size: int, wrong: int = 0, place: str = ""
) -> None:
    """Record that all of a unit was read since ``at`` by something else than the scrub."""
    save_scrub(connection, Scrub(place, unit, at, files, size, wrong))


def forget_scrubs(connection: Connection, keys: Iterable[tuple[str, str]]) -> None:
    """Forget units that are there no more."""
    for place, unit in keys:
        connection.execute(delete(scrubs).where(scrubs.c.place == place, scrubs.c.unit == unit))


def read_between(connection: Connection, since: str, until: str) -> tuple[int, str | None]:
    """Return how many bytes checks of any kind that began then have read, and when the first of them did."""
    query = select(func.sum(fixity_checks.c.bytes), func.min(fixity_checks.c.started_at)).where(
        fixity_checks.c.started_at.between(since, until)
    )
    row: Any = connection.execute(query).one()
    return int(row[0] or 0), row[1]
