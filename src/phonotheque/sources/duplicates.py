"""Groups of files that are copies of one another, with the evidence, and which copy is the best.

Every copy of a group is itself the same as the best one: what is only like another copy is told, and not
counted in (A like B, and B like C, does not make A and C one recording). Nothing is changed here.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Row

from phonotheque.audio.fingerprint import RATE, STEP, BestAlignment
from phonotheque.audio.sameness import Likeness, judge
from phonotheque.ledger.copies import masters, seen_at_several_places
from phonotheque.model.batches import batched
from phonotheque.model.copies import why_better
from phonotheque.sources.grouping import Beside, Found, find_groups
from phonotheque.sources.likeness import PAIRS, pairs
from phonotheque.vault.segment_index import SegmentIndex

PLACE: Final = STEP / RATE  # seconds from one value of a fingerprint to the next
_AT_ONCE: Final = 200  # groups, or files at several places, that the ledger is asked about together


class Level(StrEnum):
    """How much is the same."""

    BYTES = "bytes"
    AUDIO = "audio"  # the decoded samples
    RECORDING = "recording"  # the fingerprints, and the lengths


@dataclass(frozen=True, slots=True)
class Copy:
    """A master as the ledger has it. Sizes in bytes, ``duration`` in seconds, rates in Hz and bit/s."""

    id: int
    sha256: str
    name: str
    held: bool
    size: int
    codec: str | None
    duration: float
    sample_rate: int | None
    channels: int | None
    bit_rate: int | None
    bits_per_sample: int | None
    lossless: bool
    integrity: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two files are held to be copies of one another, or may be.

    ``ber``: the share of differing bits of their fingerprints, over ``overlap`` seconds; the second begins
    ``offset`` seconds into the first. ``longer`` is by how many seconds it is longer. ``via``: the name of
    the copy that it is the same as, where it is not the best one.
    """

    level: Level
    likeness: Likeness = Likeness.SAME
    ber: float | None = None
    overlap: float | None = None
    offset: float | None = None
    longer: float = 0.0
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """A copy beside the best one; ``why`` the best is better, in words."""

    copy: Copy
    evidence: Evidence
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Copies of one recording. ``frees``: bytes that the copies beside the best take in the archive."""

    best: Copy
    copies: tuple[Other, ...]
    perhaps: tuple[Other, ...]  # for a person to listen to: never counted as copies
    frees: int


@dataclass(frozen=True, slots=True)
class Places:
    """One file that was found at several places: the archive keeps it once."""

    copy: Copy
    paths: tuple[str, ...]

    @property
    def spare(self) -> int:
        """How many bytes the places beside the first take."""
        return self.copy.size * (len(self.paths) - 1)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The groups that free most, the most first, and what all of them come to."""

    groups: tuple[Group, ...]
    total: int  # groups with copies
    copies: int  # beside the best ones
    frees: int  # bytes
    doubtful: int  # groups with something for a person to listen to


def duplicates(index: SegmentIndex, ledger: Connection, level: Level, *, limit: int = 50) -> Duplicates:
    """Return the groups of masters that are copies of one another by ``level`` or by a stricter one."""
    compared = pairs(index) if level is Level.RECORDING else np.zeros(0, PAIRS)
    found = find_groups(ledger, compared, limit=limit)
    groups = tuple(group for few in batched(found.groups, _AT_ONCE) for group in _groups(ledger, few))
    return Duplicates(groups, found.total, found.copies, found.frees, found.doubtful)


def several_places(ledger: Connection, *, limit: int = 50) -> tuple[list[Places], int, int]:
    """Return files found at several places, those that take most first; how many there are; their bytes."""
    best: list[tuple[int, int, Places]] = []
    total = spare = 0
    for few in batched(seen_at_several_places(ledger), _AT_ONCE):
        known = {row.id: row for row in masters(ledger, ids=[file_id for file_id, _ in few])}
        for file_id, paths in few:
            if file_id not in known:
                continue
            shown = tuple(path.decode("utf-8", "backslashreplace") for path in paths)
            found = Places(copy_of(known[file_id]), shown)
            total, spare = total + 1, spare + found.spare
            heapq.heappush(best, (found.spare, -file_id, found))
            if len(best) > limit:
                heapq.heappop(best)
    return [one for _, _, one in sorted(best, key=lambda one: one[:2], reverse=True)], total, spare


def copy_of(row: Row[Any]) -> Copy:
    """Return a row of the ledger as a value."""
    return Copy(
        id=row.id,
        sha256=row.sha256,
        name=row.name,
        held=row.held,
        size=row.size,
        codec=row.codec,
        duration=row.duration or 0.0,
        sample_rate=row.sample_rate,
        channels=row.channels,
        bit_rate=row.bit_rate,
        bits_per_sample=row.bits_per_sample,
        lossless=bool(row.lossless),
        integrity=row.integrity,
    )


def heard(alignment: BestAlignment, seconds_a: float, seconds_b: float) -> Evidence:
    """Return what fingerprints and lengths are evidence of."""
    return Evidence(
        Level.RECORDING,
        judge(alignment, seconds_a, seconds_b),
        ber=alignment.ber,
        overlap=alignment.overlap * PLACE,
        offset=alignment.offset * PLACE,
        longer=seconds_b - seconds_a,
    )


def _groups(ledger: Connection, few: Sequence[Found]) -> Iterator[Group]:
    """Yield groups with all that is told of their files."""
    ids = chain.from_iterable((found.best, *_ids(found.copies), *_ids(found.perhaps)) for found in few)
    rows = {row.id: row for row in masters(ledger, ids=set(ids))}
    for found in few:
        copies, perhaps = (
            tuple(_other(rows, found.best, one) for one in some) for some in (found.copies, found.perhaps)
        )
        yield Group(copy_of(rows[found.best]), copies, perhaps, found.frees)


def _ids(some: Iterable[Beside]) -> Iterator[int]:
    for one in some:
        yield one.file_id
        if one.via is not None:
            yield one.via


def _other(rows: Mapping[int, Row[Any]], best_id: int, one: Beside) -> Other:
    best, other = rows[best_id], rows[one.file_id]
    through = best if one.via is None else rows[one.via]
    if one.alignment is None:
        evidence = Evidence(Level.AUDIO)
    else:
        evidence = heard(one.alignment, through.duration or 0.0, other.duration or 0.0)
    if one.via is not None:
        longer = (other.duration or 0.0) - (best.duration or 0.0)
        evidence = replace(evidence, likeness=Likeness.PERHAPS, longer=longer, via=through.name)
    return Other(copy_of(other), evidence, why_better(best, other))
