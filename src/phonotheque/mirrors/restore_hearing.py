"""Listening again to restored masters: what no public file tells of them, such as fingerprints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import select

from phonotheque.audio.examine import examine
from phonotheque.jobs.columns import from_batch, to_batch
from phonotheque.jobs.pool import DEATHS, Poison, process_pool, run_batches
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.files import record_file
from phonotheque.ledger.schema import files
from phonotheque.model.audio import AudioFacts, Refusal
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive


@dataclass(frozen=True, slots=True)
class _Order:
    path: Path
    sha256: str
    size: int
    name: str
    accession: str


@dataclass(frozen=True, slots=True)
class _Heard:
    order: _Order
    outcome: AudioFacts | Refusal


def listen_again(
    archive: Archive, *, at: str, progress: Progress, stop: threading.Event
) -> tuple[int, list[str]]:
    """Hear every held master that was not heard since it was restored; return how many, and what failed.

    Each is recorded by itself: interrupted, the next call goes on.
    """
    with archive.ledger.connect() as ledger:
        query = select(files.c.id).where(
            files.c.kind == "master", files.c.held, files.c.fingerprint.is_(None)
        )
        ids = list(ledger.execute(query.order_by(files.c.id)).scalars())
    heard, failed = 0, list[str]()
    if not ids:
        return heard, failed
    progress.start("Listening to what was restored", total_files=len(ids))
    orders = _until(_orders(archive, ids), stop)
    for finished in run_batches(_hear, orders, batch=1, make_pool=process_pool):
        for part in finished:
            progress.advance(files=1)
            if isinstance(part, Poison):
                failed.append(f"{part.item.name}: it killed the decoder, {DEATHS} times ({part.how})")
                continue
            for one in from_batch(_Heard, part):
                if isinstance(one.outcome, Refusal):
                    failed.append(f"{one.order.name}: {one.outcome.reason}")
                    continue
                _record(archive, one.order, one.outcome, at)
                heard += 1
    return heard, failed


def _orders(archive: Archive, ids: list[int]) -> Iterator[_Order]:
    for some in batched(ids, IN_A_STATEMENT):
        with archive.ledger.connect() as ledger:
            rows = ledger.execute(select(files).where(files.c.id.in_(some)).order_by(files.c.id)).all()
            places = where_bagged(ledger, some)
        for row in rows:
            if row.id in places:
                bag, path = places[row.id]
                place = (archive.bags / bag / path).absolute()
                yield _Order(place, row.sha256, row.size, row.name, row.accession_id)


def _until(orders: Iterator[_Order], stop: threading.Event) -> Iterator[_Order]:
    for order in orders:
        if stop.is_set():
            return
        yield order


def _hear(batch: list[_Order]) -> list[pa.RecordBatch]:
    heard = [
        _Heard(one, examine(one.path, sha256=one.sha256, size=one.size, loudness=False)) for one in batch
    ]
    return [to_batch(_Heard, heard)]


def _record(archive: Archive, order: _Order, facts: AudioFacts, at: str) -> None:
    with archive.ledger.begin() as ledger:
        record_file(
            ledger,
            facts,
            kind="master",
            held=True,
            accession=order.accession,
            name=order.name,
            at=at,
        )
