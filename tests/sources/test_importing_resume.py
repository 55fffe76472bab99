"""An interrupted import goes on as what it was begun as, and leaves no accession open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select

from phonotheque.catalogue import datasets
from phonotheque.ledger.schema import accessions, events
from phonotheque.model.errors import NotFoundError
from phonotheque.sources import held, importing
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.held import add_source
from phonotheque.sources.importing import import_source
from phonotheque.sources.registry import Piece
from phonotheque.sources.working import STATE, Begun
from phonotheque.vault.archive import Archive
from tests.sources.songs import Songs, put, song
from tests.sources.test_importing import StoppedAt010, left_in, marks, only, rows, take_in

pytestmark = pytest.mark.usefixtures("here", "one_by_one")
LATER: dict[str, Any] = {"accession": "acc-2", "taken_at": "2026-11-23T10:15:00Z"}


def interrupt(catalogue: Path, songs: Path, after: int = 2, **options: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, Songs(interrupted_after=after), **options)


def test_it_goes_on_under_the_same_accession_as_of_the_same_day(catalogue: Path, songs: Path) -> None:
    put(
        songs,
        *(song(number, listens=1, isrc="none") for number in range(10)),
        song(3),
        song(11, tracks=["4"]),
    )
    interrupt(catalogue, songs)
    result = take_in(catalogue, songs, **LATER)
    assert result.accession == "acc-1"
    assert (only(catalogue).accession, only(catalogue).taken_at) == ("acc-1", "2026-11-21T10:15:00Z")
    assert result.rejects == {"value": 11, "record": 1}
    for table in ("facts", "records", "things", "rejects"):
        assert {row["accession"] for row in rows(catalogue, table)} == {"acc-1"}
    assert {row["as_of"] for row in rows(catalogue, "listens")} == {"2026-11-21"}


def test_it_begins_again_where_its_accession_is_not_known(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(10)))
    interrupt(catalogue, songs)
    marks(songs)
    import_source(catalogue, Songs(), songs, begin=lambda _: Begun("acc-2", "2026-11-23T10:15:00Z"))
    assert len(marks(songs)) == 5
    assert {row["accession"] for row in rows(catalogue, "facts")} == {only(catalogue).accession} == {"acc-2"}


@pytest.mark.parametrize("state", ["", "[]", "{", '{"begun": ["acc-1"]}', '{"location": 3, "begun": {}}'])
def test_it_begins_again_where_what_it_was_is_not_known(catalogue: Path, songs: Path, state: str) -> None:
    put(songs, *map(song, range(10)))
    interrupt(catalogue, songs)
    (path,) = (catalogue / "facts").glob(f".making-*/{STATE}")
    path.write_text(state)
    marks(songs)
    assert take_in(catalogue, songs, **LATER).accession == "acc-2"
    assert len(marks(songs)) == 5
    assert not left_in(catalogue)


class CannotRead001(StoppedAt010):
    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        if file.stem == "001":
            raise BrokenFileError("001.jsonl cannot be read.")
        return super().pieces(location, file)


@pytest.mark.parametrize("trouble", ["broken", "other than its list says"])
def test_a_file_that_is_well_only_when_the_run_goes_on_has_its_place(
    catalogue: Path, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(importing, "_MOST_TOGETHER", 3)
    for number in range(20):
        put(songs, song(number), name=f"{number:03}.jsonl")
    sums = songs / "SHA256SUMS"
    if trouble != "broken":
        sums.write_text(f"{'0' * 64}  001.jsonl\n")
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, CannotRead001() if trouble == "broken" else StoppedAt010())
    sums.unlink(missing_ok=True)
    assert "0010" not in marks(songs)
    assert take_in(catalogue, songs).complete
    take_in(tmp_path / "at-once", songs)
    assert rows(catalogue, "facts") == rows(tmp_path / "at-once", "facts")


def test_another_version_begins_again(catalogue: Path, songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(songs, *map(song, range(10)))
    interrupt(catalogue, songs)
    monkeypatch.setattr(importing, "__version__", "0.0.0")
    marks(songs)
    assert take_in(catalogue, songs, **LATER).accession == "acc-2"
    assert len(marks(songs)) == 5
    assert not left_in(catalogue)


def test_it_goes_on_beside_a_broken_scratch_file(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(10)))
    interrupt(catalogue, songs)
    (making,) = (catalogue / "facts").glob(".making-*")
    for name in ("settling.duckdb", "settling.duckdb.wal"):
        (making / name).write_bytes(b"torn by a loss of power")
    assert take_in(catalogue, songs).rows["facts"] == 10
    assert not left_in(catalogue)


def test_another_location_of_the_source_does_not_disturb_it(catalogue: Path, songs: Path) -> None:
    for name in ("one", "two"):
        (songs / name).mkdir()
        put(songs / name, *map(song, range(10)))
    interrupt(catalogue, songs / "one")
    take_in(catalogue, songs / "two", **LATER)
    assert len(left_in(catalogue)) == 1
    marks(songs / "one")
    take_in(catalogue, songs / "one", **LATER)
    assert len(marks(songs / "one")) == 3
    assert not left_in(catalogue)


def test_nothing_stays_of_reading_again_what_is_then_found_unchanged(catalogue: Path, songs: Path) -> None:
    put(songs, *map(song, range(10)))
    take_in(catalogue, songs)
    interrupt(catalogue, songs, again=True)
    assert left_in(catalogue)
    assert take_in(catalogue, songs).unchanged
    assert not left_in(catalogue)


def ledger_of(archive: Archive) -> list[tuple[str, bool]]:
    """Return every accession, in order, and whether it was finished."""
    with archive.ledger.connect() as ledger:
        found = ledger.execute(select(accessions).order_by(accessions.c.started_at, accessions.c.id))
        return [(row.id, row.finished_at is not None) for row in found]


def ends_of(archive: Archive) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return how each accession ended, and what is said of it."""
    with archive.ledger.connect() as ledger:
        found = ledger.execute(select(events).where(events.c.type == "ingestion end"))
        return {row.subject: (row.outcome, row.detail) for row in found}


