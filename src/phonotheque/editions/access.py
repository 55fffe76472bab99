"""Making the access copies that a plan asks for, on every core, each durable before it is recorded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from phonotheque.audio.access import make_access_copy
from phonotheque.audio.examine import examine
from phonotheque.jobs.pool import Poison, run_batches
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import record_file, tags_from_json
from phonotheque.model.audio import AudioFacts, Refusal, Tags
from phonotheque.model.bags import Finding
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import replace_durably


@dataclass(frozen=True, slots=True)
class _Order:
    master_id: int
    master_sha256: str
    name: str
    accession: str
    source: Path
    incoming: Path
    tags: Tags


@dataclass(frozen=True, slots=True)
class _Made:
    order: _Order
    outcome: AudioFacts | Refusal


def make_access_copies(
    archive: Archive, masters: Iterable[tuple[Row[Any], Path]], *, at: str, progress: Progress
) -> list[Finding]:
    """Encode and record an access copy of each (ledger row, where its bytes lie); say what failed."""
    orders = (
        _Order(
            master_id=row.id,
            master_sha256=row.sha256,
            name=row.name,
            accession=row.accession_id,
            source=source,
            incoming=archive.incoming,
            tags=tags_from_json(row.tags),
        )
        for row, source in masters
    )
    failures = []
    for finished in run_batches(_encode, orders, batch=1):
        for made in finished:
            if isinstance(made, Poison):
                failures.append(Finding("damaged", made.item.name, "killed the encoder, twice"))
            elif isinstance(made.outcome, Refusal):
                failures.append(Finding("damaged", made.order.name, made.outcome.reason))
            else:
                _record(archive, made.order, made.outcome, at)
            progress.advance(files=1)
    return failures


def _encode(batch: list[_Order]) -> list[_Made]:
    return [_encode_one(order) for order in batch]


def _encode_one(order: _Order) -> _Made:
    temporary = order.incoming / f".taking-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    try:
        make_access_copy(order.source, temporary, master_sha256=order.master_sha256, tags=order.tags)
        outcome = examine(temporary)
        if isinstance(outcome, AudioFacts):
            place = incoming_path(order.incoming, outcome.sha256)
            place.parent.mkdir(exist_ok=True)
            temporary.chmod(0o444)
            replace_durably(temporary, place)
        return _Made(order, outcome)
    finally:
        temporary.unlink(missing_ok=True)


def _record(archive: Archive, order: _Order, facts: AudioFacts, at: str) -> None:
    with archive.ledger.begin() as ledger:
        record_file(
            ledger,
            facts,
            kind="access",
            held=True,
            accession=order.accession,
            name=order.name,
            at=at,
            master_id=order.master_id,
        )
        record_event(
            ledger,
            at=at,
            kind="derivation",
            subject=facts.sha256,
            agent=archive.settings.archive.agent,
            detail={"master": order.master_sha256},
        )
