"""Mirrors that say and prove things to an archive, in tests: only what the ledger and reports take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from phonotheque.ledger.bags import BagFileRecord, EditionRecord, record_bag, record_edition
from phonotheque.ledger.proofs import Outcome, Proof, record_proofs
from phonotheque.mirrors.report import Report, ReportedBag, write_report
from phonotheque.mirrors.taking_reports import Taken, take_report
from phonotheque.vault.archive import Archive, timestamp
from tests.conftest import ARCHIVE_ID
from tests.ledger.ledger_facts import BAG

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FILE = BagFileRecord("bagit.txt", 7, "ab" * 32, "", 0, 1)
SIZES = {"bag-1": 1000, "bag-2": 2000, "bag-3": 3000}


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def publishing(archive: Archive, sizes: Mapping[str, int] = SIZES) -> Archive:
    """An archive that has published these bags, as far as its ledger knows."""
    archive.public.mkdir(exist_ok=True)
    with archive.ledger.begin() as ledger:
        for bag, size in sizes.items():
            record_bag(ledger, replace(BAG, id=bag, bytes=size), [FILE])
        record_edition(ledger, EditionRecord(1, timestamp(ago(days=200)), "s", "ab" * 32, timestamp(NOW)))
    return archive


@dataclass
class Somebody:
    """A mirror with a key of its own."""

    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    by_address: bool = False  # known to a drill by its address only

    @property
    def id(self) -> str:
        made = uuid5(UUID(ARCHIVE_ID), self.name)
        return str(made if self.by_address else UUID(bytes=made.bytes, version=4))

    def report(self, bags: Iterable[str] = SIZES, /, *, at: datetime = NOW, **changes: Any) -> bytes:
        """Its report of whole bags, with changes in its fields."""
        moment = timestamp(at)
        held = tuple(ReportedBag(bag, SIZES.get(bag, 7), moment, whole=True) for bag in sorted(bags))
        said = Report(ARCHIVE_ID, self.id, 1, moment, held)
        return write_report(replace(said, **changes), self.key)

    def tells(
        self, archive: Archive, bags: Iterable[str] = SIZES, /, *, at: datetime = NOW, **changes: Any
    ) -> Taken:
        """Give its report to an archive at this moment."""
        with archive.writing("test"):
            return take_report(archive, self.report(bags, at=at, **changes), at=at)

    def proves(
        self,
        archive: Archive,
        *bags: str,
        at: datetime = NOW,
        outcome: Outcome = Outcome.PROVED,
        address: str | None = None,
    ) -> None:
        where = address or f"{self.name}.example.org:6881"
        with archive.ledger.begin() as ledger:
            record_proofs(
                ledger,
                [Proof(self.id, bag, timestamp(at), outcome, "peer", where, 4, 65536) for bag in bags],
            )
