"""Fire drills: do mirrors have what they say, and how long would it take to get all of it back?

Each mirror is asked for random pieces of random bags, and what it answers is compared with the torrents of
our own signed tree. Then a sample is fetched whole, as a restore would. A right answer proves that the mirror
could get these bytes at that moment: one that fetches them from another mirror when it is asked cannot be
told from one that has them, but by how long it takes (docs/threat-model.md).
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.proofs import Outcome
from phonotheque.mirrors.asking import (
    Answer,
    Respondent,
    StatusError,
    Verdict,
    draw,
    file_questions,
    in_order,
    questions,
)
from phonotheque.mirrors.reach import ANYWHERE, Reach
from phonotheque.model.errors import NetworkError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.hashing import piece_hash

Torrents = Callable[[BagEntry], TorrentMeta]
_TRIES: Final = 50  # bags looked for, for each that is wanted, at a mirror that does not say what it has
_GIVEN_UP: Final = 2  # answers that a mirror may owe before it is asked no more
_KEPT: Final = 32  # torrents in memory at once: those of large bags have megabytes of hashes


@dataclass(frozen=True, slots=True)
class Asked:
    """A mirror to be asked. ``claims``: bags that it says it holds whole; None: it has not said anything.

    ``reach``: where it may be; a stranger's report may name any address.
    """

    mirror: str  # its id
    web: str
    name: str | None = None
    claims: frozenset[str] | None = None
    reach: Reach = ANYWHERE


@dataclass(frozen=True, slots=True)
class Terms:
    """How a drill is held: ``seed`` draws all that is random; ``files`` are fetched whole of each mirror.

    ``slow`` (seconds): an answer that takes longer proves nothing. ``whole_bag``: fetch
    a bag in place of files.
    """

    seed: str
    bags: int = 3
    blocks: int = 4
    slow: float = 10.0
    files: int = 2
    whole_bag: bool = False
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class BagAsked:
    """What came of asking a mirror for pieces of one bag; ``why`` of the first answer that proves nothing."""

    bag: str
    outcome: Outcome
    verdict: Verdict
    blocks: int  # right ones
    bytes: int
    why: str = ""


@dataclass(slots=True)
class Restored:
    """A sample fetched whole: bytes that verified, and the seconds they took with writing them down."""

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    trouble: str = ""

    @property
    def rate(self) -> float:
        """Bytes a second; 0 where nothing came."""
        return self.bytes / self.seconds if self.bytes and self.seconds else 0.0


@dataclass(slots=True)
class Drilled:
    """What came of one mirror. Seconds of its answers that were right, whole and to the first byte.

    ``answered_at``: HOST:PORT of the machine that answered, "" where none did.
    """

    mirror: str
    web: str
    name: str | None
    answered_at: str = ""
    bags: list[BagAsked] = field(default_factory=list)
    middle: float | None = None
    slowest: float | None = None
    first_byte: float | None = None
    restored: Restored | None = None
    trouble: str = ""  # why it was not asked, or no more

    @property
    def failed(self) -> bool:
        """Whether it answered wrongly, not with what it claims, or too slowly."""
        return any(bag.outcome is Outcome.FAILED or bag.verdict is Verdict.SLOW for bag in self.bags)

    @property
    def silent(self) -> bool:
        """Whether something was not learnt of it."""
        return bool(self.trouble) or any(bag.outcome is Outcome.UNREACHABLE for bag in self.bags)


def drill(
    asked: Sequence[Asked],
    bags: Sequence[BagEntry],
    torrents: Torrents,
    terms: Terms,
    *,
    country: str = "",
    into: Path | None = None,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
) -> list[Drilled]:
    """Ask mirrors for random pieces of ``bags`` they claim, then fetch a sample of those that passed.

    ``torrents`` reads a bag's torrent from our own tree. Samples go to a temporary folder in ``into``, and
    are removed. What goes wrong with a mirror is told of it; errors of our own tree are raised.
    """
    stop = stop or threading.Event()
    known, lock = dict[str, TorrentMeta](), threading.Lock()

    def meta(entry: BagEntry) -> TorrentMeta:
        with lock:
            if entry.id not in known:
                if len(known) >= _KEPT:
                    known.pop(next(iter(known)))
                known[entry.id] = torrents(entry)
            return known[entry.id]

    def one(mirror: Asked) -> Drilled:
        found = _Drill(mirror, bags, meta, terms, country, stop).ask()
        progress.advance(files=1)
        return found

    progress.start("Asking mirrors", total_files=len(asked))
    with ThreadPoolExecutor(terms.at_once) as pool:
        try:
            results = list(pool.map(one, asked))
        except BaseException:
            stop.set()
            raise
    passed = [
        (mirror, found)
        for mirror, found in zip(asked, results, strict=True)
        if any(bag.outcome is Outcome.PROVED for bag in found.bags) and not found.failed
    ]
    if terms.files or terms.whole_bag:
        progress.start("Fetching a sample", total_files=len(passed))
        for mirror, found in passed:  # one after another: they would share our line
            if not stop.is_set():
                _Drill(mirror, bags, meta, terms, country, stop).restore(found, into, progress)
            progress.advance(files=1)
    return results


class _Drill:
    def __init__(
        self,
        mirror: Asked,
        bags: Sequence[BagEntry],
        torrents: Torrents,
        terms: Terms,
        country: str,
        stop: threading.Event,
    ) -> None:
        self._mirror, self._bags, self._torrents = mirror, bags, torrents
        self._terms, self._stop = terms, stop
        self._web = Respondent(mirror.web, country=country, limit=max(terms.slow, 1.0), reach=mirror.reach)

    def ask(self) -> Drilled:
        """Ask for pieces of some bags."""
        found = Drilled(self._mirror.mirror, self._web.web, self._mirror.name)
        right: list[Answer] = []
        owed = 0
        for entry in self._chosen(found):
            if self._stop.is_set() or owed >= _GIVEN_UP:
                break
            answers = []
            for question in questions(
                entry.id, entry.audience, self._torrents(entry), self._terms.blocks, *self._salt
            ):
                answers.append(self._web.ask(question, self._terms.slow))
                owed += answers[-1].verdict in (Verdict.SILENT, Verdict.SLOW)
                if self._stop.is_set() or owed >= _GIVEN_UP or answers[-1].verdict in _ENDING:
                    break
            right += [answer for answer in answers if answer.verdict is Verdict.RIGHT]
            found.bags.append(_judge(entry.id, answers))
        found.answered_at = self._web.answered_at
        if owed >= _GIVEN_UP and not found.trouble:
            found.trouble = "it was asked no more, as it did not answer"
        if right:
            found.middle = statistics.median(answer.seconds for answer in right)
            found.first_byte = statistics.median(answer.first for answer in right)
            found.slowest = max(answer.seconds for answer in right)
        return found

    def restore(self, found: Drilled, into: Path | None, progress: Progress) -> None:
        """Fetch whole files of a bag that was proved, or all of it, and tell how fast they came."""
        found.restored = restored = Restored()
        proved = [bag.bag for bag in found.bags if bag.outcome is Outcome.PROVED]
        by_id = {entry.id: entry for entry in self._bags}
        entry = by_id[proved[draw(len(proved), 1, "restore", *self._salt)[0]]]
        meta = self._torrents(entry)
        files = [file for file in meta.files if file.pieces]
        if not self._terms.whole_bag:
            chosen = draw(len(files), self._terms.files, "files", entry.id, *self._salt)
            files = [files[index] for index in sorted(chosen)]
        with tempfile.TemporaryDirectory(prefix="phono-drill-", dir=into) as folder:
            free, needed = shutil.disk_usage(folder).free, sum(file.size for file in files)
            if needed > free:
                restored.trouble = f"{folder} has {free} bytes free; the sample needs {needed}"
                return
            for number, file in enumerate(files):
                if self._stop.is_set():
                    return
                begun = time.monotonic()
                try:
                    self._fetch(entry, meta, file, Path(folder, str(number)), progress)
                except (NetworkError, StatusError) as error:
                    restored.trouble = f"{file.path}: {error}"
                    return
                except _WrongError as error:
                    restored.trouble = f"{file.path}: {error}"
                    found.bags.append(BagAsked(entry.id, Outcome.FAILED, Verdict.WRONG, 0, 0, str(error)))
                    return
                restored.seconds += time.monotonic() - begun
                restored.bytes += file.size
                restored.files += 1

    @property
    def _salt(self) -> tuple[str, str]:
        return self._terms.seed, self._mirror.mirror

    def _chosen(self, found: Drilled) -> Iterator[BagEntry]:
        """Yield bags to ask for: of those that the mirror claims, else of those that it shows."""
        claims, wanted = self._mirror.claims, self._terms.bags
        bags = [entry for entry in self._bags if claims is None or entry.id in claims]
        if not bags:
            found.trouble = "it says that it holds none of these bags"
            return
        tries = wanted if claims is not None else wanted * _TRIES
        for index in draw(len(bags), tries, "bags", *self._salt):
            entry = bags[index]
            if claims is None:
                try:
                    shown = self._web.shows(f"{bags_folder(entry.audience)}/{entry.id}/bagit.txt")
                except NetworkError as error:
                    found.trouble = error.message
                    return
                if not shown:
                    continue
            yield entry
            wanted -= 1
            if not wanted:
                return
        if claims is None and not found.bags:
            found.trouble = "none of the bags that were looked for is there"

    def _fetch(
        self, entry: BagEntry, meta: TorrentMeta, file: TorrentFile, place: Path, progress: Progress
    ) -> None:
        asked = file_questions(entry.id, entry.audience, meta, file)
        chunks = self._web.read(asked[0].shown, 0, file.size)
        with place.open("xb") as stream:
            pieces = in_order(chunks, [question.length for question in asked])
            for question, piece in zip(asked, pieces, strict=False):
                whole = len(piece) == question.length
                if not whole or (
                    piece_hash(piece, meta.piece_length, whole_file=question.whole_file) != question.expected
                ):
                    raise _WrongError(
                        "the bytes are not those that were sealed" if whole else "it ends early"
                    )
                stream.write(piece)
                progress.advance(size=len(piece))
            stream.flush()
        if place.stat().st_size != file.size:
            raise _WrongError("it ends early")
        place.unlink()


_ENDING: Final = frozenset(Verdict) - {Verdict.RIGHT, Verdict.SILENT, Verdict.SLOW}


class _WrongError(Exception):
    """A file that was fetched whole is not what was sealed."""


def _judge(bag: str, answers: Sequence[Answer]) -> BagAsked:
    """Return what the answers about one bag prove: it takes all of them to be right."""
    right = [answer for answer in answers if answer.verdict is Verdict.RIGHT]
    size = sum(answer.question.length for answer in right)
    other = next((answer for answer in answers if answer.verdict is not Verdict.RIGHT), None)
    if other is None:
        return BagAsked(bag, Outcome.PROVED, Verdict.RIGHT, len(right), size)
    refuted = other.verdict in (Verdict.WRONG, Verdict.MISSING, Verdict.ELSEWHERE)
    outcome = Outcome.FAILED if refuted else Outcome.UNREACHABLE
    why = f"{other.question.path} at {other.question.start}: {other.why}"
    return BagAsked(bag, outcome, other.verdict, len(right), size, why)
