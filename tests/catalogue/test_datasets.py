"""Datasets: what sources said, in parts that never change, the newest of each place."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset, SourceFile
from phonotheque.catalogue.schema import RECORDS
from phonotheque.model.errors import VerificationError


def dataset(source: str = "songs", location: str = "here", taken_at: str = "2026-11-21T10:15:00Z") -> Dataset:
    files = (SourceFile("a.jsonl", 12, "0" * 64),)
    return Dataset(Path(), source, location, "an accession", taken_at, files)


def records(*ids: str) -> list[pa.RecordBatch]:
    return [
        pa.RecordBatch.from_pylist(
            [
                {"source": "songs", "accession": "a", "kind": "song", "record_id": one, "raw": f"raw {one}"}
                for one in ids
            ],
            schema=RECORDS,
        )
    ]


def ids(one: Dataset) -> list[str]:
    return [
        row for path in one.paths("records") for row in pq.ParquetFile(path).read()["record_id"].to_pylist()
    ]


def test_a_dataset_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = datasets.write(tmp_path, dataset(), {"records": records("1", "2"), "facts": []})
    assert datasets.read(written.path) == written
    assert datasets.datasets(tmp_path) == [written]
    assert (written.source, written.location, written.accession) == ("songs", "here", "an accession")
    assert written.files == dataset().files
    assert written.name.startswith("songs-20261121T101500Z")
    assert (written.rows("records"), written.rows("facts"), ids(written)) == (2, 0, ["1", "2"])
    (part,) = written.parts["records"]
    content = (written.path / part.file).read_bytes()
    assert (part.bytes, part.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_without_any_there_are_none(tmp_path: Path) -> None:
    assert datasets.datasets(tmp_path) == []
    datasets.remove_replaced(tmp_path)


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    one = datasets.write(tmp_path / "a", dataset(), {"records": records("1", "2")})
    two = datasets.write(tmp_path / "b", dataset(), {"records": [*records("1"), *records("2")]})
    assert one.parts == two.parts


def test_only_the_newest_of_a_source_and_place_stays(tmp_path: Path) -> None:
    first = datasets.write(tmp_path, dataset(), {"records": records("1")})
    last = datasets.write(tmp_path, dataset(taken_at="2026-11-23T10:15:00Z"), {"records": records("2")})
    assert not first.path.exists()
    assert datasets.datasets(tmp_path) == [last]
    other = datasets.write(tmp_path, dataset(location="elsewhere", taken_at="2026-11-22T10:15:00Z"), {})
    another = datasets.write(tmp_path, dataset("discs"), {})
    assert datasets.datasets(tmp_path) == [another, other, last]  # by source, then by time


def test_what_is_written_last_counts_also_when_the_clock_was_put_back(tmp_path: Path) -> None:
    datasets.write(tmp_path, dataset(taken_at="2026-11-23T10:15:00Z"), {"records": records("1")})
    written = datasets.write(tmp_path, dataset(taken_at="2026-11-22T10:15:00Z"), {"records": records("2")})
    assert datasets.datasets(tmp_path) == [written]
    assert ids(written) == ["2"]


def test_two_of_one_moment_have_their_own_folders_and_the_later_counts(tmp_path: Path) -> None:
    datasets.write(tmp_path, dataset(), {"records": records("1")})
    beside = datasets.write(tmp_path, dataset(location="elsewhere"), {"records": records("2")})
    again = datasets.write(tmp_path, dataset(), {"records": records("3")})
    assert len({one.path for one in datasets.datasets(tmp_path)}) == 2
    assert {one.location: ids(one) for one in datasets.datasets(tmp_path)} == {
        "here": ["3"],
        "elsewhere": ["2"],
    }
    assert again.path != beside.path


def test_many_of_one_moment_each_replace_the_one_before(tmp_path: Path) -> None:
    for number in range(5):
        datasets.write(tmp_path, dataset(), {"records": records(str(number))})
        (only,) = datasets.datasets(tmp_path)
        assert ids(only) == [str(number)]


def test_many_rows_are_cut_into_groups_and_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "ROWS_PER_GROUP", 10)
    monkeypatch.setattr(datasets, "GROUPS_PER_PART", 2)
    names = [str(number) for number in range(45)]
    batches = [batch for start in range(0, 45, 7) for batch in records(*names[start : start + 7])]
    written = datasets.write(tmp_path, dataset(), {"records": batches})
    assert [part.rows for part in written.parts["records"]] == [20, 20, 5]
    assert [path.name for path in written.paths("records")] == [
        "records-00000.parquet", "records-00001.parquet", "records-00002.parquet"
    ]  # fmt: skip
    assert ids(written) == names
    groups = [
        pq.ParquetFile(path).metadata.row_group(number).num_rows
        for path in written.paths("records")
        for number in range(pq.ParquetFile(path).num_row_groups)
    ]
    assert groups == [10, 10, 10, 10, 5]


def test_what_a_killed_run_left_is_nobodys(tmp_path: Path) -> None:
    def killed() -> Any:
        yield from records("1")
        raise KeyboardInterrupt

    kept = datasets.write(tmp_path, dataset(), {"records": records("old")})
    with pytest.raises(KeyboardInterrupt):
        datasets.write(tmp_path, dataset(taken_at="2026-11-22T10:15:00Z"), {"records": killed()})
    assert datasets.making_folder(tmp_path, "songs").exists()
    assert datasets.datasets(tmp_path) == [kept]
    again = datasets.write(tmp_path, dataset(taken_at="2026-11-22T10:15:00Z"), {"records": records("new")})
    assert (datasets.datasets(tmp_path), ids(again)) == ([again], ["new"])
    assert not datasets.making_folder(tmp_path, "songs").exists()


def test_a_run_killed_before_it_removed_the_older_one_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = datasets.write(tmp_path, dataset(), {"records": records("old")})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(datasets, "remove_replaced", killed)
        with pytest.raises(KeyboardInterrupt):
            datasets.write(tmp_path, dataset(taken_at="2026-11-22T10:15:00Z"), {"records": records("new")})
    (newest,) = datasets.datasets(tmp_path)
    assert ids(newest) == ["new"]
    assert old.path.exists()
    datasets.remove_replaced(tmp_path)
    assert [path.name for path in (tmp_path / "facts").iterdir()] == [newest.name]


def test_a_run_killed_while_it_removed_the_older_one_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    datasets.write(tmp_path, dataset(), {"records": records("old")})
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            datasets.write(tmp_path, dataset(taken_at="2026-11-22T10:15:00Z"), {"records": records("new")})
    (newest,) = datasets.datasets(tmp_path)
    assert ids(newest) == ["new"]
    datasets.remove_replaced(tmp_path)
    assert [path.name for path in (tmp_path / "facts").iterdir()] == [newest.name]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _content: b"",
        lambda content: content[: len(content) // 2],
        lambda _content: b"[]",
        lambda _content: b"{}",
        lambda _content: b"\xff\xfe",
        lambda content: json.dumps(json.loads(content) | {"format": 99}).encode(),
        lambda content: json.dumps(json.loads(content) | {"strange": 1}).encode(),
        lambda content: json.dumps(json.loads(content) | {"files": [{"name": "a"}]}).encode(),
        lambda content: json.dumps(json.loads(content) | {"parts": ["records"]}).encode(),
    ],
)
def test_a_damaged_description_is_said_to_be_so(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    written = datasets.write(tmp_path, dataset(), {"records": records("1")})
    state = written.path / datasets.STATE
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(VerificationError, match=r"dataset\.json") as told:
        datasets.datasets(tmp_path)
    assert "Add that source again" in str(told.value.advice)


def test_a_folder_without_a_description_is_an_error_and_not_absent(tmp_path: Path) -> None:
    written = datasets.write(tmp_path, dataset(), {"records": records("1")})
    (written.path / datasets.STATE).unlink()
    with pytest.raises(OSError, match=r"dataset\.json"):
        datasets.datasets(tmp_path)
