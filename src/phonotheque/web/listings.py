"""What waits for somebody, or can be had: questions, refusals, conflicts, bags. Each list is bounded.

Names and reasons are other people's text: cleaned here for display, escaped by the template.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, and_, func, select

from phonotheque.catalogue.conflicts import KINDS, explain
from phonotheque.catalogue.conflicts import conflicts as find_conflicts
from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.schema import accessions, bags, files, rights_questions, sightings
from phonotheque.model.audio import RefusalKind
from phonotheque.web.looking.catalogue_counts import Reading
from phonotheque.web.words import counted, shown, size

_MOST = 200
_TAKEN_IN = ("held", "known", RefusalKind.EVIDENCE.value)
_REFUSALS = {
    RefusalKind.NOT_AUDIO: "not audio",
    RefusalKind.EMPTY: "empty",
    RefusalKind.DRM: "protected (DRM)",
    RefusalKind.UNREADABLE: "unreadable",
    RefusalKind.UNDECODABLE: "undecodable",
    RefusalKind.UNSAFE: "unsafe",
    RefusalKind.LIMIT: "too large, or too many",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The first entries of a list, and how many there are in all."""

    entries: Sequence[T]
    total: int

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.total - len(self.entries)


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """An open question about the rights in a file."""

    name: str
    unclear: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A source file that was not taken in."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A conflict of the catalogue, as a table shows it."""

    score: str
    what: str
    explanation: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BagOffer:
    """A published bag and how to get it."""

    id: str
    edition: int
    files: str
    size: str
    infohash_v1: str
    infohash_v2: str
    magnet: str
    copies: str


def open_questions(ledger: Connection) -> Listing[AskedAbout]:
    """Return what the archivist is asked, by file name."""
    table = rights_questions
    waiting = and_(table.c.answered_by.is_(None), table.c.withdrawn_at.is_(None))
    rows = ledger.execute(
        select(files.c.name, table.c.text, table.c.candidates)
        .join(files, files.c.id == table.c.file_id)
        .where(waiting)
        .order_by(files.c.name, table.c.text, table.c.evidence_origin, table.c.id)
        .limit(_MOST)
    )
    entries = [
        AskedAbout(shown(row.name), shown(row.text, 1000), tuple(shown(text, 80) for text in row.candidates))
        for row in rows
    ]
    total = ledger.execute(select(func.count()).select_from(table).where(waiting)).scalar_one()
    return Listing(entries, int(total))


def refused_files(ledger: Connection) -> Listing[Refused]:
    """Return what was not taken in, by kind of refusal and path."""
    refused = sightings.c.outcome.not_in(_TAKEN_IN)
    rows = ledger.execute(
        select(sightings.c.path, sightings.c.outcome, sightings.c.reason, accessions.c.location)
        .join(accessions, accessions.c.id == sightings.c.accession_id)
        .where(refused)
        .order_by(sightings.c.outcome, sightings.c.path)
        .limit(_MOST)
    )
    entries = [
        Refused(_below(row.path, row.location), _refusal(row.outcome), shown(row.reason or "", 500))
        for row in rows
    ]
    total = ledger.execute(select(func.count()).select_from(sightings).where(refused)).scalar_one()
    return Listing(entries, int(total))


def conflicts(reading: Reading) -> Listing[Doubt]:
    """Return what the catalogue could not tell apart, or bring together, without doubt: the worst first."""
    found = find_conflicts(reading.snapshot, limit=_MOST)
    entries = [
        Doubt(
            f"{conflict.score:.2f}",
            KINDS.get(conflict.kind, shown(conflict.kind, 40)),
            shown(explain(conflict), 1000),
            tuple(shown(party.id, 40) for party in (conflict.a, conflict.b) if party),
        )
        for conflict in found.entries
    ]
    return Listing(entries, found.total)


def bag_offers(ledger: Connection, *, url: str, trackers: Sequence[str]) -> Listing[BagOffer]:
    """Return sealed bags, the newest edition first. ``url`` is where the public tree is served, or empty."""
    rows = ledger.execute(
        select(bags, copies.c.proven, copies.c.claimed)
        .outerjoin(copies, copies.c.bag_id == bags.c.id)
        .order_by(bags.c.edition.desc(), bags.c.wave, bags.c.id)
        .limit(_MOST)
    ).all()
    entries = [
        BagOffer(
            row.id,
            row.edition,
            counted(row.payload_files, "file"),
            size(row.bytes),
            row.infohash_v1,
            row.infohash_v2,
            magnet(row.id, row.infohash_v1, row.infohash_v2, url=url, trackers=trackers),
            _copies(row.proven or 0, row.claimed or 0),
        )
        for row in rows
    ]
    total = ledger.execute(select(func.count()).select_from(bags)).scalar_one()
    return Listing(entries, int(total))


def _copies(proven: int, claimed: int) -> str:
    """Return how many mirrors have a bag; nobody verified what they claim, and that is said."""
    proofs = counted(proven, "proven copy", "proven copies") if proven else "no proven copy"
    return f"{proofs} at mirrors; {counted(claimed, 'mirror claims', 'mirrors claim')} to hold it"


def magnet(
    name: str, infohash_v1: str, infohash_v2: str, *, url: str = "", trackers: Sequence[str] = ()
) -> str:
    """Return the magnet link of a hybrid torrent (BEP 9, BEP 52), with trackers and the web seed."""
    # 12 20: a SHA-256 of 32 bytes, as a multihash.
    parts = [f"xt=urn:btih:{infohash_v1}", f"xt=urn:btmh:1220{infohash_v2}", f"dn={quote(name, safe='')}"]
    parts += [f"tr={quote(tracker, safe='')}" for tracker in trackers]
    if url:
        parts.append(f"ws={quote(url.rstrip('/') + '/bags/', safe='')}")
    return "magnet:?" + "&".join(parts)


def _below(path: bytes, location: str) -> str:
    """Return a source path below the folder that was added: where that lies is nobody else's business."""
    folder = os.fsencode(location).rstrip(b"/") + b"/"
    return shown(path.removeprefix(folder))


def _refusal(outcome: str) -> str:
    known = {kind.value: words for kind, words in _REFUSALS.items()}
    return known.get(outcome, shown(outcome, 40))
