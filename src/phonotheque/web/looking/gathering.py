"""Counting all that there is to look at, in an archive or on a mirror: for report and room alike."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.listening import listening
from phonotheque.catalogue.manifest import Snapshot, current
from phonotheque.editions.planning import Planned, planned
from phonotheque.ledger.held import held_masters
from phonotheque.vault.archive import Archive
from phonotheque.web.looking.catalogue_counts import (
    CATALOGUE,
    Reading,
    count_catalogue,
    count_coverage,
    count_listening,
)
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.first import (
    copies_told,
    first_of_archive,
    first_of_mirror,
    followed,
)
from phonotheque.web.looking.kept import Kept
from phonotheque.web.looking.ledger_counts import count_copies, count_growth, count_masters, count_rights
from phonotheque.web.looking.mirror_counts import (
    about_bags,
    catalogue_held,
    count_edition,
    count_told_copies,
)

_MEMORY: Final = "1GB"  # of the engine; it spills beyond
_POINTS: Final = 100  # of the curve of all listening


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was counted, and what it was counted from, while that is open."""

    ledger: Connection
    kept: Kept
    reading: Reading | None  # None where no catalogue was made yet
    plan: Planned | None


@contextmanager
def gathered(archive: Archive, *, at: datetime, before: Kept | None = None) -> Iterator[Gathered]:
    """Count everything of an archive as of ``at``.

    What was kept ``before`` of the same snapshot is not counted again: a snapshot never changes. Everything
    else reads every row of files, decisions and bags.
    """
    with archive.ledger.connect() as ledger, _reading(archive) as reading, _planned(archive, reading) as plan:
        masters = count_masters(ledger)
        first = first_of_archive(archive, ledger, at, masters)
        counts = [
            *masters.plots,
            count_growth(ledger, first.at[:10]),
            *count_rights(ledger),
            *count_copies(ledger, first.copies_at),
        ]
        if reading and plan:
            counts += _of_catalogue(reading, at, before)
            counts.append(count_coverage(plan.plan))
            counts.append(count_listening(listening(reading.snapshot, held_masters(ledger), points=_POINTS)))
        stamp = reading.snapshot.stamp if reading else None
        yield Gathered(ledger, Kept(first, stamp, _by_key(counts)), reading, plan)


def gather_of_mirror(mirror: Archive, *, at: datetime, before: Kept | None = None) -> Kept:
    """Count what a mirror can tell: public facts of the edition that it follows, and what is on its disk."""
    edition, told = followed(mirror), copies_told(mirror)
    with mirror.ledger.connect() as ledger:
        if edition is None:
            return Kept(first_of_mirror(mirror, ledger, at), None, {})
        about = about_bags(mirror, edition)
        first = first_of_mirror(mirror, ledger, at, edition, about)
        days = before.counts.get("copies-over-time") if before else None
        counts = [*count_edition(edition, about), *count_told_copies(edition, told, days)]
        snapshot = catalogue_held(mirror, ledger, edition)
    if snapshot is not None:
        with _reading_of(snapshot) as reading:
            # The folder of a bag has no stamp: the edition says which snapshot it is.
            counts += _of_catalogue(reading, at, before, edition.catalogue.snapshot)
    return Kept(first, edition.catalogue.snapshot if snapshot else None, _by_key(counts))


def _of_catalogue(
    reading: Reading, at: datetime, before: Kept | None, stamp: str | None = None
) -> list[Counted]:
    if before and before.snapshot == (stamp or reading.snapshot.stamp):
        known = [before.counts[key] for key in CATALOGUE if key in before.counts]
        if len(known) == len(CATALOGUE):
            return known
    return list(count_catalogue(reading, at))


@contextmanager
def _planned(archive: Archive, reading: Reading | None) -> Iterator[Planned | None]:
    """Plan without a budget, if there is a snapshot: what every size would cover."""
    if reading is None:
        yield None
        return
    with planned(archive, None) as found:
        yield found


@contextmanager
def _reading(archive: Archive) -> Iterator[Reading | None]:
    """Open the current snapshot, if there is one."""
    snapshot = current(archive.catalogue)
    if snapshot is None:
        yield None
        return
    with _reading_of(snapshot) as reading:
        yield reading


@contextmanager
def _reading_of(snapshot: Snapshot) -> Iterator[Reading]:
    """Open a snapshot in an engine that may spill to the disk."""
    with (
        tempfile.TemporaryDirectory(prefix="phonotheque-") as spill,
        closing(connect(memory_limit=_MEMORY, spill=Path(spill))) as engine,
        explaining("counting", snapshot.path),
    ):
        yield Reading.of(engine, snapshot)


def _by_key(counts: list[Counted]) -> Mapping[str, Counted]:
    return {counted.key: counted for counted in counts}
