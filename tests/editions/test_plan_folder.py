from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from phonotheque.editions.candidates import CANDIDATES
from phonotheque.editions.elsewhere import Elsewhere
from phonotheque.editions.plan import make_plan
from phonotheque.editions.plan_folder import Terms, current_terms, load_plan, making, save_plan
from phonotheque.model.errors import NotFoundError, VerificationError
from tests.editions.plan_rows import candidate

MADE_AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
ROWS = [candidate(1, 5, 100, 10), candidate(2, None, 7, publishable=False)]


def saved(
    folder: Path,
    budget: int | None = 20,
    *,
    protect: int = 0,
    rows: list[dict[str, object]] = ROWS,
    elsewhere: Elsewhere | None = None,
) -> Path:
    with making(folder) as work:
        items = work / "items.parquet"
        table = pa.Table.from_pylist(rows, schema=CANDIDATES)
        plan = make_plan(table, budget, protect=protect, to=items)
        return save_plan(folder, plan, items, MADE_AT, snapshot="2026-11-20T101500Z", elsewhere=elsewhere)


def test_plans_are_kept_and_the_last_is_current(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no plan yet"):
        load_plan(tmp_path)
    assert current_terms(tmp_path) == Terms()
    assert saved(tmp_path, 20, protect=5).name == "2026-11-21T101500Z"
    place, told = load_plan(tmp_path)
    assert (place, told["snapshot"]) == (tmp_path / "2026-11-21T101500Z", "2026-11-20T101500Z")
    assert (told["budget"], told["access_copies"], told["share"]) == (20, 1, 1.0)
    assert current_terms(tmp_path) == Terms(20, 5)
    assert saved(tmp_path, None).name == "2026-11-21T101500Z-2"
    assert current_terms(tmp_path) == Terms()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-11-21T101500Z",
        "2026-11-21T101500Z-2",
        "CURRENT",
    ]


def test_what_a_killed_run_left_is_removed_and_what_another_is_making_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".making-abandoned"
    left.mkdir()
    (left / "items.parquet").write_bytes(b"half")
    with making(tmp_path) as one, making(tmp_path) as other:
        assert one.is_dir()
        assert other.is_dir()
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_written_the_same_each_time(tmp_path: Path) -> None:
    rows = [candidate(i, i, 100 + i, 10) for i in range(500)]
    one, two = (saved(tmp_path / name, 9000, rows=rows) for name in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_a_list_of_copies_elsewhere_is_kept_with_the_plan(tmp_path: Path) -> None:
    given = tmp_path / "others.csv"
    given.write_text("id,copies\nNOX001212345,4\n")
    place = saved(tmp_path / "plans", elsewhere=Elsewhere(given))
    given.unlink()
    kept = current_terms(tmp_path / "plans").elsewhere
    assert kept == Elsewhere(place / "elsewhere.csv")
    assert kept.path.read_text() == "id,copies\nNOX001212345,4\n"


@pytest.mark.parametrize("file", ["items.parquet", "curve.parquet", "plan.json", "../CURRENT"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"../x"])
def test_a_damaged_plan_is_refused(tmp_path: Path, file: str, content: bytes | None) -> None:
    path = saved(tmp_path) / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotFoundError if content is None and file == "../CURRENT" else VerificationError):
        load_plan(tmp_path)
