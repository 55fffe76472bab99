"""The public tree of a restored archive, and what its editions tell of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Connection, select
from tuf.api.metadata import Metadata, Targets

from phonotheque.editions.edition import BagEntry, Edition, IndexEntry, read_edition
from phonotheque.ledger.bags import EditionRecord, record_edition
from phonotheque.ledger.schema import editions
from phonotheque.mirrors.audit_index import IndexRows
from phonotheque.mirrors.follow import EDITION, Followed
from phonotheque.mirrors.origins import Origins
from phonotheque.mirrors.public import fetch_target, publish_edition, read_target
from phonotheque.mirrors.restore_ledger import Restoring
from phonotheque.mirrors.restore_withdrawn import Before, record_taken_back
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive


@dataclass(slots=True)
class History:
    """The last edition and those before it, as far as any origin has them, with the SHA-256 of each."""

    last: Edition
    sha256: str
    earlier: dict[int, tuple[Edition, str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    _rows: IndexRows | None = None

    @property
    def all(self) -> dict[int, tuple[Edition, str]]:
        """Every edition that is known, by number."""
        return dict(sorted({**self.earlier, self.last.number: (self.last, self.sha256)}.items()))

    def date_of(self, number: int) -> str:
        """Return when an edition was made; of one that is lost, when the next that is known was."""
        later = [edition.date for known, (edition, _) in self.all.items() if known >= number]
        return later[0]

    def index(self, archive: Archive) -> Path:
        """Return where the last edition's index lies."""
        return archive.public / "targets" / self.last.index.path

    def recordings_of(self, archive: Archive, bag: str) -> dict[str, str | None]:
        """Return which recording each file of a bag belongs to, as the index says."""
        if self._rows is None:
            self._rows = IndexRows(self.index(archive))
        return {path: recording for path, (_, _, recording) in self._rows.of(bag).items()}

    def record(self, ledger: Connection, restoring: Restoring, archive: Archive, origins: Origins) -> None:
        """Record the editions, and all that the last one says was taken back or is sought."""
        known = set(ledger.execute(select(editions.c.number)).scalars())
        for number, (edition, sha256) in self.all.items():
            if number not in known:
                snapshot = edition.catalogue.snapshot
                record_edition(ledger, EditionRecord(number, edition.date, snapshot, sha256, edition.date))
        listed: dict[str, tuple[BagEntry, Edition]] = {}
        for edition, _ in self.all.values():  # the last that listed it counts
            listed |= {entry.id: (entry, edition) for entry in edition.bags}
        former = [
            Before(gone, listed[gone.bag][0] if gone.bag in listed else None)
            for gone in self.last.withdrawals
        ]

        def contents(bag: str) -> Sequence[Mapping[str, Any]]:
            if bag not in listed:
                return ()
            return _rows_of(archive, origins, listed[bag][1].index, bag)

        numbers = {edition.date: number for number, (edition, _) in self.all.items()}
        record_taken_back(ledger, restoring, self.last, former, contents, numbers)


def bring_public(
    archive: Archive, origins: Origins, followed: Followed, trust_dir: Path, progress: Progress
) -> History:
    """Write the public tree but for bags: the publisher's bytes, as far as any origin has them.

    Raises what ``fetch_target`` raises when nobody has the last edition's index.
    """
    for origin in origins.each:
        publish_edition(origin, archive.public, trust_dir, followed, QUIET)
    index = followed.edition.index
    progress.start("Bringing the index", total_bytes=index.size)
    fetch_target(origins, archive.public, index.path, index.size, index.sha256)
    history = History(followed.edition, followed.sha256)
    for table in followed.edition.tables[1:]:
        try:
            fetch_target(origins, archive.public, table.path, table.size, table.sha256)
        except (NotFoundError, NetworkError, VerificationError) as error:
            history.remarks.append(error.message)
    targets: Metadata[Targets] = Metadata.from_bytes((trust_dir / "targets.json").read_bytes())
    for number in range(1, followed.edition.number):
        path = f"editions/{number}/{EDITION}"
        info = targets.signed.targets.get(path)
        if info is None:
            continue
        sha256 = info.hashes["sha256"]
        data = read_target(archive.public, path, sha256)
        if data is None:
            history.remarks.append(f"Edition {number} is lost: no mirror has its edition.json.")
            continue
        history.earlier[number] = (read_edition(data), sha256)
    return history


def _rows_of(archive: Archive, origins: Origins, index: IndexEntry, bag: str) -> Sequence[Mapping[str, Any]]:
    """Return what an edition's index says of a bag; nothing where no origin has that index any more."""
    try:
        fetch_target(origins, archive.public, index.path, index.size, index.sha256)
    except (NotFoundError, NetworkError, VerificationError):
        return ()
    place = archive.public / "targets" / index.path
    columns = ["path", "size", "sha256", "recording"]
    found: list[dict[str, Any]] = pq.read_table(
        place, columns=columns, filters=[("bag", "==", bag)]
    ).to_pylist()
    return found
