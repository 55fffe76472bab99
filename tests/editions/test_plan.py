import itertools
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions.plan import CANDIDATES, CURVE, ITEMS, Plan, Reason, load_plan, make_plan, save_plan
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError

MADE_AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def candidate(
    name: str, listens: int | None, master: int, access: int | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "recording": name,
        "file_sha256": f"file of {name}",
        "listens": listens,
        "master_bytes": master,
        "access_bytes": access,
        "lossless": False,
        "publishable": True,
    } | more


def plan(rows: list[dict[str, Any]], budget: int | None) -> Plan:
    return make_plan(pa.Table.from_pylist(rows, schema=CANDIDATES), budget)


def choices(found: Plan) -> dict[str, str]:
    return {row["recording"]: row["choice"] for row in found.items.to_pylist()}


def test_without_a_budget_every_master_is_published() -> None:
    found = plan([candidate("a", 5, 100, 10), candidate("b", None, 100, 10)], None)
    assert choices(found) == {"a": "master", "b": "master"}
    assert (found.bytes, found.share, found.left_out) == (200, 1.0, {})


def test_listens_come_before_quality() -> None:
    rows = [candidate("a", 90, 100, 10), candidate("b", 9, 100, 10), candidate("c", 1, 100, 10)]
    assert choices(plan(rows, 30)) == {"a": "access", "b": "access", "c": "access"}
    assert choices(plan(rows, 29)) == {"a": "access", "b": "access", "c": "out"}
    # what remains after everyone is in goes to the most listened
    assert choices(plan(rows, 120)) == {"a": "master", "b": "access", "c": "access"}
    assert choices(plan(rows, 0)) == dict.fromkeys("abc", "out")


def test_what_nobody_counted_comes_after_what_somebody_did() -> None:
    rows = [candidate("big", 1, 100), candidate("none", None, 10), candidate("zero", 0, 20)]
    assert choices(plan(rows, 100)) == {"big": "master", "none": "out", "zero": "out"}
    assert choices(plan(rows, 115)) == {"big": "master", "none": "master", "zero": "out"}


def test_without_any_counts_the_number_of_recordings_counts() -> None:
    rows = [candidate("a", None, 50), candidate("b", None, 30), candidate("c", 0, 20)]
    found = plan(rows, 60)
    assert choices(found) == {"a": "out", "b": "master", "c": "master"}
    assert not found.counted
    assert found.share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("master", "access", "choice"),
    [(100, 90, "access"), (100, 91, "out"), (99, 89, "access"), (99, 90, "out")],
)
def test_an_access_copy_must_be_a_tenth_smaller(master: int, access: int, choice: str) -> None:
    assert choices(plan([candidate("a", 5, master, access)], 95)) == {"a": choice}


def test_what_may_not_be_published_is_left_out_with_that_reason() -> None:
    rows = [candidate("a", 90, 10, publishable=False), candidate("b", 10, 10), candidate("c", 0, 10)]
    found = plan(rows, 10)
    assert found.left_out == {Reason.NO_RIGHT: 1, Reason.OVER_BUDGET: 1}
    assert found.share == pytest.approx(0.1)
    assert {row["recording"]: row["reason"] for row in found.items.to_pylist()} == {
        "a": Reason.NO_RIGHT,
        "b": Reason.ONLY_MASTER,
        "c": Reason.OVER_BUDGET,
    }


def test_among_equals_lossless_masters_are_kept_first() -> None:
    rows = [candidate("a", 5, 100, 10), candidate("b", 5, 100, 10, lossless=True)]
    assert choices(plan(rows, 110)) == {"a": "access", "b": "master"}


def test_nothing_makes_an_empty_plan() -> None:
    found = plan([], 100)
    assert (found.bytes, found.share, len(found.items), len(found.curve)) == (0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("rows", "budget", "message"),
    [
        ([candidate("a", 1, 1), candidate("a", 2, 2)], 5, "twice"),
        ([candidate("a", -1, 1)], 5, "listens"),
        ([candidate("a", 1, -1)], 5, "master_bytes"),
        ([candidate("a", 1, 2**62), candidate("b", 1, 2**62)], 5, "master_bytes"),
        ([candidate("a", 1, 1)], -1, "budget"),
    ],
)
def test_senseless_candidates_are_refused(rows: list[dict[str, Any]], budget: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(rows, budget)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UsageError, match="lossless"):
        make_plan(CANDIDATES.empty_table().drop_columns(["lossless"]), None)


