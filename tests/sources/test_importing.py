"""Taking in a source: in order, once, resumable, checked; whatever is left out is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.manifest import Snapshot, verify
from phonotheque.catalogue.schema import LINKS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.sources import importing, reading
from phonotheque.sources.gather import Gather
from phonotheque.sources.importing import Imported, import_source
from phonotheque.sources.registry import Piece, Source
from phonotheque.sources.working import Begun, Said, stem_of, told_pieces, write_pieces
from tests.catalogue.catalogue_facts import MADE_AT, rows_of
from tests.sources.songs import LINES, DiesBeforeItTells, Here, ShortOfMemory, Songs, put, song


def take_in(catalogue: Path, location: Path, source: Source | None = None, **options: Any) -> Imported:
    """Take in; ``begun`` is given to the run if it does not go on with another."""
    new = Begun(options.pop("accession", "acc-1"), options.pop("taken_at", "2026-11-21T10:15:00Z"))
    return import_source(
        catalogue, source or Songs(), location, begin=lambda interrupted: interrupted or new, **options
    )


def only(catalogue: Path) -> Dataset:
    (dataset,) = datasets.datasets(catalogue)
    return dataset


def rows(catalogue: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for path in only(catalogue).paths(table):
        found += pq.ParquetFile(path).read().to_pylist()
    return found


def ids(catalogue: Path, table: str = "facts") -> list[str]:
    return [row["record_id"] for row in rows(catalogue, table)]


def marks(location: Path) -> list[str]:
    """Which pieces were read since the last call."""
    path = location / "marks"
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(found)


def left_in(catalogue: Path) -> list[str]:
    """What lies beside the datasets."""
    return [path.name for path in (catalogue / "facts").iterdir() if path.name.startswith(".")]


def snapshot(catalogue: Path) -> Snapshot:
    return write_snapshot(catalogue, links=LINKS.empty_table(), made_at=MADE_AT, memory_limit="500MB")


@pytest.mark.usefixtures("here")
def test_what_files_say_comes_in_their_order(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, (5, 3, 9, 1)), song(4, isrc="none"), name="a.jsonl")
    put(songs, *map(song, (8, 2, 7)), name="b.jsonl")
    result = take_in(catalogue, songs)
    assert (result.complete, result.unchanged, result.accession) == (True, False, "acc-1")
    assert ids(catalogue) == ids(catalogue, "records") == ids(catalogue, "things") == list("53914827")
    assert result.rows == {"facts": 8, "records": 8, "things": 8, "nonfree": 0, "listens": 0, "rejects": 1}
    assert result.rejects == {"value": 1}
    assert {(row["source"], row["accession"]) for row in rows(catalogue, "facts")} == {("songs", "acc-1")}
    assert rows(catalogue, "records")[0]["raw"] == json.dumps(song(5))
    (reject,) = rows(catalogue, "rejects")
    assert (reject["file"], reject["position"], reject["record_id"], reject["value"]) == (
        "a.jsonl",
        5,
        "4",
        "none",
    )
    dataset = only(catalogue)
    assert (dataset.source, dataset.location) == ("songs", str(songs.resolve()))
    assert [file.name for file in dataset.files] == ["a.jsonl", "b.jsonl"]
    assert dataset.files[0].sha256 == hashlib.sha256((songs / "a.jsonl").read_bytes()).hexdigest()
    assert not left_in(catalogue)


def test_worker_processes_give_the_same_as_one(
    catalogue: Path, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(songs, *map(song, range(20)))
    take_in(catalogue, songs, workers=2)
    monkeypatch.setattr(importing, "process_pool", lambda _workers=None: Here())
    take_in(tmp_path / "other", songs)
    assert only(catalogue).parts == only(tmp_path / "other").parts


@pytest.mark.usefixtures("here")
def test_a_second_record_of_an_id_is_left_out_and_named(catalogue: Path, songs: Path) -> None:
    put(songs, song(1), song(1, title="Within"), song(2), song(3), name="a.jsonl")
    put(songs, song(4), song(2, title="Elsewhere"), name="b.jsonl")
    result = take_in(catalogue, songs)
    for table in ("facts", "records", "things"):
        assert ids(catalogue, table) == list("1234")
    assert [row["title"] for row in rows(catalogue, "facts")] == [f"Song {number}" for number in range(1, 5)]
    assert result.rejects == {"record": 2}
    assert not result.complete
    rejects = rows(catalogue, "rejects")
    assert [row["record_id"] for row in rejects] == ["1", "2"]
    assert all("came before" in row["reason"] for row in rejects)


@pytest.mark.usefixtures("here", "one_by_one")
def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(
    catalogue: Path, songs: Path, tmp_path: Path
) -> None:
    put(songs, *map(song, range(10)), song(3))
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, Songs(interrupted_after=2))
    assert marks(songs) == ["a0", "a1"]
    assert not datasets.datasets(catalogue)
    resumed = take_in(catalogue, songs)
    assert marks(songs) == ["a2", "a3", "a4", "a5"]
    undisturbed = take_in(tmp_path / "other", songs)
    assert len(marks(songs)) == 6
    assert (resumed.rows, resumed.rejects) == (undisturbed.rows, undisturbed.rejects)
    assert only(catalogue).parts == only(tmp_path / "other").parts  # their SHA-256
    assert not left_in(catalogue)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("last", [".facts", ".done", "reading.json", "settling.duckdb"])
def test_a_run_stopped_while_it_clears_up_loses_nothing(
    catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    put(songs, *map(song, range(10)))
    unlink = Path.unlink

    def stopping(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path.name.endswith(last):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", stopping)
        with pytest.raises(KeyboardInterrupt):
            take_in(catalogue, songs)
    assert take_in(catalogue, songs).rows["facts"] == 10
    assert ids(catalogue) == ids(catalogue, "records") == [str(number) for number in range(10)]
    assert not left_in(catalogue)


@pytest.mark.usefixtures("here")
def test_files_that_changed_since_an_interruption_are_read_from_the_beginning(
    catalogue: Path, songs: Path
) -> None:
    put(songs, *map(song, range(10)))
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, Songs(interrupted_after=2))
    put(songs, *map(song, "ABCDEF"))
    marks(songs)
    take_in(catalogue, songs)
    assert marks(songs) == ["a0", "a1", "a2"]
    assert ids(catalogue) == list("ABCDEF")
    assert not left_in(catalogue)


@pytest.mark.usefixtures("here")
def test_the_same_files_are_not_read_again_unless_asked(catalogue: Path, songs: Path) -> None:
    put(songs, song(1, isrc="none"), song(1))
    first = take_in(catalogue, songs)
    before = only(catalogue)
    marks(songs)
    called: list[str] = []
    second = take_in(
        catalogue,
        songs,
        accession="acc-2",
        taken_at="2026-11-22T10:15:00Z",
        before_change=lambda: called.append("changed"),
    )
    assert second.unchanged
    assert (second.rows, second.rejects, second.complete) == (first.rows, first.rejects, first.complete)
    assert not marks(songs)
    assert not called
    assert only(catalogue) == before
    third = take_in(catalogue, songs, taken_at="2026-11-23T10:15:00Z", again=True)
    assert not third.unchanged
    assert marks(songs) == ["a0"]
    assert only(catalogue).taken_at == "2026-11-23T10:15:00Z"


@pytest.mark.usefixtures("here")
def test_a_changed_file_replaces_what_was_said_and_old_snapshots_keep_it(
    catalogue: Path, songs: Path
) -> None:
    put(songs, *map(song, "AB"))
    take_in(catalogue, songs)
    old, old_path = snapshot(catalogue), only(catalogue).path
    put(songs, *map(song, "ABC"))
    called: list[bool] = []
    result = take_in(
        catalogue,
        songs,
        accession="acc-2",
        taken_at="2026-11-22T10:15:00Z",
        before_change=lambda: called.append(old_path.exists()),
    )
    assert not result.unchanged
    assert called == [True]  # before the old one went
    assert not old_path.exists()
    assert ids(catalogue) == list("ABC")
    assert {row["accession"] for row in rows(catalogue, "facts")} == {"acc-2"}
    assert verify(old) == []
    assert [row["record_id"] for row in rows_of(old, "facts")] == list("AB")


@pytest.mark.usefixtures("here")
def test_two_locations_of_a_source_stand_beside_each_other(catalogue: Path, songs: Path) -> None:
    for name in ("one", "two"):
        (songs / name).mkdir()
        put(songs / name, song(name))
        take_in(catalogue, songs / name)
    assert sorted(Path(one.location).name for one in datasets.datasets(catalogue)) == ["one", "two"]


@pytest.mark.usefixtures("here")
def test_what_came_before_a_break_is_kept(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(4)), "BREAK", song(5), name="a.jsonl")
    put(songs, song(6), name="b.jsonl")
    result = take_in(catalogue, songs)
    assert ids(catalogue) == list("01236")
    assert result.rejects == {"file": 1}
    assert not result.complete
    (reject,) = rows(catalogue, "rejects")
    assert (reject["file"], reject["scope"]) == ("a.jsonl", "file")
    assert "breaks off" in reject["reason"]


@pytest.mark.usefixtures("here")
def test_some_records_are_compared_and_all_when_asked(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(50)))
    assert take_in(catalogue, songs).verified == 2 * LINES  # of 25 pieces, the first and the 17th
    checked = take_in(catalogue, songs, taken_at="2026-11-22T10:15:00Z", verify=True)
    assert (checked.unchanged, checked.verified) == (False, 50)


@pytest.mark.usefixtures("here")
def test_verifying_reads_again_what_an_interrupted_run_did_not_compare(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(10)))
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, Songs(interrupted_after=4))
    assert take_in(catalogue, songs, verify=True).verified == 10
    assert not left_in(catalogue)


@pytest.mark.usefixtures("here")
def test_a_record_that_differs_from_the_file_ends_the_run(catalogue: Path, songs: Path) -> None:
    put(songs, song(1, lies=True), song(2))
    for _ in range(2):  # it is not taken for done the second time
        with pytest.raises(VerificationError, match=r"a\.jsonl"):
            take_in(catalogue, songs, verify=True)
    assert not datasets.datasets(catalogue)


def test_a_piece_that_kills_its_worker_is_named_and_the_rest_goes_in(catalogue: Path, songs: Path) -> None:
    put(songs, song(1), song(2), song(3), song(4, kills=True), song(5), song(6))
    result = take_in(catalogue, songs, workers=1)
    assert ids(catalogue) == list("1256")
    assert result.rejects == {"record": 1}
    (reject,) = rows(catalogue, "rejects")
    assert reject["reason"].startswith("killed")
    assert (reject["file"], reject["position"]) == ("a.jsonl", 3)


@pytest.mark.usefixtures("here", "one_by_one")
def test_a_piece_that_kills_nobody_when_the_run_goes_on_is_no_reject(
    catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(songs, *map(song, "ABCD"), name="a.jsonl")
    put(songs, *map(song, "EFGHIJ"), name="b.jsonl")
    with monkeypatch.context() as patched:
        patched.setattr(importing, "process_pool", lambda _workers=None: ShortOfMemory())
        with pytest.raises(KeyboardInterrupt):
            take_in(catalogue, songs, Songs(interrupted_after=2))
    assert marks(songs) == ["a0", "b0"]
    assert take_in(catalogue, songs).complete
    assert ids(catalogue) == list("ABCDEFGHIJ")


def test_pieces_that_were_read_before_their_worker_was_killed_are_not_there_twice(
    catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "process_pool", lambda _workers=None: DiesBeforeItTells())
    put(songs, *(song(number, listens=1) for number in "ABCDEF"))
    result = take_in(catalogue, songs)
    assert ids(catalogue) == ids(catalogue, "records") == list("CDEF")
    assert sum(row["listens"] for row in rows(catalogue, "listens")) == 4
    assert result.rejects == {"record": 1}


def test_what_is_written_again_is_not_there_until_it_is_finished(tmp_path: Path) -> None:
    pieces = []
    for number in range(2):
        gather = Gather("songs", "an accession", "a.jsonl")
        gather.record("song", str(number), "{}")
        pieces.append(Said(stem_of(0, number), gather.tables(), gather.of_records()))
    reading.write_and_finish(tmp_path, pieces)
    assert len(told_pieces(tmp_path)) == 2
    write_pieces(tmp_path, pieces[:1])
    assert told_pieces(tmp_path) == []


@pytest.mark.usefixtures("here")
def test_half_the_tables_of_a_piece_are_none(
    catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker that was killed while writing leaves behind is no part of the dataset."""
    put(songs, song(1))
    write = reading.write_and_finish

    def beside_rubbish(folder: Path, pieces: Sequence[Said]) -> None:
        write(folder, pieces)
        (folder / "0000000-0000007.facts").write_bytes(b"ARROW1 and no more")

    monkeypatch.setattr(importing, "write_and_finish", beside_rubbish)
    take_in(catalogue, songs)
    assert ids(catalogue) == ["1"]


