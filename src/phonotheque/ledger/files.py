"""Accessions, the files they brought, and every source path that was looked at."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, tuple_, update

from phonotheque.ledger.copies import HEARD_ANEW
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import accessions, files, path_key, sightings
from phonotheque.ledger.stream import stream
from phonotheque.ledger.together import insert_or_replace, insert_unless_there
from phonotheque.model.audio import Artwork, AudioFacts, Tags
from phonotheque.model.batches import IN_A_STATEMENT, batched


@dataclass(frozen=True, slots=True)
class Sighting:
    """A source path as it was when it was last looked at, and what came of it."""

    path: bytes
    device: str
    inode: str
    size: int
    mtime_ns: int
    evidence_state: str  # hash over the notes about its rights: names, sizes, mtimes
    outcome: str  # "held", "known" (facts only) or a RefusalKind
    reason: str | None = None
    file_id: int | None = None

    def unchanged(self, other: Sighting) -> bool:
        """Whether ``other`` is the same file, untouched, with the same notes beside it.

        The device does not count: disks get another number each time they are plugged in.
        """
        return (
            self.path == other.path
            and self.inode == other.inode
            and self.size == other.size
            and self.mtime_ns == other.mtime_ns
            and self.evidence_state == other.evidence_state
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file's row in the ledger: whether its bytes are held, and whether they were not until now."""

    id: int
    held: bool
    newly_held: bool


def start_accession(connection: Connection, *, source: str, location: str, agent: str, at: str) -> str:
    """Record that something is being taken in; return the accession's id."""
    accession = str(uuid.uuid4())
    connection.execute(
        insert(accessions),
        {
            "id": accession,
            "source": source,
            "location": location,
            "agent": agent,
            "started_at": at,
            "finished_at": None,
        },
    )
    return accession


def finish_accession(connection: Connection, accession: str, *, at: str) -> None:
    """Record that an accession came to its end."""
    connection.execute(update(accessions).where(accessions.c.id == accession).values(finished_at=at))


def unfinished_accessions(connection: Connection, *, source: str, location: str) -> list[str]:
    """Return the accessions from one place that did not come to their end, or are under way."""
    here = (accessions.c.source == source) & (accessions.c.location == location)
    unfinished = select(accessions.c.id).where(here & accessions.c.finished_at.is_(None))
    return list(connection.execute(unfinished.order_by(accessions.c.started_at)).scalars())


@dataclass(frozen=True, slots=True)
class Accession:
    """An act of taking something in, as far as everybody may know of it."""

    id: str
    source: str
    started_at: str
    finished_at: str | None


def accessions_after(
    connection: Connection, after: tuple[str, str] | None, most: int, *, since: str = ""
) -> list[Accession]:
    """Return the next accessions in the order of when they began (and of ids), at most so many."""
    table = accessions
    query = select(table.c.id, table.c.source, table.c.started_at, table.c.finished_at)
    if since:
        query = query.where(table.c.started_at >= since)
    if after is not None:
        query = query.where(tuple_(table.c.started_at, table.c.id) > tuple_(*after))
    rows = connection.execute(query.order_by(table.c.started_at, table.c.id).limit(most))
    return [Accession(**row._mapping) for row in rows]


def last_accessions(connection: Connection, most: int) -> list[Accession]:
    """Return the accessions that began last, the newest first."""
    table = accessions
    query = select(table.c.id, table.c.source, table.c.started_at, table.c.finished_at)
    rows = connection.execute(query.order_by(table.c.started_at.desc(), table.c.id.desc()).limit(most))
    return [Accession(**row._mapping) for row in rows]


def any_accession(connection: Connection) -> bool:
    """Return whether anything was ever taken in."""
    return connection.execute(select(accessions.c.id).limit(1)).first() is not None


def sightings_of(connection: Connection, paths: Iterable[bytes]) -> dict[bytes, Sighting]:
    """Return what is recorded of these source paths."""
    columns = [sightings.c[name] for name in Sighting.__dataclass_fields__]
    asked = {path_key(path): path for path in paths}
    rows = connection.execute(select(*columns).where(sightings.c.path.in_(list(asked))))
    return {asked[row.path]: Sighting(**{**row._mapping, "path": asked[row.path]}) for row in rows}


def record_sighting(connection: Connection, sighting: Sighting, *, accession: str, at: str) -> None:
    """Remember how a source path was found, in place of how it was found before."""
    insert_or_replace(connection, sightings, {**asdict(sighting), "accession_id": accession, "seen_at": at})


