import os
import sqlite3
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue import index, index_codes, index_words, pairs, shelf
from phonotheque.catalogue.columns import isrc_number
from phonotheque.catalogue.index_codes import Kind
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.schema import TABLES
from phonotheque.catalogue.views import RecordingView
from phonotheque.model.errors import VerificationError
from tests.catalogue.catalogue_tables import public_id, recording, write_tables

MANY = 1200  # recordings: more than two blocks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue")
    isrcs = [{"isrc": f"FRZ0398{n % 40:05}", "recording": n, "tracks": 1} for n in range(MANY)]
    on = [{"recording": n, "fact": n, "release": 0} for n in range(MANY)]
    facts = [
        {"source": "x", "accession": "a", "record_id": str(n), "source_id": str(n), "title": f"Song {n}"}
        for n in range(MANY)
    ]
    write_tables(
        path,
        {
            "recordings": [recording(n, date=f"{1900 + n % 100}-05") for n in range(MANY)],
            "isrcs": sorted(isrcs, key=lambda row: (row["isrc"], row["recording"])),
            "tracks": on,
            "facts": facts,
            "releases": [{"release": 0, "id": public_id("release"), "title": "All of it", "tracks": MANY}],
        },
    )
    return path


def test_every_recording_is_found_beyond_one_block(folder: Path) -> None:
    with Catalogue.open(folder) as catalogue:
        for number in (0, 1, 511, 512, 1023, 1024, MANY - 1):
            (hit,) = catalogue.hits([number])
            assert (hit.id, hit.title, hit.year) == (
                public_id(f"Song {number}"),
                f"Song {number}",
                1900 + number % 100,
            )
            view = catalogue.show(hit.id)
            assert isinstance(view, RecordingView)
            assert view.title == hit.title
        assert [hit.title for hit in catalogue.by_isrc("FRZ039800003")] == [
            f"Song {n}" for n in range(3, MANY, 40)
        ]
        assert catalogue.search("of all it", limit=5) == catalogue.hits(range(5))
        assert len(catalogue.search("all", limit=MANY)) == MANY


def test_shelves_of_larger_blocks_are_read_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tables(tmp_path, {"recordings": [recording(n) for n in range(MANY)]})
    monkeypatch.setattr(shelf, "_ROWS", 512)  # as it was
    Catalogue.open(tmp_path).close()
    monkeypatch.undo()
    with Catalogue.open(tmp_path) as catalogue:
        assert [hit.title for hit in catalogue.hits(range(MANY))] == [f"Song {n}" for n in range(MANY)]


def test_blocks_that_were_asked_for_are_not_read_again() -> None:
    asked: list[str] = []

    def told(name: str, identity: str) -> tuple[str | None, int]:
        with closing(sqlite3.connect(":memory:")) as connection:
            shelf.create(connection)
            rows = pa.Table.from_pylist([recording(n, title=name) for n in range(3)], TABLES["recordings"])
            shelf.fill(connection, rows.select(shelf.COLUMNS).combine_chunks().to_batches())
            connection.set_trace_callback(asked.append)
            (title, _), number = shelf.Shelf(connection, identity).names([2])[2], len(asked)
            shelf.Shelf(connection, identity).names([0, 1])
            assert len(asked) == number
            assert not shelf.Shelf(connection, identity).names([3])
        return title, number

    assert told("One", "one") == ("One", 1)
    assert told("Two", "two") == ("Two", 2)
    assert told("Other", "one") == ("One", 2)  # the same, it was said


