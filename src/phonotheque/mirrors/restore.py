"""A publisher rebuilt from mirrors: public tree, bags, catalogue, and a ledger that is made again from them.

Nothing that a mirror gives is believed: the edition is what the publisher signed, and every byte follows from
it. Several mirrors that each hold a part give the whole together. Order: public tree → bags, each recorded in
the ledger once all of it is verified → what was taken back → catalogue → decisions → pages → settings, last:
until those are there, the folder is no archive. Run again, it goes on, and looks for what nobody had.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from phonotheque.editions.clearing import hide_former_bags
from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.editions.site import write_site
from phonotheque.editions.trust import root_fingerprint
from phonotheque.editions.withholding import show_anew
from phonotheque.ledger.events import record_event
from phonotheque.mirrors.fetching import Fetching, Pace
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import FolderOrigin, Origin
from phonotheque.mirrors.origins import Origins
from phonotheque.mirrors.public import publish_bag
from phonotheque.mirrors.restore_catalogue import bring_back, record_sources
from phonotheque.mirrors.restore_hearing import listen_again
from phonotheque.mirrors.restore_history import History, bring_public
from phonotheque.mirrors.restore_keys import KeyState, bring_keys, keys_in
from phonotheque.mirrors.restore_ledger import Restoring, is_recorded, record_absent, record_whole
from phonotheque.mirrors.restore_settings import settings_text, told_settings
from phonotheque.mirrors.restore_state import (
    WORK,
    demand_no_older,
    demand_own_ledger,
    knows_already,
    note_state,
    take_up,
)
from phonotheque.mirrors.restore_withdrawn import differences
from phonotheque.mirrors.seeking import seek
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.mirrors.tempo import Tempo
from phonotheque.mirrors.transfer import begin, copy, find_torrent, finish
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.settings import Layer
from phonotheque.sources.decide import redecide_all
from phonotheque.vault.archive import (
    SETTINGS_FILE,
    Archive,
    now,
    settings_of,
    timestamp,
)
from phonotheque.vault.place import write_durably


@dataclass(slots=True)
class RestoreReport:
    """What came back, and what did not. Sizes in bytes; pairs are (what, why)."""

    archive: str = ""
    name: str = ""
    edition: int = 0
    date: str = ""
    fingerprint: str = ""
    restored: list[str] = field(default_factory=list)  # bags, verified and recorded, in this run
    already: list[str] = field(default_factory=list)  # in an earlier one
    missing: list[tuple[str, str]] = field(default_factory=list)
    fetched: int = 0
    sought: list[str] = field(default_factory=list)  # SHA-256 of lost files that a mirror had kept
    still_sought: list[str] = field(default_factory=list)
    heard: int = 0  # masters that were listened to again
    remarks: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)  # in what the next edition will say
    keys: KeyState = field(default_factory=KeyState)
    stopped: bool = False

    @property
    def whole(self) -> bool:
        """Whether all that was published is back."""
        return not self.missing and not self.stopped


@dataclass(frozen=True, slots=True)
class Ways:
    """How what the origins do not give directly is looked for among peers."""

    peers: tuple[str, ...] = ()
    swarm: SwarmSettings = field(default_factory=SwarmSettings)
    tempo: Tempo | None = None
    pace: Pace = field(default_factory=Pace)


def restore(
    origins: Sequence[Origin],
    folder: Path,
    *,
    keys: Path | None = None,
    trust: str | None = None,
    ways: Ways | None = None,
    listen: bool = True,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
) -> RestoreReport:
    """Rebuild in ``folder`` the archive whose editions these origins hold.

    ``folder`` is new, or what is left of the archive itself when its ledger is lost: what lies there is used
    where it verifies. ``keys`` is a folder with a backup of its keys, ``trust`` the fingerprint of its root.
    Without ``listen``, masters are not decoded again. Raises UsageError for a folder that is another archive,
    and what ``follow`` raises when no origin can be believed; PhonothequeError when the disk is full.
    """
    settings = take_up(folder)
    with closing(Archive(folder, settings)) as archive, archive.writing("restore"):
        demand_own_ledger(archive)
        work = _Restore(archive, Origins(origins), ways or Ways(), progress, stop or threading.Event(), clock)
        return work.run(keys, trust, listen=listen)


class _Restore:
    """One run."""

    def __init__(
        self,
        archive: Archive,
        origins: Origins,
        ways: Ways,
        progress: Progress,
        stop: threading.Event,
        clock: Callable[[], datetime],
    ) -> None:
        self._archive, self._origins, self._ways = archive, origins, ways
        self._progress, self._stop, self._clock = progress, stop, clock
        self._report = RestoreReport()

    def run(self, keys: Path | None, trust: str | None, *, listen: bool) -> RestoreReport:
        archive, report = self._archive, self._report
        if keys is not None:
            keys_in(keys)  # that it is the wrong folder is better known before all bags have come
        followed = self._follow(trust)
        edition = followed.edition
        note_state(archive, followed, finished=knows_already(archive, edition))
        history = bring_public(archive, self._origins, followed, self._work / "trust", self._progress)
        report.remarks += history.remarks
        restoring = Restoring(
            source=f"restored from edition {edition.number} of {edition.archive.name}",
            agent=archive.settings.archive.agent,
            at=self._at(),
        )
        self._bring_bags(edition, history, restoring)
        if self._stop.is_set():
            report.stopped = True
            return report
        self._record(edition, history, restoring)
        hide_former_bags(archive)
        at = self._at()
        redecide_all(archive.ledger, archive.settings, at=at, progress=self._progress)
        found, lacking = seek(archive, self._origins.each, at=at, progress=self._progress)
        report.sought, report.still_sought = found, lacking
        report.keys = bring_keys(archive, keys)
        self._finish(edition)
        with archive.ledger.connect() as ledger:
            report.differences = differences(ledger, edition, self._clock().date())
        report.remarks += restoring.wrong
        self._record_end(followed)
        note_state(archive, followed, finished=True)
        shutil.rmtree(self._work)
        if listen:
            report.heard, failed = listen_again(archive, at=at, progress=self._progress, stop=self._stop)
            report.remarks += failed
        return report

    @property
    def _work(self) -> Path:
        return self._archive.folder / WORK

    def _at(self) -> str:
        return timestamp(self._clock())

    def _follow(self, trust: str | None) -> Followed:
        """Return the newest edition that any origin has; what is there of the archive says whom to trust."""
        archive, report = self._archive, self._report
        own = archive.public / "metadata" / "1.root.json"
        if trust is None and own.exists():
            trust = root_fingerprint(own.read_bytes())
        self._work.mkdir(exist_ok=True)
        # Nothing may take the place of what this archive said last: it is the first to be asked.
        first = [FolderOrigin(archive.public)] if own.exists() else []
        origins = Origins([*first, *self._origins.each])
        followed = follow(origins, self._work / "trust", now=self._clock(), trust=trust)
        self._origins.prefer(next(one for one in origins.in_turn() if one not in first))
        edition = followed.edition
        demand_no_older(archive, followed)
        known = archive.settings.archive.id
        if known and known != edition.archive.id:
            raise UsageError(
                f"{archive.folder} is the archive {known}; these mirrors hold {edition.archive.id}, "
                f"“{edition.archive.name}”.",
                "Choose a new folder.",
            )
        report.archive, report.name = edition.archive.id, edition.archive.name
        report.edition, report.date = edition.number, edition.date
        report.fingerprint = followed.fingerprint
        report.remarks += followed.warnings
        if trust is None:
            self._progress.say(
                f"Compare the fingerprint {followed.fingerprint} with what you told mirrors once."
            )
        return followed

    def _bring_bags(self, edition: Edition, history: History, restoring: Restoring) -> None:
        """Bring every bag, straight from the origins and then from peers; the catalogue comes first."""
        entries = sorted(edition.bags, key=lambda entry: (entry.wave, entry.edition, entry.id))
        self._progress.start("Restoring bags", total_bytes=sum(entry.bytes for entry in entries))
        left: list[tuple[BagEntry, str]] = []
        for entry in entries:
            if self._stop.is_set():
                return
            with self._archive.ledger.connect() as ledger:
                recorded = is_recorded(ledger, entry.id)
            if recorded and (self._archive.bags / entry.id).exists():
                self._report.already.append(entry.id)
                self._progress.advance(size=entry.bytes)
            elif (why := self._bring(entry)) is not None:
                left.append((entry, why))
            else:
                self._note(entry, history, restoring)
        self._ask_peers(left, history, restoring)

    def _bring(self, entry: BagEntry) -> str | None:
        """Bring a bag from all origins together; return why not, if something of it lacks."""
        archive = self._archive
        try:
            arrival = begin(archive, self._origins, entry, self._progress.say)
        except (NetworkError, NotFoundError, VerificationError) as error:
            return error.message
        self._progress.advance(size=arrival.standing.good_bytes)
        why = "nobody has it"
        for origin in self._origins.each:
            if arrival.standing.lacking and not self._stop.is_set():
                findings = copy(arrival, origin, on_bytes=self._fetched, stop=self._stop)
                why = f"{findings[0].path}: {findings[0].detail}" if findings else why
        if arrival.standing.lacking:
            return why
        wrong = finish(archive, arrival, at=self._at(), event="recovery", progress=self._progress)
        return f"{wrong[0].path}: {wrong[0].what}, {wrong[0].detail}" if wrong else None

    def _fetched(self, size: int) -> None:
        self._report.fetched += size
        self._progress.advance(size=size)

    def _ask_peers(self, left: list[tuple[BagEntry, str]], history: History, restoring: Restoring) -> None:
        """Look among peers for what no origin gave; record what nobody has, so that it stays listed."""
        if not left:
            return
        ways = self._ways
        fetching = Fetching(
            self._archive,
            self._origins,
            swarm=ways.swarm,
            tempo=ways.tempo,
            peers=resolve_peers(ways.peers, by_number=ways.swarm.proxy is not None),
            pace=ways.pace,
            progress=self._progress,
            stop=self._stop,
            clock=self._clock,
        )
        try:
            outcome = fetching.fetch([entry for entry, _ in left], direct=False, event="recovery")
        finally:
            fetching.close()
        self._report.fetched += outcome.fetched
        for entry, why in left:
            if entry.id in outcome.complete:
                self._note(entry, history, restoring)
                continue
            self._report.missing.append((entry.id, why))
            meta = self._torrent(entry)
            with self._archive.ledger.begin() as ledger:
                index = history.index(self._archive)
                record_absent(ledger, entry, meta, index, history.date_of(entry.edition))

    def _torrent(self, entry: BagEntry) -> TorrentMeta | None:
        try:
            _, meta = find_torrent(self._origins, self._archive.public, entry)
        except (NetworkError, NotFoundError, VerificationError):
            return None  # why was told when the bag was looked for
        return meta

    def _note(self, entry: BagEntry, history: History, restoring: Restoring) -> None:
        """Record a bag that is here, all of it verified."""
        _, meta = find_torrent(self._origins, self._archive.public, entry)
        recordings = history.recordings_of(self._archive, entry.id)
        with self._archive.ledger.begin() as ledger:
            folder = self._archive.bags / entry.id
            sealed_at = history.date_of(entry.edition)
            record_whole(ledger, restoring, entry, folder, meta, recordings, sealed_at)
        self._report.restored.append(entry.id)

    def _record(self, edition: Edition, history: History, restoring: Restoring) -> None:
        """Record editions, what was taken back, and what the catalogue's bag holds."""
        archive = self._archive
        with archive.ledger.begin() as ledger:
            history.record(ledger, restoring, archive, self._origins)
        bag = archive.bags / edition.catalogue.bag
        if not bag.exists():
            self._report.remarks.append(
                f"The catalogue's bag, {edition.catalogue.bag}, is lost: phono add makes a catalogue of the "
                "files, and they get other ids where MusicBrainz knows none."
            )
            return
        self._progress.start("Bringing back the catalogue")
        snapshot = bring_back(archive, bag, edition.catalogue.snapshot)
        with archive.ledger.begin() as ledger:
            record_sources(ledger, restoring, archive, snapshot)

    def _finish(self, edition: Edition) -> None:
        """Write pages, and the settings, with which the folder becomes an archive."""
        archive = self._archive
        path = archive.folder / SETTINGS_FILE
        settings, told = archive.settings, None
        if not path.exists():
            told = told_settings(edition, self._newest_torrents(edition))
            settings = settings_of(Layer(str(path), told))
        today = self._clock().date()
        for entry in edition.bags:  # of what is withdrawn and not published yet, only a part is shown
            if (archive.bags / entry.id).exists() and not show_anew(archive, entry.id, today):
                publish_bag(archive.public, entry.id, entry.audience)
        restored = Archive(archive.folder, settings)
        with closing(restored):
            write_site(restored, edition, datetime.strptime(edition.date, "%Y-%m-%dT%H:%M:%S%z"))
        if told is not None:
            write_durably(path, settings_text(told).encode())

    def _newest_torrents(self, edition: Edition) -> Iterator[tuple[str, TorrentMeta]]:
        """Yield one torrent of each audience, the newest that is there: it tells how bags are shared."""
        told = set[str]()
        for entry in sorted(edition.bags, key=lambda one: (one.edition, one.id), reverse=True):
            if entry.audience not in told and (meta := self._torrent(entry)) is not None:
                told.add(entry.audience)
                yield entry.audience, meta

    def _record_end(self, followed: Followed) -> None:
        report = self._report
        with self._archive.ledger.begin() as ledger:
            record_event(
                ledger,
                at=self._at(),
                kind="recovery",
                subject=f"edition {report.edition}",
                agent=self._archive.settings.archive.agent,
                outcome="warning" if report.missing else "success",
                detail={
                    "sha256": followed.sha256,
                    "from": [origin.where for origin in self._origins.each],
                    "bags": len(report.restored),
                    "missing": [bag for bag, _ in report.missing],
                },
            )
