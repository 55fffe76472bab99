"""What comes again in a source: a record is left out whole, and whatever is left out is named."""

from __future__ import annotations

import lzma
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.sources.gather import Gather
from phonotheque.sources.musicbrainz import SOURCE as MUSICBRAINZ
from phonotheque.sources.registry import Piece
from tests.sources.songs import LINES, Songs, put, song
from tests.sources.test_importing import ids, rows, take_in
from tests.sources.test_musicbrainz import as_lines, dump, mbid

pytestmark = pytest.mark.usefixtures("here")


def told(catalogue: Path) -> list[tuple[str, str]]:
    return [(row["record_id"], row["source_id"]) for row in rows(catalogue, "facts")]


def rejects(catalogue: Path, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows(catalogue, "rejects")]


@pytest.mark.parametrize("apart", [0, 1, 2, 5], ids="{} records between".format)
def test_a_record_that_comes_again_with_more_in_it_is_left_out_whole(
    catalogue: Path, songs: Path, apart: int
) -> None:
    first = song(1, tracks=["1a"], listens=3, nonfree="CC0-1.0")
    again = song(1, tracks=["1a", "1b"], things=["work", "release"], listens=5, nonfree="MIT")
    between = [song(f"x{number}") for number in range(apart)]
    put(songs, first, *between, again, song(2))
    result = take_in(catalogue, songs)
    others = [one["id"] for one in between] + ["2"]
    assert told(catalogue) == [("1", "1a"), *((other, other) for other in others)]
    assert ids(catalogue, "records") == ids(catalogue, "things") == ["1", *others]
    assert [row["licence"] for row in rows(catalogue, "nonfree")] == ["CC0-1.0"]
    assert [row["listens"] for row in rows(catalogue, "listens")] == [3]
    assert rejects(catalogue, "scope", "record_id", "file") == [("record", "1", "a.jsonl")]
    assert not result.complete


def test_a_record_that_comes_again_in_another_file_with_other_tracks_is_left_out_whole(
    catalogue: Path, songs: Path
) -> None:
    put(songs, song(1, tracks=["1a"]), song(2), song(3))
    put(songs, song(4), song(1, tracks=["1b"]), song(5), song(5, tracks=[]), name="b.jsonl")
    take_in(catalogue, songs)
    assert told(catalogue) == [("1", "1a"), *((number, number) for number in "2345")]
    assert rejects(catalogue, "record_id", "file") == [("1", "b.jsonl"), ("5", "b.jsonl")]


def test_a_record_that_comes_again_with_other_parts_under_other_terms_is_compared_with_its_own(
    catalogue: Path, songs: Path
) -> None:
    artists = [
        {"id": mbid(1), "name": name, "sort-name": name, "genres": [], "tags": [{"name": tag, "count": 1}]}
        for name, tag in (("Ann", "jazz"), ("Ann Field", "chamber pop"))
    ]
    (songs / "artist.tar.xz").write_bytes(lzma.compress(dump("artist", as_lines(*artists)), preset=0))
    result = take_in(catalogue, songs, MUSICBRAINZ, verify=True)
    assert (result.verified, result.rejects) == (2, {"record": 1})
    (part,) = rows(catalogue, "nonfree")
    assert "jazz" in part["splices"]


def test_a_track_whose_id_another_record_gave_is_left_out_and_named(catalogue: Path, songs: Path) -> None:
    put(songs, song(1, tracks=["a"]), song(2, tracks=["b", "a", "b"]), song(3, tracks=["c"]))
    result = take_in(catalogue, songs)
    assert told(catalogue) == [("1", "a"), ("2", "b"), ("3", "c")]
    assert ids(catalogue, "records") == list("123")
    assert rejects(catalogue, "scope", "record_id", "field", "value") == [
        ("value", "2", "source_id", "a"),
        ("value", "2", "source_id", "b"),
    ]
    assert all("came before" in reason for (reason,) in rejects(catalogue, "reason"))
    assert result.complete  # the records are there


def test_a_track_is_kept_whose_id_only_a_record_that_was_left_out_gave_before(
    catalogue: Path, songs: Path
) -> None:
    put(songs, song(1, tracks=["a"]), song(1, tracks=["b"]), song(2, tracks=["b"]))
    take_in(catalogue, songs)
    assert told(catalogue) == [("1", "a"), ("2", "b")]


def test_a_second_description_or_part_is_left_out_and_named(catalogue: Path, songs: Path) -> None:
    put(songs, song(1, things=["work", "work"]), song(2))
    take_in(catalogue, songs)
    assert ids(catalogue, "things") == ["1", "2"]
    assert rejects(catalogue, "scope", "record_id", "field", "value") == [("value", "1", "kind", "work")]


def test_tracks_of_no_record_are_kept_and_only_their_own_ids_count(catalogue: Path, songs: Path) -> None:
    put(songs, song(1, unrecorded=True), song(1, unrecorded=True, tracks=["more"]), song(2, unrecorded=True))
    put(songs, song(2, unrecorded=True), name="b.jsonl")
    result = take_in(catalogue, songs)
    assert told(catalogue) == [("1", "1"), ("1", "more"), ("2", "2")]
    assert result.rows["records"] == 0
    assert ("value", "2", "source_id", "2", "b.jsonl") in rejects(
        catalogue, "scope", "record_id", "field", "value", "file"
    )


Said = list[tuple[int, list[int]]]  # ids of records, each with those of its tracks
SAID = st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 6), max_size=3)), max_size=12)


@settings(max_examples=15, deadline=None)
@given(SAID, SAID)
def test_what_is_kept_is_what_came_first_and_the_rest_is_named(one: Said, two: Said) -> None:
    here = Path(tempfile.mkdtemp())
    try:
        for name, said in (("a.jsonl", one), ("b.jsonl", two)):
            put(here, *(song(own, tracks=[str(t) for t in tracks]) for own, tracks in said), name=name)
        take_in(here / "catalogue", here, Songs())
        records, facts = _first([*one, *two])
        assert [int(own) for own in ids(here / "catalogue", "records")] == records
        assert [(int(own), int(track)) for own, track in told(here / "catalogue")] == facts
        named = len(rejects(here / "catalogue", "reason"))
        kept_of = dict(reversed([*one, *two]))
        assert named == len(one) + len(two) - len(records) + sum(map(len, kept_of.values())) - len(facts)
    finally:
        shutil.rmtree(here)


def _first(said: Iterable[tuple[int, list[int]]]) -> tuple[list[int], list[tuple[int, int]]]:
    """What is to be kept, worked out record by record."""
    records: list[int] = []
    facts: dict[int, int] = {}
    for own, tracks in said:
        if own not in records:
            records.append(own)
            for track in tracks:
                facts.setdefault(track, own)
    return records, [(own, track) for track, own in facts.items()]


def test_rows_know_which_record_of_their_piece_says_them(songs: Path) -> None:
    lines = [song(1, tracks=["a", "b"]), song(1, tracks=[], things=[]), song(1, tracks=["c"], listens=1)]
    gather = Gather("songs", "an accession", "a.jsonl")
    content = put(songs, *lines, song(2, unrecorded=True)).read_bytes()
    Songs().read(Piece(songs / "a.jsonl", 0, "song", 1, content), gather)
    places = {name: places.to_pylist() for name, places in gather.of_records().items()}
    assert len(lines) > LINES
    assert places == {"facts": [0, 0, 2, None], "things": [0, 2, None], "nonfree": [], "listens": [2]}
