"""Auditing what somebody publishes, from the public files alone: is all of it signed, and may it be there?

The chain: a root → TUF's roles → edition.json → torrents, index and tag manifests → manifests → files. Then
every decision is made anew from the statements in ``recordings.jsonl``, on the edition's date, for each bag's
audience.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from phonotheque.editions.audit import Fault, What, tombstones_of
from phonotheque.editions.edition import BagEntry, Edition, Withdrawal
from phonotheque.editions.shelves import BAGS, RESTRICTED, bags_folder
from phonotheque.mirrors.audit_bag import Standard, audit_bag, home_of
from phonotheque.mirrors.audit_history import audit_history
from phonotheque.mirrors.audit_index import IndexRows, fetch_index
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.mining_rules import PLACE, MiningRules, read_mining_rules
from phonotheque.mirrors.origin import FolderOrigin, Origin, fetch
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.territory import WORLDWIDE, Territory, parse_territory
from phonotheque.vault.bagfolder import DECLARATION, MAX_TAG_BYTES, TAG_MANIFEST

_THREADS = 8  # files looked for at a time


@dataclass(frozen=True, slots=True)
class Question:
    """What an audit is to answer.

    ``on`` stands instead of the edition's date, ``country`` instead of the audiences. ``every_byte``
    re-hashes all files; else their sizes are compared, unless ``look`` is false.
    """

    on: date | None = None
    country: str | None = None
    every_byte: bool = False
    look: bool = True
    trust: str | None = None  # fingerprint that the root must have


@dataclass(slots=True)
class Audit:
    """What was audited and how it came out. Faults were told one by one; here they are only counted."""

    where: str
    archive: str
    number: int
    date: str
    fingerprint: str
    on: str
    country: str | None
    stale: tuple[str, ...]
    bags: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # a mirror need not hold all
    elsewhere: list[str] = field(default_factory=list)  # of audiences that the country does not belong to
    files: int = 0
    bytes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    mining: bool = False  # whether there was a declaration to compare with
    withdrawn: int = 0
    tombstones: int = 0


def audit(
    origin: Origin,
    question: Question,
    *,
    now: datetime,
    on_fault: Callable[[Fault], None],
    progress: Progress = QUIET,
) -> Audit:
    """Audit a public tree; each fault is told as it is found.

    Raises VerificationError when the signatures or edition.json do not verify, NetworkError when the origin
    cannot be read to the end, NotFoundError when it shows no edition, or no bag of it.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="phono-audit-")))
        followed = follow(origin, scratch / "trust", now=now, trust=question.trust)
        executor = stack.enter_context(ThreadPoolExecutor(_THREADS))
        return _Auditor(origin, question, followed, on_fault, progress).run(scratch, executor)