@pytest.mark.usefixtures("here")
def test_listens_of_several_pieces_add_up(catalogue: Path, songs: Path) -> None:
    put(songs, song("A", listens=3), song("B", listens=10), song("C", title="Song A", listens=4))
    put(songs, song("D", title="Song A", listens=5), name="b.jsonl")
    take_in(catalogue, songs)
    assert [(row["title"], row["listens"], row["as_of"]) for row in rows(catalogue, "listens")] == [
        ("Song A", 12, "2026-11-21"),
        ("Song B", 10, "2026-11-21"),
    ]


@pytest.mark.usefixtures("here")
def test_nothing_is_left_behind_where_there_is_nothing_to_read(catalogue: Path, songs: Path) -> None:
    with pytest.raises(NotFoundError):
        take_in(catalogue, songs)
    assert not catalogue.exists()


@pytest.mark.usefixtures("here")
def test_pieces_of_many_small_files_lie_together(catalogue: Path, songs: Path) -> None:
    """A repeated record is named with its own file."""
    for number in range(600):
        put(songs, song(number if number != 400 else 7), name=f"{number:03}.jsonl")
    result = take_in(catalogue, songs, verify=True)
    assert ids(catalogue) == [str(number) for number in range(600) if number != 400]
    assert [row["file"] for row in rows(catalogue, "rejects")] == ["400.jsonl"]
    assert result.verified == 600


class StoppedAt010(Songs):
    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        if file.stem == "010":
            raise KeyboardInterrupt
        return super().pieces(location, file)


@pytest.mark.usefixtures("here")
def test_an_interrupted_run_of_small_files_goes_on(
    catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importing, "_MOST_TOGETHER", 3)
    for number in range(20):
        put(songs, song(number), name=f"{number:03}.jsonl")
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, StoppedAt010())
    told = len(marks(songs))
    assert told == 9
    assert take_in(catalogue, songs).complete
    assert len(marks(songs)) == 20 - told
    take_in(tmp_path / "at-once", songs)
    assert rows(catalogue, "facts") == rows(tmp_path / "at-once", "facts")
