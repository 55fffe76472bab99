"""Groups found on arrays are those found by looking at one file after the other; many files are no matter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from phonotheque.audio.fingerprint import BestAlignment
from phonotheque.audio.sameness import Likeness, judge
from phonotheque.ledger.copies import masters
from phonotheque.ledger.files import start_accession
from phonotheque.ledger.schema import files
from phonotheque.model.copies import quality
from phonotheque.sources.grouping import Found, Grouped, find_groups
from phonotheque.sources.likeness import PAIRS
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive

AT = "2026-11-21T10:15:00Z"
ALL = 10**9


def record(archive: Archive, rows: Sequence[Mapping[str, Any]]) -> None:
    usual = {
        "kind": "master", "held": True, "added_at": AT, "container": "flac", "codec": "flac",
        "duration": 200.0, "sample_rate": 44_100, "channels": 2, "bit_rate": 900_000,
        "bits_per_sample": 16, "lossless": True,
        "integrity": "intact", "integrity_notes": [], "tags": {}, "artwork": [], "name": "x", "size": 100,
    }  # fmt: skip
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="x", agent="tests", at=AT)
        ledger.execute(
            insert(files),
            [{**usual, "sha256": f"{row['id']:064x}", "accession_id": accession, **row} for row in rows],
        )


def as_pairs(found: Sequence[tuple[int, int, float, int]]) -> Any:
    return np.array([(max(a, b), min(a, b), ber, offset, 900) for a, b, ber, offset in found], dtype=PAIRS)


def grouped(archive: Archive, pairs: Any, limit: int = ALL) -> Grouped:
    with archive.ledger.connect() as ledger:
        return find_groups(ledger, pairs, limit=limit)


@dataclass(frozen=True)
class Slowly:
    """The same, said as plainly as can be: the best that is left, and all that is like it."""

    rows: Sequence[Any]
    compared: Mapping[tuple[Any, Any], BestAlignment]

    def evidence(self, a: Any, b: Any) -> BestAlignment | str | None:
        """Return how they agree, "samples" if those are equal, None if they were not compared."""
        if sound(a) == sound(b):
            return "samples"
        return self.compared.get((sound(a), sound(b)))

    def same(self, a: Any, b: Any) -> bool:
        found = self.evidence(a, b)
        if not isinstance(found, BestAlignment):
            return found is not None
        return judge(found, a.duration or 0.0, b.duration or 0.0) is Likeness.SAME

    def groups(self) -> Iterator[tuple[int, list[int], list[tuple[int, int | None]], int]]:
        left = sorted(self.rows, key=lambda row: (row.held, *quality(row)), reverse=True)
        while left:
            best, *others = left
            copies = [row for row in others if self.same(best, row)]
            rest = [row for row in others if row not in copies]
            perhaps = {row.id: None for row in rest if self.evidence(best, row) is not None}
            via = {row.id: copy.id for copy in reversed(copies) for row in rest if self.same(copy, row)}
            order = [row.id for row in copies]
            told: list[tuple[int, int | None]] = list(perhaps.items())
            through = {name: copy for name, copy in via.items() if name not in perhaps}
            ranked = [row.id for row in rest]
            told += sorted(through.items(), key=lambda one: (order.index(one[1]), ranked.index(one[0])))
            if copies or told:
                frees = sum(row.size for row in copies if row.held and best.held)
                yield best.id, order, told, frees
            left = rest


def sound(row: Any) -> tuple[Any, ...]:
    return (row.pcm_sha256 or f"file {row.id}", row.sample_rate, row.channels)


def slowly(archive: Archive, pairs: Any) -> list[tuple[int, list[int], list[tuple[int, int | None]], int]]:
    with archive.ledger.connect() as ledger:
        rows = masters(ledger, ids={*pairs["later"].tolist(), *pairs["earlier"].tolist(), *range(1, 300)})
    known = {row.id: sound(row) for row in rows}
    compared: dict[tuple[Any, Any], BestAlignment] = {}
    for pair in pairs:
        if pair["later"] in known and pair["earlier"] in known:
            a, b, ber = known[pair["later"]], known[pair["earlier"]], float(pair["ber"])
            if a != b and ((a, b) not in compared or ber < compared[a, b].ber):
                compared[a, b] = BestAlignment(ber, int(pair["offset"]), int(pair["overlap"]))
                compared[b, a] = BestAlignment(ber, -int(pair["offset"]), int(pair["overlap"]))
    return sorted(Slowly(rows, compared).groups(), key=lambda group: (-group[3], group[0]))


def plain(found: Found) -> tuple[int, list[int], list[tuple[int, int | None]], int]:
    perhaps = [(one.file_id, one.via) for one in found.perhaps]
    return found.best, [one.file_id for one in found.copies], perhaps, found.frees


@pytest.mark.parametrize("seed", range(12))
def test_they_are_those_found_by_looking_at_each(make_archive: MakeArchive, seed: int) -> None:
    chance = random.Random(seed)
    archive = make_archive()
    ids = sorted(chance.sample(range(1, 200), chance.choice((5, 12, 30))))
    sounds = chance.choice((3, len(ids) // 2, 3 * len(ids)))
    lengths = [chance.choice((200.0, 202.0, 204.0, None)) for _ in range(sounds)]
    rows = []
    for file_id in ids:
        one = chance.randrange(sounds)
        odd = seed % 3 == 0 and chance.random() < 0.2  # equal samples, which another release found longer
        rows.append(
            {
                "id": file_id,
                "size": 100 * chance.randint(1, 9),
                "held": chance.random() < 0.8,
                "pcm_sha256": None if chance.random() < 0.05 else f"{one:064x}",
                "duration": 203.0 if odd else lengths[one],
                "lossless": chance.random() < 0.5,
                "integrity": chance.choice(("intact", "decodes", "damaged")),
            }
        )
    record(archive, rows)
    drawn = []
    for _ in range(chance.choice((0, len(ids), 6 * len(ids)))):
        a, b = chance.sample([*ids, 250], 2)  # 250 is gone
        drawn.append((a, b, chance.choice((0.0, 0.05, 0.099, 0.1, 0.19)), chance.choice((0, 3, 241))))
    pairs = as_pairs(drawn)
    expected = slowly(archive, pairs)
    found = grouped(archive, pairs)
    assert [plain(group) for group in found.groups] == expected
    assert (found.total, found.doubtful) == (
        sum(bool(copies) for _, copies, _, _ in expected),
        sum(bool(perhaps) for _, _, perhaps, _ in expected),
    )
    assert found.copies == sum(len(copies) for _, copies, _, _ in expected)
    assert found.frees == sum(frees for *_, frees in expected)
    assert grouped(archive, pairs, limit=2).groups == found.groups[:2]


def test_how_a_fingerprint_lies_on_the_best_is_told_from_the_best(archive: Archive) -> None:
    record(archive, [{"id": 1, "lossless": False}, {"id": 2}, {"id": 3, "lossless": False}])
    (group,) = grouped(archive, as_pairs([(2, 1, 0.01, 5), (3, 2, 0.02, 7)])).groups
    assert group.best == 2
    assert [(one.file_id, one.alignment) for one in group.copies] == [
        (1, BestAlignment(0.01, 5, 900)),
        (3, BestAlignment(0.02, -7, 900)),
    ]


def test_very_many_files_of_two_sounds_that_are_alike(archive: Archive) -> None:
    count = 4000  # each pair of them by itself would be eight million
    record(archive, [{"id": n, "pcm_sha256": f"{n % 2:064x}"} for n in range(1, count + 1)])
    apart = grouped(archive, as_pairs([(2, 1, 0.15, 0)]), limit=5)
    assert (apart.total, apart.copies, apart.doubtful) == (2, count - 2, 1)
    assert (len(apart.groups[0].copies), len(apart.groups[0].perhaps)) == (count // 2 - 1, count // 2)
    (group,) = grouped(archive, as_pairs([(2, 1, 0.05, 0)]), limit=5).groups
    assert (group.best, len(group.copies), group.perhaps) == (1, count - 1, ())
