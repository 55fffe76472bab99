"""The index of values: it answers as looking through everything would, however it came about."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.model.errors import VerificationError
from phonotheque.vault import segment_index, segments
from phonotheque.vault.segment_index import Hit, SegmentIndex
from phonotheque.vault.segments import Item, open_segment, write_segment

SETUP = {"made": "for tests"}
COMMON = 3


def values(*numbers: int) -> segments.Values:
    return np.unique(np.array(numbers, dtype=np.uint32))


def slowly(
    items: Sequence[Item], asked: segments.Values, before: int | None = None, common: int = COMMON
) -> list[Hit]:
    """What the index is to answer, by looking at every item."""
    items = items[:before]
    has = [set(item.values.tolist()) for item in items]
    rare = {value for value in asked.tolist() if sum(value in one for one in has) <= common}
    hits = [Hit(item.id, len(rare & one)) for item, one in zip(items, has, strict=True)]
    enough = [hit for hit, item in zip(hits, items, strict=True) if hit.shared >= item.needed]
    return sorted(enough, key=lambda hit: -hit.shared)


# Few values, so that many are shared; at both ends of groups and of all there is.
VALUES = st.sampled_from([0, 1, 2, 0xFFFF, 0x10000, 0x10001, 0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFF])
ITEMS = st.lists(st.tuples(st.lists(VALUES, min_size=1, max_size=8), st.integers(1, 3)), max_size=12)


@pytest.fixture(scope="module")
def folders() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@given(
    given_items=ITEMS,
    cuts=st.lists(st.integers(0, 12), max_size=4),
    asked=st.lists(VALUES, max_size=8),
    dropped=st.sets(st.integers(100, 111)),
    before=st.integers(0, 12),
    tidied=st.booleans(),
    large=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_it_answers_as_looking_at_everything_would(
    folders: Path,
    given_items: list[tuple[list[int], int]],
    cuts: list[int],
    asked: list[int],
    dropped: set[int],
    before: int,
    tidied: bool,
    large: bool,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_LARGE", 0 if large else 1 << 30)
        answers_rightly(folders / "index", given_items, cuts, asked, dropped, before, tidied)


def answers_rightly(
    folder: Path,
    given_items: list[tuple[list[int], int]],
    cuts: list[int],
    asked: list[int],
    dropped: set[int],
    before: int,
    tidied: bool,
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    items = [Item(100 + n, needed, values(*numbers)) for n, (numbers, needed) in enumerate(given_items)]
    index = SegmentIndex(folder, SETUP)
    ends = sorted({*cuts, len(items)})
    for first, last in zip([0, *ends], ends, strict=False):
        index.add(items[first:last], {})
    if tidied:
        index.tidy()
    question = values(*asked)
    assert index.ask([question], common=COMMON) == [slowly(items, question)]
    assert index.ask([question], common=COMMON, before=[before]) == [slowly(items, question, before)]
    index.drop(dropped, {})
    if tidied:
        index.tidy()
    kept = [item for item in items if item.id not in dropped]
    for again in (index, SegmentIndex(folder, SETUP)):
        assert again.ask([question, values(), question], common=COMMON) == [
            slowly(kept, question),
            [],
            slowly(kept, question),
        ]


def many(count: int, first: int = 0) -> list[Item]:
    chance = np.random.default_rng(first)
    return [
        Item(first + n, 1, np.unique(chance.integers(0, 5000, 40, dtype=np.uint32) * 100_003))
        for n in range(count)
    ]


def test_many_small_segments_become_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_AT_ONCE", 64)  # merged in many steps
    index = SegmentIndex(tmp_path, SETUP)
    items: list[Item] = []
    for n in range(40):
        new = many(20, 20 * n)
        items += new
        index.add(new, {"seen": n})
        index.tidy()
        assert len(index.manifest.segments) <= 4
    assert (index.items, index.entries) == (800, sum(len(item.values) for item in items))
    for item in many(10, 5000):
        found = index.ask([item.values], common=COMMON)[0]
        assert sorted(found, key=lambda hit: (-hit.shared, hit.id)) == slowly(items, item.values)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["index.json", *(one.name for one in index.manifest.segments)]
    )
    assert index.manifest.state == {"seen": 39}


def test_what_was_dropped_and_added_again_counts_once(tmp_path: Path) -> None:
    index = SegmentIndex(tmp_path, SETUP)
    index.add([Item(7, 1, values(1, 2, 3)), Item(8, 1, values(3))], {})
    index.drop([7], {})
    index.add([Item(7, 1, values(3, 4))], {})
    for _ in range(2):
        assert index.ask([values(1, 3)], common=COMMON) == [[Hit(8, 1), Hit(7, 1)]]
        index.tidy()
    assert index.items == 2


def test_dropped_items_do_not_hide_others_behind_a_common_value(tmp_path: Path) -> None:
    index = SegmentIndex(tmp_path, SETUP)
    index.add([Item(n, 1, values(1)) for n in range(20)], {})
    assert index.ask([values(1)], common=COMMON) == [[]]
    index.drop(range(18), {})
    assert index.ask([values(1)], common=COMMON) == [[Hit(18, 1), Hit(19, 1)]]


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.mark.parametrize("step", range(12))
def test_killed_at_any_step_it_is_as_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    index = SegmentIndex(tmp_path, SETUP)
    first = many(30)
    index.add(first, {"files": 30})
    steps = 0
    for module, name in ((segments, "replace_durably"), (segment_index, "write_durably")):
        real = getattr(module, name)

        def dying(*arguments: object, real: object = real) -> None:
            nonlocal steps
            for _ in range(2):  # before, and after
                if steps == step:
                    raise Killed
                steps += 1
                if _ == 0:
                    assert callable(real)
                    real(*arguments)

        monkeypatch.setattr(module, name, dying)
    try:
        index.add(many(20, 30), {"files": 50})
        index.tidy()
    except Killed:
        pass
    else:
        assert steps <= step
    monkeypatch.undo()
    again = SegmentIndex(tmp_path, SETUP)
    known = again.manifest.state["files"]
    assert known in (30, 50)
    assert again.items == known
    again.add(many(50 - known, known), {"files": 50})
    again.tidy()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["index.json", *(one.name for one in again.manifest.segments)]
    )


def test_who_reads_is_not_disturbed_by_who_merges(tmp_path: Path) -> None:
    writer = SegmentIndex(tmp_path, SETUP)
    writer.add(many(30), {})
    reader = SegmentIndex(tmp_path, SETUP)
    before = reader.ask([many(1)[0].values], common=100)
    writer.add(many(30, 30), {})
    writer.tidy()
    assert reader.ask([many(1)[0].values], common=100) == before


def test_made_in_another_way_it_begins_anew(tmp_path: Path) -> None:
    index = SegmentIndex(tmp_path, SETUP)
    index.add(many(3), {"files": 3})
    other = SegmentIndex(tmp_path, {"made": "otherwise"})
    assert (other.items, other.manifest.state) == (0, {})
    other.add(many(2), {"files": 2})
    assert SegmentIndex(tmp_path, {"made": "otherwise"}).items == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"segments": [{}], "parts": []}', b"\xff"])
def test_a_damaged_manifest_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "index.json").write_bytes(content)
    with pytest.raises(VerificationError, match=r"index\.json is damaged"):
        SegmentIndex(tmp_path, SETUP)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "another", "groups"])
def test_a_damaged_segment_is_named(tmp_path: Path, damage: str) -> None:
    index = SegmentIndex(tmp_path, SETUP)
    index.add(many(3), {})
    (path,) = tmp_path.glob("*.seg")
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        if damage == "another":
            content[:4] = b"RIFF"
        elif damage == "groups":
            content[32 + 8 * 3 + 8 * 1000] = 255
        path.write_bytes({"empty": b"", "cut": bytes(content[:-9])}.get(damage, bytes(content)))
    with pytest.raises(VerificationError, match="damaged"):
        SegmentIndex(tmp_path, SETUP)


def test_an_entry_takes_six_bytes(tmp_path: Path) -> None:
    path = tmp_path / "one.seg"
    write_segment(path, many(1000))
    segment = open_segment(path)
    table = 8 * (len(segment.starts) + 1)
    assert path.stat().st_size - table < 6 * len(segment.items) + 9 * len(segment.ids) + 64
