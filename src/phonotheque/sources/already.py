"""“Have we this already?” Asked of files that are not taken in: nothing is written, here or there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row

from phonotheque.audio.decode import UndecodableError
from phonotheque.audio.examine import examine
from phonotheque.audio.sameness import Likeness
from phonotheque.audio.speeds import SPEEDS, fingerprints_at
from phonotheque.ledger.copies import masters
from phonotheque.model.audio import AudioFacts, Refusal
from phonotheque.model.copies import quality
from phonotheque.model.errors import NotFoundError
from phonotheque.sources.duplicates import Copy, Evidence, Level, copy_of, heard
from phonotheque.sources.likeness import Like, find_like
from phonotheque.vault.segment_index import SegmentIndex

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
    """Yield files as they are named, and of folders all that is in them, in order. Raises NotFoundError."""
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders.sort()
                yield from (Path(folder, name) for name in sorted(names))
        elif path.exists():
            yield path
        else:
            raise NotFoundError(f"There is no {path}.", "Name a file or a folder.")


def already(index: SegmentIndex, ledger: Connection, path: Path, *, speeds: bool = False) -> Asked:
    """Return what the archive has of the file at ``path``; with ``speeds``, also what it was made of so."""
    shown = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    facts = examine(path, loudness=False)
    if isinstance(facts, Refusal):
        return Asked(shown, Answer.REFUSED, reason=f"{facts.kind}: {facts.reason}")
    matches = _matches(index, ledger, facts)
    if speeds and not any(match.evidence.likeness is Likeness.SAME for match in matches):
        try:
            matches += _at_speeds(index, ledger, path, facts)
        except UndecodableError as error:  # it was decoded a moment ago
            return Asked(shown, Answer.REFUSED, reason=error.message)
    matches.sort(key=lambda match: (_rank(match), match.evidence.ber or 0.0, match.copy.id))
    if not matches:
        return Asked(shown, Answer.NO)
    same = [match.copy for match in matches if _rank(match) <= _RANKS.index(Answer.RECORDING)]
    held = [copy for copy in same if copy.held]
    # An id that is larger than any: what is not taken in yet would come last.
    mine = quality(_as_copy(facts, max((copy.id for copy in held), default=0) + 1))
    better = bool(held) and mine > max(quality(copy) for copy in held)
    return Asked(shown, _RANKS[_rank(matches[0])], tuple(matches), better)


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


def _at_speeds(index: SegmentIndex, ledger: Connection, path: Path, facts: AudioFacts) -> list[Match]:
    """Return what the file may be a faster or slower copy of, each at the speed where it fits best."""
    best: dict[int, tuple[Like, float]] = {}
    asked = fingerprints_at(path)
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
