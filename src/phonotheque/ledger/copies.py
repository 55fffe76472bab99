"""What the ledger knows of copies: fingerprints, equal samples, and one file at several places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from phonotheque.ledger.schema import events, files, sightings
from phonotheque.ledger.stream import stream
from phonotheque.model.batches import IN_A_STATEMENT, batched

HEARD_ANEW: Final = "metadata modification"  # the event of a file that has another fingerprint now

# All that choosing a copy takes; fingerprints and tags, a file's largest columns, are not read for it.
_TOLD: Final = (
    files.c.id,
    files.c.sha256,
    files.c.size,
    files.c.held,
    files.c.name,
    files.c.added_at,
    files.c.pcm_sha256,
    files.c.container,
    files.c.codec,
    files.c.duration,
    files.c.sample_rate,
    files.c.channels,
    files.c.bit_rate,
    files.c.bits_per_sample,
    files.c.lossless,
    files.c.integrity,
)
_MASTER: Final = files.c.kind == "master"


def fingerprints_after(connection: Connection, last: int) -> Iterator[tuple[int, str, bytes]]:
    """Stream (id, SHA-256, fingerprint) of the masters recorded after the file ``last``, in that order."""
    query = select(files.c.id, files.c.sha256, files.c.fingerprint).where(_MASTER, files.c.id > last)
    for row in stream(connection, query.order_by(files.c.id)):
        yield int(row.id), row.sha256, row.fingerprint or b""


def fingerprints_of(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[bytes, float]]:
    """Return the fingerprint and the length in seconds of these masters; one that is gone is left out."""
    found = {}
    for chunk in batched(ids, IN_A_STATEMENT):
        query = select(files.c.id, files.c.fingerprint, files.c.duration).where(
            files.c.id.in_(chunk), _MASTER
        )
        for row in connection.execute(query):
            found[int(row.id)] = (row.fingerprint or b"", row.duration or 0.0)
    return found


def names_of(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return the SHA-256 of these files, by id."""
    found: dict[int, str] = {}
    for chunk in batched(ids, IN_A_STATEMENT):
        rows = connection.execute(select(files.c.id, files.c.sha256).where(files.c.id.in_(chunk)))
        found.update((int(row.id), str(row.sha256)) for row in rows)
    return found


def heard_anew(connection: Connection, after: int) -> tuple[list[int], int]:
    """Return the files whose fingerprint was replaced since the event ``after``, and the newest event."""
    newest = newest_event(connection)
    query = (
        select(files.c.id)
        .join(events, events.c.subject == files.c.sha256)
        .where(events.c.id > after, events.c.id <= newest, events.c.type == HEARD_ANEW)
        .distinct()
    )
    return sorted(int(row.id) for row in connection.execute(query)), newest


def newest_event(connection: Connection) -> int:
    """Return the number of the newest event, 0 where there is none."""
    return int(connection.execute(select(func.max(events.c.id))).scalar() or 0)


def masters(
    connection: Connection,
    *,
    ids: Iterable[int] = (),
    sha256: Iterable[str] = (),
    pcm_sha256: Iterable[str] = (),
) -> list[Row[Any]]:
    """Return what is known of masters, by any of their names, without fingerprints and tags."""
    found: dict[int, Row[Any]] = {}
    for column, values in ((files.c.id, ids), (files.c.sha256, sha256), (files.c.pcm_sha256, pcm_sha256)):
        for chunk in batched(values, IN_A_STATEMENT):
            rows: Iterable[Row[Any]] = connection.execute(select(*_TOLD).where(column.in_(chunk), _MASTER))
            found.update((int(row.id), row) for row in rows)
    return [found[key] for key in sorted(found)]


def same_samples(connection: Connection) -> Iterator[list[int]]:
    """Yield the ids of masters with equal decoded samples, at the same rate and in as many channels."""
    kept = [files.c.pcm_sha256, files.c.sample_rate, files.c.channels]
    several = (
        select(files.c.pcm_sha256)
        .where(_MASTER, files.c.pcm_sha256.is_not(None))
        .group_by(files.c.pcm_sha256)
        .having(func.count() > 1)
    )
    query = (
        select(files.c.id, *kept).where(_MASTER, files.c.pcm_sha256.in_(several)).order_by(*kept, files.c.id)
    )
    group: list[int] = []
    before: tuple[Any, ...] = ()
    for row in stream(connection, query):
        if row[1:] != before:
            if len(group) > 1:
                yield group
            group, before = [], tuple(row[1:])
        group.append(int(row.id))
    if len(group) > 1:
        yield group


def seen_at_several_places(connection: Connection) -> Iterator[tuple[int, list[bytes]]]:
    """Yield each master that was found at more than one source path, with the paths."""
    several = (
        select(sightings.c.file_id)
        .where(sightings.c.file_id.is_not(None))
        .group_by(sightings.c.file_id)
        .having(func.count() > 1)
    )
    query = (
        select(sightings.c.file_id, sightings.c.path)
        .where(sightings.c.file_id.in_(several))
        .order_by(sightings.c.file_id, sightings.c.path)
    )
    current, paths = 0, list[bytes]()
    for row in stream(connection, query):
        if row.file_id != current:
            if paths:
                yield current, paths
            current, paths = int(row.file_id), []
        paths.append(bytes(row.path))
    if paths:
        yield current, paths