def test_a_column_of_another_type_is_refused() -> None:
    rows = [candidate("a", 1, 1) | {"master_bytes": "many"}]
    with pytest.raises(UsageError, match="many"):
        make_plan(pa.Table.from_pylist(rows), None)


def test_the_curve_shows_what_shares_of_listening_cost() -> None:
    rows = [candidate(f"{i:04}", 10_000 // (i + 1), 1000, 100) for i in range(1000)]
    curve = plan(rows, 0).curve
    assert curve.schema == CURVE
    for tier, price in (("access", 100), ("master", 1000)):
        points = [row for row in curve.to_pylist() if row["tier"] == tier]
        assert len(points) <= 200
        assert points[-1]["share"] == pytest.approx(1)
        assert all(row["bytes"] == row["recordings"] * price for row in points)
        assert [row["mark"] for row in points if row["mark"]] == [0.5, 0.9, 0.99, 0.996]
        assert all(row["share"] >= row["mark"] for row in points if row["mark"])


def test_plans_are_kept_and_the_last_is_current(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no plan yet"):
        load_plan(tmp_path)
    first = plan([candidate("a", 5, 100, 10), candidate("b", None, 7, publishable=False)], 20)
    second = plan([candidate("a", 5, 100, 10)], None)
    assert save_plan(tmp_path, first, MADE_AT).name == "2026-11-21T101500Z"
    assert load_plan(tmp_path) == first
    assert save_plan(tmp_path, second, MADE_AT).name == "2026-11-21T101500Z-2"
    assert load_plan(tmp_path) == second
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "2026-11-21T101500Z",
        "2026-11-21T101500Z-2",
        "CURRENT",
    ]


def test_a_plan_is_written_the_same_each_time(tmp_path: Path) -> None:
    found = plan([candidate(f"r{i}", i, 100 + i, 10) for i in range(500)], 9000)
    one, two = (save_plan(tmp_path / name, found, MADE_AT) for name in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


@pytest.mark.parametrize("file", ["items.parquet", "curve.parquet", "plan.json", "../CURRENT"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"../x"])
def test_a_damaged_plan_is_refused(tmp_path: Path, file: str, content: bytes | None) -> None:
    path = save_plan(tmp_path, plan([candidate("a", 5, 100, 10)], 20), MADE_AT) / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotFoundError if content is None and file == "../CURRENT" else VerificationError):
        load_plan(tmp_path)


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 20)),
        st.integers(0, 30),
        st.one_of(st.none(), st.integers(0, 30)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
).map(
    lambda rows: [
        candidate(f"r{i}", listens, master, access, lossless=lossless, publishable=publishable)
        for i, (listens, master, access, lossless, publishable) in enumerate(rows)
    ]
)


def best_listens(rows: list[dict[str, Any]], budget: int) -> int:
    """The true optimum, by trying everything."""
    best = 0
    allowed = [row for row in rows if row["publishable"]]
    for subset in itertools.product((False, True), repeat=len(allowed)):
        chosen = [row for row, taken in zip(allowed, subset, strict=True) if taken]
        if sum(cheapest(row) for row in chosen) <= budget:
            best = max(best, sum(row["listens"] or 0 for row in chosen))
    return best


def cheapest(row: dict[str, Any]) -> int:
    master, access = row["master_bytes"], row["access_bytes"]
    return int(access if access is not None and access * 10 <= master * 9 else master)


@given(ROWS, st.integers(0, 120))
def test_a_plan_keeps_its_budget_and_is_optimal_up_to_one_item(
    rows: list[dict[str, Any]], budget: int
) -> None:
    found = plan(rows, budget)
    chosen = choices(found)
    assert found.items.schema == ITEMS
    assert found.bytes == sum(row["bytes"] for row in found.items.to_pylist()) <= budget
    for row in rows:
        if not row["publishable"]:
            assert chosen[row["recording"]] == "out"
        if chosen[row["recording"]] == "access":
            assert row["access_bytes"] * 10 <= row["master_bytes"] * 9
    assert found.masters + found.access_copies + sum(found.left_out.values()) == len(rows)
    fitting = [r["listens"] or 0 for r in rows if chosen[r["recording"]] == "out" and r["publishable"]]
    assert found.listens <= best_listens(rows, budget) <= found.listens + max(fitting, default=0)


@given(ROWS, st.integers(0, 120), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    rows: list[dict[str, Any]], budget: int, chance: random.Random
) -> None:
    shuffled = chance.sample(rows, len(rows))
    assert plan(rows, budget) == plan(shuffled, budget)
