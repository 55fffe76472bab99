"""Auditing what somebody publishes, from the public files alone: is all of it signed, and may it be there?

The chain: a root → TUF's roles → edition.json → torrents, index and tag manifests → manifests → files. Then
every decision is made anew from the statements in ``recordings.jsonl``, on the edition's date, for each bag's
audience.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from errno import ENOSPC
from pathlib import Path

from tuf.api.metadata import Metadata, Targets

from phonotheque.editions.about import About, read_about
from phonotheque.editions.audit import Fault, What, tombstones_of
from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.mirrors.audit_bag import Standard, audit_bag
from phonotheque.mirrors.audit_history import History, audit_history
from phonotheque.mirrors.audit_index import IndexRows, fetch_index, no_room
from phonotheque.mirrors.audit_tree import audit_folder, audit_server, listed_by
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.mining_rules import PLACE, MiningRules, read_mining_rules
from phonotheque.mirrors.origin import FolderOrigin, Origin
from phonotheque.mirrors.public import fetch_target
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.territory import WORLDWIDE, Territory, parse_territory

_THREADS = 8  # files looked for at a time
_CLOCKS_DIFFER = timedelta(days=1)
_MAX_OLD_INDEX = 64 * 1024**2  # bytes, to see what a bag held that was taken back
_SAMPLES = 8  # files of such a bag that are asked for


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
    oldest: int = 0  # the earliest edition that this one was compared with


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
    cannot be read to the end, NotFoundError when it shows no edition, or no bag of it, PhonothequeError when
    the temporary folder has no room.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="phono-audit-")))
        followed = follow(origin, scratch / "trust", now=now, trust=question.trust)
        executor = stack.enter_context(ThreadPoolExecutor(_THREADS))
        targets = _targets(scratch / "trust")
        auditor = _Auditor(origin, question, followed, targets, now, on_fault, progress)
        try:
            return auditor.run(scratch, executor)
        except OSError as error:
            if error.errno == ENOSPC:
                raise no_room(scratch.parent) from error
            raise


def _targets(trust_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of the targets that the verified ``targets.json`` lists, by path."""
    signed: Metadata[Targets] = Metadata.from_bytes((trust_dir / "targets.json").read_bytes())
    return {path: info.hashes.get("sha256", "") for path, info in signed.signed.targets.items()}


class _Auditor:
    def __init__(
        self,
        origin: Origin,
        question: Question,
        followed: Followed,
        targets: Mapping[str, str],
        now: datetime,
        on_fault: Callable[[Fault], None],
        progress: Progress,
    ) -> None:
        self.origin, self.question, self.progress = origin, question, progress
        self.targets, self.latest = targets, now + _CLOCKS_DIFFER
        self.edition: Edition = followed.edition
        self._on_fault = on_fault
        edition = followed.edition
        dated = min(datetime.fromisoformat(edition.date), self.latest)
        self.on = question.on or dated.date()
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
        self._dated()
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
            about=self._about(scratch),
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
        history = audit_history(self.origin, self.edition, self.targets, self.tell, whole=self.result.mining)
        self.result.oldest = history.oldest
        for bag in self.edition.bags:
            known = bag.id in history.catalogues
            if bag.edition >= history.oldest and known is not (bag.wave == CATALOGUE_WAVE):
                reason = "no edition has it for its catalogue" if not known else "is no bag of a catalogue"
                self.tell(Fault(What.CATALOGUE, bag.id, "", reason))
        self._elsewhere(history, scratch, executor)
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

    def _about(self, scratch: Path) -> dict[str, About] | None:
        if (entry := self.edition.about) is None:
            return None
        place = f"targets/{entry.path}"
        try:
            fetch_target(self.origin, scratch, entry.path, entry.size, entry.sha256)
            return read_about(scratch / place)
        except NotFoundError:
            self.tell(Fault(What.MISSING, "", place, "is not there"))
        except VerificationError as error:
            self.tell(Fault(What.DAMAGED, "", place, error.message))
        finally:
            shutil.rmtree(scratch / "targets", ignore_errors=True)  # a bag may be called so
        return None

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

    def _elsewhere(self, history: History, scratch: Path, executor: Executor) -> None:
        """See that nothing else is public, and that nothing of what was taken back can be reached."""
        if isinstance(self.origin, FolderOrigin):
            listed = listed_by(
                self.edition,
                history,
                self.targets,
                self.result.bags,
                every_byte=self.question.every_byte,
            )
            audit_folder(Path(self.origin.where), listed, self.tell)
        else:
            samples = dict(self._samples(history, scratch))
            audit_server(self.origin, self.edition, history, samples, executor, self.tell)

    def _samples(self, history: History, scratch: Path) -> Iterator[tuple[str, list[str]]]:
        """Yield some paths of each bag that was taken back, as the index of an older edition lists them."""
        for gone in self.edition.withdrawals:
            index = history.index_of.get(gone.bag)
            if index is None or index.size > _MAX_OLD_INDEX:
                continue
            place = scratch / f"{index.sha256}.parquet"
            try:
                rows = IndexRows(place) if place.exists() else fetch_index(self.origin, index, place)
                paths = sorted(rows.of(gone.bag))
            except NotFoundError:
                continue  # a mirror need not have the indexes of older editions
            except VerificationError as error:
                self.tell(Fault(What.DAMAGED, "", f"targets/{index.path}", error.message))
                continue
            yield gone.bag, paths[:: max(1, len(paths) // _SAMPLES)][:_SAMPLES]

    def _dated(self) -> None:
        """Tell of an edition that claims to be of a day to come, when more may be free."""
        if datetime.fromisoformat(self.edition.date) > self.latest:
            place = f"targets/editions/{self.edition.number}/edition.json"
            self.tell(Fault(What.CLAIM, "", place, f"is dated {self.edition.date}, which is yet to come"))
