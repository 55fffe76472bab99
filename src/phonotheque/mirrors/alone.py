"""The pieces of one file and of its bag's tag files: fetched from an origin or from peers, and verified."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.shelves import bags_folder
from phonotheque.mirrors.copying import copy_pieces
from phonotheque.mirrors.messages import Finished, Moved, SwarmSettings, Trouble
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.recordings import Indexed
from phonotheque.mirrors.standing import look, make_durable, make_ready, narrowed
from phonotheque.mirrors.swarm import Swarm
from phonotheque.mirrors.tempo import Tempo, Throttle
from phonotheque.mirrors.transfer import Arrival, find_torrent
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, PhonothequeError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.fixity import check_bag, check_file

ARRIVING = "arriving"
_TURN = 0.2  # seconds between looks at whether to stop


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: where one is, whom besides the origin, how patiently (in seconds), at what pace."""

    country: str = ""
    trust: str | None = None
    swarm: SwarmSettings = field(default_factory=SwarmSettings)
    peers: tuple[tuple[str, int], ...] = ()
    patience: float = 120.0
    tempo: Tempo = field(default_factory=Tempo)


class Alone:
    """Fetches the pieces of one file and of the tag files of its bag."""

    def __init__(
        self, origin: Origin, state: Path, asking: Asking, progress: Progress, stop: threading.Event
    ) -> None:
        self.fetched = 0
        self._origin = origin
        self._state = state
        self._asking = asking
        self._progress = progress
        self._stop = stop
        self._throttle = Throttle(stop.wait)

    def arrival(self, entry: BagEntry, row: Indexed) -> Arrival:
        """Return what is there of a file and of its bag's tag files."""
        torrent, meta = find_torrent(self._origin, self._state, entry)
        paths = {file.path for file in meta.files}
        if row.path not in paths:
            raise VerificationError(f"{entry.torrent.path} has no file {row.path!r:.300}.")
        wanted = frozenset({row.path} | {path for path in paths if not path.startswith(PAYLOAD)})
        folder = self._state / ARRIVING / entry.id
        folder.mkdir(parents=True, exist_ok=True)
        standing = narrowed(look(folder, meta), wanted)
        return Arrival(entry, torrent, meta, folder, standing, wanted=wanted)

    def fetch(self, arrival: Arrival, row: Indexed, *, payload: bool) -> None:
        """Bring what lacks: from the origin, then from peers; verify it."""
        if not payload:
            arrival.wanted = (arrival.wanted or frozenset()) - {row.path}
            arrival.standing = narrowed(arrival.standing, arrival.wanted)
        lacking = arrival.standing.lacking
        self._progress.start("Fetching", total_bytes=sum(file.size for file in lacking))
        make_ready(arrival.folder, lacking, arrival.folder.parent)
        wrong = self._from_origin(arrival)
        why = "" if not arrival.standing.lacking or self._stop.is_set() else self._from_peers(arrival)
        if self._stop.is_set():
            raise KeyboardInterrupt
        if arrival.standing.lacking:
            lacking_one = f"{arrival.standing.lacking[0].path} of {arrival.entry.id}"
            damaged = [finding.detail for finding in wrong if finding.what == "damaged"]
            if damaged and not why:
                raise VerificationError(f"{lacking_one}: {damaged[0]}.", "Ask a mirror for it instead.")
            details = "; ".join(filter(None, [*(one.detail.rstrip(".") for one in wrong[:1]), why]))
            raise NetworkError(
                f"{lacking_one} was not delivered: {details or 'it ended too early'}.",
                "What has come is kept: run it again, perhaps with --peer HOST:PORT.",
            )
        self._verify(arrival, row, payload=payload)

    def _verify(self, arrival: Arrival, row: Indexed, *, payload: bool) -> None:
        wanted = arrival.wanted or frozenset()
        make_durable(arrival.folder, [file for file in arrival.meta.files if file.path in wanted])
        tags = arrival.entry.tagmanifest_sha256
        report = check_bag(arrival.folder, tagmanifest_sha256=tags, only=wanted)
        # Another file there may be one that was begun at another time.
        wrong = [
            finding
            for finding in report.findings
            if finding.what != "extra" and (finding.path in wanted or not finding.path.startswith(PAYLOAD))
        ]
        if wrong:
            raise VerificationError(
                f"{arrival.entry.id}/{wrong[0].path}: {wrong[0].what}, {wrong[0].detail}.",
                "Each piece is what the torrent says: the publisher must correct this.",
            )
        if payload and check_file(arrival.folder / row.path, row.size, row.sha256) is not None:
            raise VerificationError(f"{row.bag}/{row.path} is not the file that the edition's index lists.")

    def _from_origin(self, arrival: Arrival) -> tuple[Finding, ...]:
        shown = f"{bags_folder(arrival.entry.audience)}/{arrival.entry.id}"
        standing, findings = copy_pieces(
            self._origin,
            shown,
            arrival.folder,
            arrival.meta,
            arrival.standing,
            on_bytes=self._came,
            stop=self._stop,
        )
        arrival.standing = narrowed(standing, arrival.wanted)
        return findings

    def _came(self, size: int) -> None:
        self.fetched += size
        self._progress.advance(size=size)
        limits = self._asking.tempo.limits()
        self._throttle.rate = limits.download
        self._throttle.take(size)
        while self._asking.tempo.limits().paused and not self._stop.wait(_TURN):
            pass

    def _from_peers(self, arrival: Arrival) -> str:
        """Fetch pieces through BitTorrent; return why that failed, "" if it came or nobody can be asked."""
        asking, meta = self._asking, arrival.meta
        found = meta.trackers or asking.peers or (asking.swarm.dht and not meta.private)
        seeds = meta.web_seeds if asking.swarm.web_seed and not meta.private else ()
        if not found and not asking.swarm.lsd and not seeds:
            return ""
        with Swarm(asking.swarm) as swarm:
            swarm.add(
                arrival.entry.id,
                arrival.torrent,
                str(arrival.folder.parent),
                have=arrival.standing.have,
                wanted=arrival.wanted_pieces,
                peers=asking.peers,
            )
            why = self._listen(swarm, arrival.entry.id)
        arrival.standing = narrowed(look(arrival.folder, meta), arrival.wanted)
        return why

    def _listen(self, swarm: Swarm, bag: str) -> str:
        held, done, since = self._asking.swarm.limits, -1, time.monotonic()
        why = "nobody who has it was found"
        while not self._stop.is_set() and time.monotonic() - since < self._asking.patience:
            limits = self._asking.tempo.limits()
            if limits != held:
                held = limits
                swarm.limit(limits)
            reports = swarm.poll(_TURN)
            if limits.paused:
                since = time.monotonic()
            for report in reports:
                match report:
                    case Finished():
                        return ""
                    case Moved() if report.bag == bag and report.done > done:
                        more = report.done - done if done >= 0 else 0
                        self.fetched += more
                        self._progress.advance(size=more)
                        done, since = report.done, time.monotonic()
                    case Trouble():
                        if report.errno is not None:
                            raise PhonothequeError(f"{report.what}.", "Correct this and run it again.")
                        why = report.what
        return why