def test_a_recording_is_told_as_its_row_says(tmp_path: Path) -> None:
    dates = ["1999", "1999-03", "1999-03-01", "0987-12-31", None]
    rows = [recording(n, date=date, tracks=n, listens=9 - n) for n, date in enumerate(dates)]
    rows[1] |= {"by_musicbrainz": True, "artists": [1, 0]}
    artists = [{"artist": n, "id": public_id(f"artist {n}"), "name": f"Artist {n}"} for n in (0, 1)]
    write_tables(tmp_path, {"recordings": rows, "artists": artists})
    with Catalogue.open(tmp_path) as catalogue:
        for number, row in enumerate(rows):
            view = catalogue.show(row["id"])
            assert isinstance(view, RecordingView)
            told = (view.id, view.mbid, view.title, view.artist, view.duration_ms, view.date, view.tracks)
            mbid = row["id"] if number == 1 else None
            columns = ("title", "credit", "duration_ms", "date", "tracks")
            assert told == (row["id"], mbid, *(row[column] for column in columns))
            assert [artist.name for artist in view.artists] == [f"Artist {key}" for key in row["artists"]]
            assert view.listens == 9 - number


def test_isrcs_as_numbers_sort_as_they_do() -> None:
    codes = ["AA0000000000", "AA0000000001", "AAA000000000", "FRZ039800212", "USRC17607839", "ZZZZZ9999999"]
    numbers = [isrc_number(code) for code in codes]
    assert numbers == sorted(numbers)
    assert numbers[-1] < 2**63


SORTED_PAIRS = st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**62)), max_size=60).map(
    sorted
)
FEW_KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=60).map(sorted)


@settings(max_examples=150, deadline=None)
@given(SORTED_PAIRS | FEW_KEYS, st.integers(1, 9), st.integers(1, 7))
def test_pairs_are_found_whatever_the_blocks(rows: list[tuple[int, int]], block: int, batch: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_ROWS", block)
        pairs.create(connection, "number")
        parts = [rows[i : i + batch] for i in range(0, len(rows), batch)]
        pairs.fill(
            connection,
            "number",
            ((np.array([k for k, _ in p], np.int64), np.array([v for _, v in p], np.int64)) for p in parts),
        )
        for key, same in groupby(rows, key=lambda row: row[0]):
            expected = [value for _, value in dict.fromkeys(same)]
            assert list(pairs.find(connection, "number", key)) == expected
        for key in {key + step for key, _ in rows for step in (-1, 1)} - {key for key, _ in rows}:
            assert list(pairs.find(connection, "number", key)) == []


def test_pairs_in_another_order_are_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        pairs.create(connection, "number")
        with pytest.raises(VerificationError, match="not in order"):
            pairs.fill(connection, "number", [(np.array([2, 1]), np.array([0, 0]))])


@pytest.mark.parametrize("part", [index_codes, index_words])
def test_what_fails_leaves_nothing_and_the_next_run_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any
) -> None:
    snapshot = write_tables(tmp_path, {"recordings": [recording(n) for n in range(3)]})
    before = sorted(os.listdir(snapshot.path))

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(part, "build", fail)
        with pytest.raises(KeyboardInterrupt):
            index.ensure(snapshot)
    assert sorted(os.listdir(snapshot.path)) == before
    (snapshot.path / ".index.tmp").mkdir()  # of a run that was killed
    (snapshot.path / ".index.tmp" / "words.loose").write_bytes(b"half")
    with Catalogue.open(tmp_path) as catalogue:
        assert [hit.title for hit in catalogue.search("song")] == ["Song 0", "Song 1", "Song 2"]
        assert catalogue.verify() == []
    assert sorted(os.listdir(snapshot.path)) == sorted(
        [*before, "index.sqlite", "words.sqlite", "facets.bin", "labels.sqlite", "index.json"]
    )


def test_an_id_that_is_none_is_told_by_its_table(tmp_path: Path) -> None:
    snapshot = write_tables(tmp_path, {"recordings": [recording(0, id="not a UUID")]})
    with pytest.raises(VerificationError, match=r"recordings\.parquet"):
        index.ensure(snapshot)


def test_things_keep_their_kinds() -> None:
    assert index_codes.thing(7 * 4 + 2) == (Kind.RELEASE, 7)
