"""Groups of files that are copies of one another, with the evidence, and which copy is the best.

Every copy of a group is itself the same as the best one: what is only like another copy is told, and not
counted in (A like B, and B like C, does not make A and C one recording). Nothing is changed here.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Row

from phonotheque.audio.fingerprint import RATE, STEP, BestAlignment
from phonotheque.audio.sameness import Likeness, judge
from phonotheque.ledger.copies import masters, same_samples, seen_at_several_places
from phonotheque.model.batches import batched
from phonotheque.model.copies import quality, why_better
from phonotheque.sources.likeness import pairs
from phonotheque.vault.segment_index import SegmentIndex

PLACE: Final = STEP / RATE  # seconds from one value of a fingerprint to the next
_AT_ONCE: Final = 200  # families looked at together


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


@dataclass(frozen=True, slots=True)
class _Link:
    """Two files whose fingerprints were compared."""

    a: int
    b: int
    alignment: BestAlignment


def duplicates(index: SegmentIndex, ledger: Connection, level: Level, *, limit: int = 50) -> Duplicates:
    """Return the groups of masters that are copies of one another by ``level`` or by a stricter one."""
    links = _links(index) if level is Level.RECORDING else []
    best: list[tuple[int, int, Group]] = []
    total = copies = frees = doubtful = 0
    for group in _groups(ledger, links):
        total += bool(group.copies)
        copies += len(group.copies)
        frees += group.frees
        doubtful += bool(group.perhaps)
        heapq.heappush(best, (group.frees, -group.best.id, group))
        if len(best) > limit:
            heapq.heappop(best)
    shown = sorted(best, key=lambda one: one[:2], reverse=True)
    return Duplicates(tuple(group for _, _, group in shown), total, copies, frees, doubtful)


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


def _links(index: SegmentIndex) -> list[_Link]:
    return [
        _Link(
            int(pair["later"]),
            int(pair["earlier"]),
            BestAlignment(float(pair["ber"]), int(pair["offset"]), int(pair["overlap"])),
        )
        for pair in pairs(index)
    ]


def _groups(ledger: Connection, links: Sequence[_Link]) -> Iterator[Group]:
    """Yield the groups of all families: files that are connected somehow, and are looked at together."""
    equal = list(same_samples(ledger))
    by_sound = ((link.a, link.b) for link in links)
    families = _families(chain(by_sound, ((ids[0], other) for ids in equal for other in ids[1:])))
    of_family: dict[int, list[_Link]] = defaultdict(list)
    for link in links:
        of_family[families[link.a]].append(link)
    members: dict[int, list[int]] = defaultdict(list)
    for file_id, family in families.items():
        members[family].append(file_id)
    for few in batched(members.items(), _AT_ONCE):
        known = {row.id: row for row in masters(ledger, ids=[one for _, ids in few for one in ids])}
        for family, ids in few:
            rows = [known[one] for one in ids if one in known]
            yield from _groups_of(rows, of_family.get(family, []))


def _families(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return for every file the smallest one that it is connected with."""
    parent: dict[int, int] = {}

    def root(one: int) -> int:
        while parent.setdefault(one, one) != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for a, b in edges:
        x, y = root(a), root(b)
        parent[max(x, y)] = min(x, y)
    return {one: root(one) for one in list(parent)}


def _groups_of(rows: Sequence[Row[Any]], links: Sequence[_Link]) -> Iterator[Group]:
    """Yield the groups of one family: again and again the best that is left, with what is the same as it."""
    sounds = _sounds(rows)
    compared = _compared(rows, links, sounds)
    left = sorted(rows, key=lambda row: (row.held, *quality(row)), reverse=True)
    while left:
        best = left[0]
        same: list[Other] = []
        perhaps: list[Other] = []
        for row in left[1:]:
            evidence = _evidence(best, row, sounds, compared)
            if evidence is not None:
                found = Other(copy_of(row), evidence, why_better(best, row))
                (same if evidence.likeness is Likeness.SAME else perhaps).append(found)
        taken = {best.id, *(other.copy.id for other in same)}
        perhaps += _by_others(best, same, [row for row in left if row.id not in taken], sounds, compared)
        if same or perhaps:
            frees = sum(other.copy.size for other in same if other.copy.held and best.held)
            yield Group(copy_of(best), tuple(same), tuple(_once(perhaps)), frees)
        left = [row for row in left if row.id not in taken]


_Sound = tuple[str, int | None, int | None]


def _sounds(rows: Iterable[Row[Any]]) -> dict[int, _Sound]:
    """Return what is equal for files with equal samples; one whose samples are unknown is like no other."""
    return {row.id: (row.pcm_sha256 or f"file {row.id}", row.sample_rate, row.channels) for row in rows}


def _compared(
    rows: Iterable[Row[Any]], links: Iterable[_Link], sounds: Mapping[int, _Sound]
) -> dict[tuple[_Sound, _Sound], BestAlignment]:
    """Return how two sounds agree, both ways: what holds for a file holds for those with equal samples."""
    known = {row.id for row in rows}
    found: dict[tuple[_Sound, _Sound], BestAlignment] = {}
    for link in links:
        if link.a in known and link.b in known:
            a, b, one = sounds[link.a], sounds[link.b], link.alignment
            turned = BestAlignment(one.ber, -one.offset, one.overlap)
            for key, value in (((a, b), one), ((b, a), turned)):
                if key not in found or value.ber < found[key].ber:
                    found[key] = value
    return found


def _evidence(
    best: Row[Any],
    other: Row[Any],
    sounds: Mapping[int, _Sound],
    compared: Mapping[tuple[_Sound, _Sound], BestAlignment],
) -> Evidence | None:
    a, b = sounds[best.id], sounds[other.id]
    if a == b:
        return Evidence(Level.AUDIO)
    alignment = compared.get((a, b))
    return None if alignment is None else heard(alignment, best.duration or 0.0, other.duration or 0.0)


def _by_others(
    best: Row[Any],
    same: Iterable[Other],
    rest: Sequence[Row[Any]],
    sounds: Mapping[int, _Sound],
    compared: Mapping[tuple[_Sound, _Sound], BestAlignment],
) -> Iterator[Other]:
    """Yield what is the same as a copy of the group, and not as its best."""
    for other in same:
        for row in rest:
            alignment = compared.get((sounds[other.copy.id], sounds[row.id]))
            if alignment is None:
                continue
            evidence = heard(alignment, other.copy.duration, row.duration or 0.0)
            if evidence.likeness is Likeness.SAME:
                via = Evidence(
                    evidence.level,
                    Likeness.PERHAPS,
                    evidence.ber,
                    evidence.overlap,
                    evidence.offset,
                    (row.duration or 0.0) - (best.duration or 0.0),
                    via=other.copy.name,
                )
                yield Other(copy_of(row), via, why_better(best, row))


def _once(others: Iterable[Other]) -> Iterator[Other]:
    seen: set[int] = set()
    for other in others:
        if other.copy.id not in seen:
            seen.add(other.copy.id)
            yield other