def record_file(
    connection: Connection,
    facts: AudioFacts,
    *,
    kind: str,
    held: bool,
    accession: str,
    name: str,
    at: str,
    master_id: int | None = None,
) -> Recorded:
    """Record a file by its bytes.

    One already recorded keeps its name, its accession and its being held; what was heard in it is replaced
    by what was heard now, except a loudness that was not measured this time. That its fingerprint is another
    now is an event: what was made of fingerprints has to follow. One known as a sidecar is a master once it
    is heard as one.
    """
    compared = (files.c.id, files.c.kind, files.c.held, files.c.loudness, files.c.fingerprint)
    query = select(*compared).where(files.c.sha256 == facts.sha256)
    known = connection.execute(query).first()
    if known is not None:
        heard = _heard(facts)
        if facts.loudness is None:
            heard["loudness"] = known.loudness
        if (known.kind, kind) == ("sidecar", "master"):
            heard["kind"] = kind
        same = files.c.id == bindparam("of_id")
        connection.execute(
            update(files).where(same), {**heard, "held": held or known.held, "of_id": known.id}
        )
        if known.fingerprint != facts.fingerprint:
            _record_heard_anew(connection, facts.sha256, accession, at)
        return Recorded(int(known.id), held or known.held, held and not known.held)
    row = {
        "sha256": facts.sha256,
        "size": facts.size,
        "kind": kind,
        "master_id": master_id,
        "held": held,
        "accession_id": accession,
        "name": name,
        "added_at": at,
        **_heard(facts),
    }
    key = insert_unless_there(connection, files, row, files.c.sha256)
    if key is None:  # somebody else has recorded it since
        return record_file(
            connection,
            facts,
            kind=kind,
            held=held,
            accession=accession,
            name=name,
            at=at,
            master_id=master_id,
        )
    return Recorded(int(key), held, held)


def let_go(connection: Connection, file_ids: Iterable[int]) -> None:
    """Record that the bytes of these files are not held."""
    for some in batched(file_ids, IN_A_STATEMENT):
        connection.execute(update(files).where(files.c.id.in_(some)).values(held=False))


def tags_from_json(stored: Mapping[str, Any]) -> Tags:
    """Rebuild tags from the ledger's JSON, lists becoming tuples again."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
    }
    values["raw"] = {key: tuple(value) for key, value in stored.get("raw", {}).items()}
    return Tags(**values)


def artwork_from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Artwork, ...]:
    """Rebuild the list of embedded pictures from the ledger's JSON."""
    return tuple(Artwork(**picture) for picture in stored)


def each_file(
    connection: Connection, *, kind: str = "master", held: bool | None = None, by_hash: bool = False
) -> Iterator[Row[Any]]:
    """Stream file rows in order of their ids, or of their SHA-256, never all of them in memory."""
    query = select(files).where(files.c.kind == kind).order_by(files.c.sha256 if by_hash else files.c.id)
    if held is not None:
        query = query.where(files.c.held == held)
    yield from stream(connection, query)


def held_totals(connection: Connection) -> tuple[int, int, float]:
    """Return how many masters are held, their bytes, and their seconds of sound."""
    row = connection.execute(
        select(func.count(), func.sum(files.c.size), func.sum(files.c.duration)).where(
            files.c.kind == "master", files.c.held
        )
    ).one()
    return int(row[0]), int(row[1] or 0), float(row[2] or 0.0)


def outcomes(connection: Connection) -> dict[str, int]:
    """Return how many source paths came to each outcome."""
    rows = connection.execute(select(sightings.c.outcome, func.count()).group_by(sightings.c.outcome))
    return {row[0]: int(row[1]) for row in rows}


def _record_heard_anew(connection: Connection, sha256: str, accession: str, at: str) -> None:
    agent = connection.execute(select(accessions.c.agent).where(accessions.c.id == accession)).scalar_one()
    record_event(
        connection,
        at=at,
        kind=HEARD_ANEW,
        subject=sha256,
        agent=agent,
        detail={"changed": ["fingerprint"], "accession": accession},
    )


def _heard(facts: AudioFacts) -> dict[str, Any]:
    return {
        "pcm_sha256": facts.pcm_sha256,
        "loudness": facts.loudness,
        "fingerprint": facts.fingerprint,
        "integrity": facts.integrity.value,
        "integrity_notes": list(facts.integrity_notes),
        "tags": _tags_to_json(facts.tags),
        "artwork": [asdict(picture) for picture in facts.artwork],
        **asdict(facts.technical),
    }


def _tags_to_json(tags: Tags) -> dict[str, Any]:
    values = asdict(tags)
    values["raw"] = {key: list(value) for key, value in tags.raw.items()}
    # Tags with nothing in them take no room: most of two dozen fields are empty in most files.
    return {key: value for key, value in values.items() if value not in (None, (), [], {})}
