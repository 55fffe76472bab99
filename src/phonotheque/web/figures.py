"""The few numbers that say how an archive stands. Aggregates only; lists are in listings.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, select

from phonotheque.catalogue.engine import view
from phonotheque.ledger.bags import EditionRecord, bag_totals, latest_edition
from phonotheque.ledger.schema import bag_files
from phonotheque.ledger.stream import stream_parts
from phonotheque.web.looking.catalogue_counts import Reading
from phonotheque.web.looking.first import First

_AT_ONCE = 50_000  # ids in one batch on their way from the ledger to the engine

_HELD = "SELECT count(*), sum(listens)::HUGEINT FROM candidate"
# A recording may have been merged into another since it was published; its old id leads to the new one.
_PUBLISHED = """
    SELECT count(*), sum(candidate.listens)::HUGEINT FROM candidate JOIN recordings USING (recording)
    WHERE recordings.id IN (
        SELECT coalesce(new_id, published.recording) FROM published
        LEFT JOIN (FROM redirects WHERE kind = 'recording') r ON r.old_id = published.recording
    )
"""
_LISTENS = "SELECT sum(listens)::HUGEINT FROM recordings"
_COUNTS = "SELECT DISTINCT source, max(as_of) FROM listens GROUP BY source ORDER BY source LIMIT 5"


@dataclass(frozen=True, slots=True)
class Listening:
    """How often the recordings that are known were listened to, and how much of it falls on what we have."""

    total: int
    held: int
    published: int
    counts: tuple[tuple[str, str], ...]  # (source, date of its newest count), at most five


@dataclass(frozen=True, slots=True)
class Figures:
    """How an archive stands. ``recordings`` are those with a held master."""

    masters: int
    bytes: int
    seconds: float
    may_be_shared: int  # masters with a basis for distribution
    bags: int
    bag_bytes: int
    edition: EditionRecord | None
    recordings: int = 0
    published: int = 0
    known: int = 0  # recordings in the catalogue
    listening: Listening | None = None  # None where nobody counted


def figures(ledger: Connection, first: First, reading: Reading | None, candidates: Path | None) -> Figures:
    """Return the figures. ``reading`` and ``candidates`` are None where no catalogue was made yet.

    ``candidates`` is a file of rows of editions.candidates.CANDIDATES.
    """
    bags = bag_totals(ledger)
    recordings = published = known = 0
    listening = None
    if reading is not None and candidates is not None:
        view(reading.engine, "candidate", candidates)
        reading.engine.execute("CREATE TABLE published (recording VARCHAR)")
        for batch in _published(ledger):
            reading.engine.register("batch", batch)
            reading.engine.execute("INSERT INTO published FROM batch")
            reading.engine.unregister("batch")
        recordings, held_listens = reading.rows(_HELD)[0]
        published, published_listens = reading.rows(_PUBLISHED)[0]
        known = reading.snapshot.counts["recordings"]
        if total := reading.number(_LISTENS):
            counts = tuple((str(source), str(as_of)) for source, as_of in reading.rows(_COUNTS))
            listening = Listening(total, int(held_listens or 0), int(published_listens or 0), counts)
    return Figures(
        masters=first.files,
        bytes=first.bytes,
        seconds=first.seconds or 0.0,
        may_be_shared=first.shareable,
        bags=int(bags["bags"]),
        bag_bytes=int(bags["bytes"]),
        edition=latest_edition(ledger),
        recordings=int(recordings),
        published=int(published),
        known=known,
        listening=listening,
    )


def _published(ledger: Connection) -> Iterator[pa.Table]:
    """Stream the distinct recordings that are in bags."""
    query = select(bag_files.c.recording).where(bag_files.c.recording.is_not(None)).distinct()
    for part in stream_parts(ledger, query, _AT_ONCE):
        yield pa.table({"recording": pa.array([row.recording for row in part], pa.string())})
