"""“Have we this already?” Asked of files that are not taken in: nothing is written, here or there."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection, Row

from phonotheque.audio.decode import UndecodableError
from phonotheque.audio.examine import examine
from phonotheque.audio.sameness import Likeness
from phonotheque.audio.speeds import SPEEDS, fingerprints_at
from phonotheque.jobs.columns import from_batch, to_batch
from phonotheque.jobs.limits import processor_time
from phonotheque.jobs.pool import DEATHS, Poison, process_pool, run_batches
from phonotheque.ledger.copies import masters
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind
from phonotheque.model.batches import batched
from phonotheque.model.copies import quality
from phonotheque.model.errors import NotFoundError, PhonothequeError
from phonotheque.sources.duplicates import Copy, Evidence, Level, copy_of, heard
from phonotheque.sources.likeness import Like, find_like
from phonotheque.vault.segment_index import SegmentIndex

_LONGEST: Final = 3600  # seconds of processor time for one file
_TOGETHER: Final = 200  # files asked for before those that need it are heard at other speeds
_SPEED_STEP: Final = abs(SPEEDS[1] - SPEEDS[0])


class Answer(StrEnum):
    """What the archive has of a file, the closest that was found."""

    BYTES = "bytes"  # this very file
    AUDIO = "audio"  # the same samples
    RECORDING = "recording"
    SPEED = "speed"  # the same recording, played faster or slower
    PERHAPS = "perhaps"
    NO = "no"
    REFUSED = "refused"  # no sound that could be compared


@dataclass(frozen=True, slots=True)
class Match:
    """A file of the archive, and why it may be what was asked for.

    ``speed``: how many times as fast as it the file asked for plays.
    """

    copy: Copy
    evidence: Evidence
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A file that was asked for. ``better``: it is a better copy than the best that is held, if one is."""

    path: str
    answer: Answer
    matches: tuple[Match, ...] = ()
    better: bool = False
    reason: str = ""  # of a refusal


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files as they are named, and of folders all that is in them, in order.

    Raises NotFoundError, and PhonothequeError for a folder that cannot be read.
    """
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path, onerror=_unreadable):
                folders.sort()
                yield from (Path(folder, name) for name in sorted(names))
        elif path.exists():
            yield path
        else:
            raise NotFoundError(f"There is no {path}.", "Name a file or a folder.")


def already(
    index: SegmentIndex,
    ledger: Connection,
    paths: Iterable[Path],
    *,
    speeds: bool = False,
    make_pool: Callable[[], Executor] = process_pool,
) -> Iterator[Asked]:
    """Yield for each file what the archive has of it, in order; with ``speeds``, also what it was made of so.

    Files are strangers': they are decoded in processes of their own, and one that kills these is REFUSED.
    """
    for some in batched(enumerate(paths), _TOGETHER):
        files = dict(some)
        found: dict[int, Asked] = {}
        waiting = deque(files)
        once: dict[int, AudioFacts] = {}
        for number, facts in _heard(_examine, files, make_pool):
            if isinstance(facts, Asked):
                found[number] = facts
            else:
                matches = _matches(index, ledger, facts)
                if speeds and not any(match.evidence.likeness is Likeness.SAME for match in matches):
                    once[number] = facts
                else:
                    found[number] = _asked(files[number], facts, matches)
            while waiting and waiting[0] in found:
                yield found.pop(waiting.popleft())
        for number, at_speeds in _heard(
            _at_all_speeds, {number: files[number] for number in once}, make_pool
        ):
            if isinstance(at_speeds, Asked):
                found[number] = at_speeds
            else:
                facts = once[number]
                matches = _matches(index, ledger, facts) + _at_speeds(index, ledger, at_speeds, facts)
                found[number] = _asked(files[number], facts, matches)
            while waiting and waiting[0] in found:
                yield found.pop(waiting.popleft())


def _unreadable(error: OSError) -> None:
    raise PhonothequeError(
        f"The folder {error.filename} cannot be read: {error.strerror}.",
        "What is in it was not asked for. Make it readable, or name other files.",
    ) from error


@dataclass(frozen=True, slots=True)
class _File:
    number: int
    path: Path


@dataclass(frozen=True, slots=True)
class _Examined:
    number: int
    outcome: AudioFacts | Refusal


@dataclass(frozen=True, slots=True)
class _Speeds:
    number: int
    fingerprints: tuple[bytes, ...]
    refused: str | None


def _examine(batch: list[_File]) -> list[pa.RecordBatch]:
    with processor_time(_LONGEST):
        done = [_Examined(one.number, examine(one.path, loudness=False)) for one in batch]
        return [to_batch(_Examined, done)]


def _at_all_speeds(batch: list[_File]) -> list[pa.RecordBatch]:
    with processor_time(_LONGEST):
        return [to_batch(_Speeds, [_speeds_of(one) for one in batch])]


def _speeds_of(file: _File) -> _Speeds:
    try:
        return _Speeds(file.number, tuple(fingerprints_at(file.path)), None)
    except UndecodableError as error:  # it was decoded a moment ago
        return _Speeds(file.number, (), error.message)
    except OSError as error:
        return _Speeds(file.number, (), f"{RefusalKind.UNREADABLE}: {error.strerror}")


def _heard(
    work: Callable[[list[_File]], list[pa.RecordBatch]],
    files: Mapping[int, Path],
    make_pool: Callable[[], Executor],
) -> Iterator[tuple[int, Any]]:
    """Yield (number, facts or fingerprints) as files are done; of one that tells nothing, the answer."""
    if not files:
        return
    kind: Any = _Examined if work is _examine else _Speeds
    orders = [_File(number, path) for number, path in files.items()]
    for finished in run_batches(work, orders, batch=1, make_pool=make_pool):
        for part in finished:
            if isinstance(part, Poison):
                reason = f"it killed the process that read it, {DEATHS} times ({part.how})"
                yield part.item.number, _refused(part.item.path, reason)
                continue
            for one in from_batch(kind, part):
                yield one.number, _told(one, files[one.number])


def _told(one: _Examined | _Speeds, path: Path) -> AudioFacts | Sequence[bytes] | Asked:
    if isinstance(one, _Speeds):
        return one.fingerprints if one.refused is None else _refused(path, one.refused)
    if isinstance(one.outcome, Refusal):
        return _refused(path, f"{one.outcome.kind}: {one.outcome.reason}")
    return one.outcome


def _refused(path: Path, reason: str) -> Asked:
    return Asked(_shown(path), Answer.REFUSED, reason=reason)


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _asked(path: Path, facts: AudioFacts, matches: list[Match]) -> Asked:
    matches = sorted(matches, key=lambda match: (_rank(match), match.evidence.ber or 0.0, match.copy.id))
    if not matches:
        return Asked(_shown(path), Answer.NO)
    same = [match.copy for match in matches if _rank(match) <= _RANKS.index(Answer.RECORDING)]
    held = [copy for copy in same if copy.held]
    # An id that is larger than any: what is not taken in yet would come last.
    mine = quality(_as_copy(facts, max((copy.id for copy in held), default=0) + 1))
    better = bool(held) and mine > max(quality(copy) for copy in held)
    return Asked(_shown(path), _RANKS[_rank(matches[0])], tuple(matches), better)


_RANKS: Final = (Answer.BYTES, Answer.AUDIO, Answer.RECORDING, Answer.SPEED, Answer.PERHAPS)


def _rank(match: Match) -> int:
    if match.evidence.likeness is not Likeness.SAME:
        return _RANKS.index(Answer.PERHAPS)
    if match.speed != 1.0:
        return _RANKS.index(Answer.SPEED)
    return _RANKS.index(Answer(match.evidence.level.value))


def _matches(index: SegmentIndex, ledger: Connection, facts: AudioFacts) -> list[Match]:
    found: dict[int, Match] = {}
    for row in masters(ledger, sha256=[facts.sha256]):
        found[row.id] = Match(copy_of(row), Evidence(Level.BYTES))
    for row in masters(ledger, pcm_sha256=[facts.pcm_sha256]):
        kind = (facts.technical.sample_rate, facts.technical.channels)
        if row.id not in found and (row.sample_rate, row.channels) == kind:
            found[row.id] = Match(copy_of(row), Evidence(Level.AUDIO))
    (likes,) = find_like(index, ledger, [facts.fingerprint])
    known = _rows(ledger, likes)
    for like in likes:
        if like.file_id not in found and like.file_id in known:
            evidence = heard(like.alignment, facts.technical.duration, like.seconds)
            found[like.file_id] = Match(copy_of(known[like.file_id]), evidence)
    return list(found.values())


def _at_speeds(
    index: SegmentIndex, ledger: Connection, asked: Sequence[bytes], facts: AudioFacts
) -> list[Match]:
    """Return what the file may be a faster or slower copy of, each at the speed where it fits best."""
    best: dict[int, tuple[Like, float]] = {}
    for speed, likes in zip(SPEEDS, find_like(index, ledger, asked), strict=True):
        for like in likes:
            if like.file_id not in best or like.alignment.ber < best[like.file_id][0].alignment.ber:
                best[like.file_id] = (like, speed)
    known = _rows(ledger, [like for like, _ in best.values()])
    matches = []
    for file_id, (like, speed) in best.items():
        if file_id in known:
            seconds = _nearest(facts.technical.duration * speed, like.seconds)
            evidence = heard(like.alignment, seconds, like.seconds)
            matches.append(Match(copy_of(known[file_id]), evidence, speed))
    return matches


def _nearest(seconds: float, wanted: float) -> float:
    """Return the length within half a step of the speed that is nearest to ``wanted``."""
    least, most = seconds * (1 - _SPEED_STEP / 2), seconds * (1 + _SPEED_STEP / 2)
    return min(max(wanted, least), most)


def _rows(ledger: Connection, likes: Sequence[Like]) -> dict[int, Row[Any]]:
    return {row.id: row for row in masters(ledger, ids=[like.file_id for like in likes])}


def _as_copy(facts: AudioFacts, file_id: int) -> Copy:
    technical = facts.technical
    return Copy(
        id=file_id,
        sha256=facts.sha256,
        name="",
        held=False,
        size=facts.size,
        codec=technical.codec,
        duration=technical.duration,
        sample_rate=technical.sample_rate,
        channels=technical.channels,
        bit_rate=technical.bit_rate,
        bits_per_sample=technical.bits_per_sample,
        lossless=technical.lossless,
        integrity=facts.integrity.value,
    )