class _Auditor:
    def __init__(
        self,
        origin: Origin,
        question: Question,
        followed: Followed,
        on_fault: Callable[[Fault], None],
        progress: Progress,
    ) -> None:
        self.origin, self.question, self.progress = origin, question, progress
        self.edition: Edition = followed.edition
        self._on_fault = on_fault
        edition = followed.edition
        self.on = question.on or date.fromisoformat(edition.date[:10])
        self.result = Audit(
            where=origin.where,
            archive=edition.archive.name,
            number=edition.number,
            date=edition.date,
            fingerprint=followed.fingerprint,
            on=self.on.isoformat(),
            country=question.country,
            stale=followed.stale,
            withdrawn=len(edition.withdrawals),
            tombstones=len(edition.tombstones),
        )

    def tell(self, fault: Fault) -> None:
        self.result.faults[fault.what.value] += 1
        self._on_fault(fault)

    def run(self, scratch: Path, executor: ThreadPoolExecutor) -> Audit:
        bags = self._bags()
        rows = self._index(scratch)
        mining = self._mining()
        country = None
        if self.question.country is not None:
            country = Territory(frozenset({self.question.country}))
        standard = Standard(
            on=self.on,
            stones=tombstones_of(self.edition),
            mining=mining if self.question.on is None else None,  # it declares what holds now
            country=country,
            every_byte=self.question.every_byte,
            look=self.question.look,
            scratch=scratch,
            executor=executor,
        )
        files = sum(bag.payload_files for bag in bags)
        size = sum(bag.payload_bytes for bag in bags)
        self.progress.start("Auditing", total_files=files, total_bytes=size)
        for bag in bags:
            if audit_bag(self.origin, bag, rows, standard, self.tell, self.progress):
                self.result.bags.append(bag.id)
                self.result.files += bag.payload_files
                self.result.bytes += bag.payload_bytes
            else:
                self._absent(bag)
        audiences = {bag.id: bag.audience for bag in self.edition.bags}
        for fault in audit_history(self.origin, self.edition, audiences):
            self.tell(fault)
        self._withdrawn(audiences)
        self._unlisted()
        if not self.result.bags:
            raise NotFoundError(
                f"{self.origin.where} shows no bag of edition {self.edition.number}.",
                "Audit a tree that does: the publisher's, or that of a mirror which holds some.",
            )
        return self.result

    def _bags(self) -> Sequence[BagEntry]:
        if self.question.country is None:
            return self.edition.bags
        mine = []
        for bag in self.edition.bags:
            if self.question.country in parse_territory(bag.audience):
                mine.append(bag)
            else:
                self.result.elsewhere.append(bag.id)
        return mine

    def _index(self, scratch: Path) -> IndexRows | None:
        place = f"targets/{self.edition.index.path}"
        try:
            rows = fetch_index(self.origin, self.edition.index, scratch / "index.parquet")
        except NotFoundError:
            self.tell(Fault(What.MISSING, "", place, "is not there"))
            return None
        except VerificationError as error:
            self.tell(Fault(What.DAMAGED, "", place, error.message))
            return None
        for bag in sorted(rows.bags - {bag.id for bag in self.edition.bags}):
            self.tell(Fault(What.CLAIM, bag, place, "the index tells of a bag that is not current"))
        return rows

    def _mining(self) -> MiningRules | None:
        try:
            rules = read_mining_rules(self.origin)
        except VerificationError as error:
            self.tell(Fault(What.MINING, "", PLACE, error.message))
            return None
        self.result.mining = rules is not None
        return rules

    def _absent(self, bag: BagEntry) -> None:
        """Only a publisher has all bags: whose tree has a declaration on mining, which no mirror's has.

        A server shows bags for some countries to who says that they are there.
        """
        if not isinstance(self.origin, FolderOrigin) and bag.audience != WORLDWIDE:
            self.result.elsewhere.append(bag.id)
        elif self.result.mining:
            self.tell(Fault(What.MISSING, bag.id, "", "the bag is not there"))
        else:
            self.result.absent.append(bag.id)

    def _withdrawn(self, audiences: Mapping[str, str]) -> None:
        """See that nothing of what was taken back can be reached any more, wherever it may have lain."""
        everywhere = sorted({bags_folder(audience) for audience in (WORLDWIDE, *audiences.values())})
        for gone in self.edition.withdrawals:
            known = audiences.get(gone.bag)
            for folder in [bags_folder(known)] if known is not None else everywhere:
                self._reached(gone, f"{folder}/{gone.bag}")

    def _reached(self, gone: Withdrawal, home: str) -> None:
        for name in (TAG_MANIFEST, DECLARATION):
            try:
                fetch(self.origin, f"{home}/{name}", MAX_TAG_BYTES)
            except NotFoundError:
                continue
            except VerificationError:
                pass  # there is something of that name
            reason = f"was taken back on {gone.date[:10]} ({gone.reason}), and is still there"
            self.tell(Fault(What.WITHDRAWN, gone.bag, name, reason))
            return

    def _unlisted(self) -> None:
        """Of a folder, also tell of bags that no edition lists; a server shows no such list."""
        if not isinstance(self.origin, FolderOrigin):
            return
        public = Path(self.origin.where)
        current = {home_of(bag) for bag in self.edition.bags}
        gone = {withdrawal.bag for withdrawal in self.edition.withdrawals}
        shelves = [f"{RESTRICTED}/{name}" for name in _names(public / RESTRICTED)]
        for folder in (BAGS, *(f"{shelf}/{BAGS}" for shelf in shelves)):
            for name in _names(public / folder):
                if f"{folder}/{name}" in current or name in gone:
                    continue
                shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                self.tell(Fault(What.UNLISTED, shown, "", f"is shown in {folder}; no bag is listed there"))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NetworkError(f"{folder} cannot be read: {error.strerror}.", "Check the disk.") from error