def interrupt_adding(archive: Archive, songs: Path) -> str:
    with archive.writing("add"), pytest.raises(KeyboardInterrupt):
        add_source(archive, Songs(interrupted_after=2), songs)
    ((accession, finished),) = ledger_of(archive)
    assert not finished
    return accession


def add(archive: Archive, songs: Path) -> str:
    with archive.writing("add"):
        return add_source(archive, Songs(), songs).accession


def named(archive: Archive) -> set[str]:
    return {
        accession
        for one in datasets.datasets(archive.catalogue)
        if one.source == "songs"
        for path in one.paths("facts")
        for accession in pq.read_table(path)["accession"].to_pylist()
    }


def test_the_ledger_has_one_accession_of_it_finished_by_the_run_that_goes_on(
    archive: Archive, songs: Path
) -> None:
    put(songs, *map(song, range(10)))
    accession = interrupt_adding(archive, songs)
    assert add(archive, songs) == accession
    assert ledger_of(archive) == [(accession, True)]
    assert named(archive) == {accession}
    outcome, detail = ends_of(archive)[accession]
    assert (outcome, detail["rejects"], detail["rows"]["facts"]) == ("success", {}, 10)


def test_an_accession_that_nothing_goes_on_with_is_ended_and_it_is_said(
    archive: Archive, songs: Path
) -> None:
    put(songs, *map(song, range(10)))
    interrupted = interrupt_adding(archive, songs)
    put(songs, *map(song, "ABC"))
    accession = add(archive, songs)
    assert sorted(ledger_of(archive)) == sorted([(interrupted, True), (accession, True)])
    assert ends_of(archive)[interrupted] == ("fail", {"interrupted": True})
    assert named(archive) == {accession}


def test_an_older_ledger_does_not_know_it_and_all_is_read_again(archive: Archive, songs: Path) -> None:
    put(songs, *map(song, range(10)))
    interrupted = interrupt_adding(archive, songs)
    with archive.ledger.begin() as ledger:
        ledger.execute(delete(accessions))  # as one that was restored from before
    accession = add(archive, songs)
    assert accession != interrupted
    assert ledger_of(archive) == [(accession, True)]
    assert named(archive) == {accession}


def test_a_run_stopped_before_the_ledger_knows_its_end_is_ended_by_the_next(
    archive: Archive, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(songs, song(1))

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(held, "finish_accession", stopped)
        with archive.writing("add"), pytest.raises(KeyboardInterrupt):
            add_source(archive, Songs(), songs)
    ((accession, finished),) = ledger_of(archive)
    assert not finished
    assert named(archive) == {accession}
    assert add(archive, songs) == accession
    assert ledger_of(archive) == [(accession, True)]
    assert add(archive, songs) != accession  # each later one is an act of its own, that found nothing new
    assert all(finished for _, finished in ledger_of(archive))


def test_nothing_to_read_is_no_accession(archive: Archive, songs: Path) -> None:
    with archive.writing("add"), pytest.raises(NotFoundError):
        add_source(archive, Songs(), songs)
    assert ledger_of(archive) == []
