"""Making the access copies that a plan asks for, on every core, each durable before it is recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Row

from phonotheque.audio.access import AccessCopyError, Heard, make_access_copy, unlike
from phonotheque.audio.decode import UndecodableError
from phonotheque.audio.examine import examine
from phonotheque.jobs.cluster import cluster_pool
from phonotheque.jobs.columns import from_batch, to_batch
from phonotheque.jobs.limits import processor_time
from phonotheque.jobs.pool import DEATHS, Poison, process_pool, run_batches
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import record_file, tags_from_json
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind, Tags
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import replace_durably
from phonotheque.vault.places import at_hand, let_all_go, let_go

_LONGEST = 3600  # seconds of processor time for one file: days of sound are encoded in less


@dataclass(frozen=True, slots=True)
class _Order:
    master_id: int
    master_sha256: str
    name: str
    accession: str
    source: Path
    incoming: Path
    tags: Tags
    heard: Heard


@dataclass(frozen=True, slots=True)
class _Made:
    order: _Order
    outcome: AudioFacts | Refusal


def make_access_copies(
    archive: Archive, masters: Iterable[tuple[Row[Any], Path]], *, at: str, progress: Progress
) -> list[Finding]:
    """Encode and record an access copy of each (ledger row, where its bytes lie); say what failed."""
    incoming = archive.incoming.absolute()  # workers of a cluster have another working directory

    def make_pool() -> Executor:
        cluster = archive.settings.jobs.cluster
        if cluster:
            return cluster_pool(
                cluster, shared=incoming, folders=[archive.folder.absolute()], say=progress.say
            )
        return process_pool()

    let_all_go(archive)
    failures: list[Finding] = []
    orders = _orders(archive, masters, incoming, failures)
    for finished in run_batches(_encode, orders, batch=1, make_pool=make_pool):
        for part in finished:
            if isinstance(part, Poison):
                detail = f"killed the encoder, {DEATHS} times ({part.how})"
                failures.append(Finding("damaged", part.item.name, detail))
                let_go(part.item.source)
                progress.advance(files=1)
                continue
            for made in from_batch(_Made, part):
                if isinstance(made.outcome, Refusal):
                    what = "unreadable" if made.outcome.kind is RefusalKind.UNREADABLE else "damaged"
                    failures.append(Finding(what, made.order.name, made.outcome.reason))
                else:
                    _record(archive, made.order, made.outcome, at)
                let_go(made.order.source)
                progress.advance(files=1)
    return failures


def _orders(
    archive: Archive, masters: Iterable[tuple[Row[Any], Path]], incoming: Path, failures: list[Finding]
) -> Iterator[_Order]:
    """Yield what is to be encoded; masters in bags that have moved are fetched as their turn comes."""
    for row, source in masters:
        try:
            here = at_hand(archive, source, row.size, row.sha256)
        except (NotFoundError, VerificationError) as error:
            failures.append(Finding("damaged", row.name, error.message))
            continue
        yield _Order(
            master_id=row.id,
            master_sha256=row.sha256,
            name=row.name,
            accession=row.accession_id,
            source=here.absolute(),
            incoming=incoming,
            tags=tags_from_json(row.tags),
            heard=Heard(row.duration, row.loudness, row.fingerprint, row.channels),
        )


def _encode(batch: list[_Order]) -> list[pa.RecordBatch]:
    with processor_time(_LONGEST):
        return [to_batch(_Made, [_encode_one(order) for order in batch])]


def _encode_one(order: _Order) -> _Made:
    # Not named by the process: workers of several machines share the folder, and number theirs alike.
    temporary = order.incoming / f".taking-{uuid.uuid4().hex}"
    try:
        outcome = _encoded(order, temporary)
        if isinstance(outcome, AudioFacts):
            place = incoming_path(order.incoming, outcome.sha256)
            place.parent.mkdir(exist_ok=True)
            temporary.chmod(0o444)
            replace_durably(temporary, place)
        return _Made(order, outcome)
    finally:
        temporary.unlink(missing_ok=True)


def _encoded(order: _Order, out: Path) -> AudioFacts | Refusal:
    """Encode to ``out``, decode that again, and compare it with its master. OSError when the disk fails."""
    loudness = order.heard.loudness
    try:
        make_access_copy(
            order.source, out, master_sha256=order.master_sha256, tags=order.tags, loudness=loudness
        )
    except (AccessCopyError, UndecodableError) as error:
        return Refusal(RefusalKind.UNDECODABLE, error.message)
    except OSError as error:
        if error.filename != str(order.source):
            raise  # the archive's own disk, on which nothing else could be written either
        return Refusal(RefusalKind.UNREADABLE, f"its master cannot be read: {error.strerror}")
    outcome = examine(out)
    if isinstance(outcome, AudioFacts) and (why := unlike(outcome, order.heard)) is not None:
        return Refusal(RefusalKind.UNDECODABLE, f"its access copy does not hold: {why}")
    return outcome


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
