"""The generated catalogue of the scale benchmark: as sources would tell it, and of the shape it claims."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.catalogue.facts import FIRST_SOURCE, SECOND_SOURCE
from benchmarks.catalogue.generate import Generated, generate
from benchmarks.catalogue.listens import listens_of
from benchmarks.catalogue.shape import ALBUMS, ARTISTS, FULL, ISRCS, make_shape
from phonotheque.catalogue.normalise import listen_keys, normal_fact
from phonotheque.catalogue.schema import FACTS, LISTENS, TRACK_FACTS
from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid

TRACKS = 20_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(tmp_path_factory.mktemp("generated"), TRACKS, seed=7, processes=1)


@pytest.fixture(scope="module")
def first(made: Generated) -> pa.Table:
    return _read(made.facts[FIRST_SOURCE])


@pytest.fixture(scope="module")
def second(made: Generated) -> pa.Table:
    return _read(made.facts[SECOND_SOURCE])


def _read(paths: list[Path]) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in paths)


def test_rows_are_of_the_schema(first: pa.Table, second: pa.Table, made: Generated) -> None:
    assert first.schema == FACTS
    assert second.schema == FACTS
    assert _read(made.listens).schema == LISTENS
    assert len(first) + len(second) == TRACKS == made.rows


@pytest.mark.parametrize("source", [FIRST_SOURCE, SECOND_SOURCE])
def test_rows_are_what_normalising_their_facts_would_give(made: Generated, source: str) -> None:
    for row in _read(made.facts[source]).to_pylist():
        told = {field: row[field] for field in TRACK_FACTS.names}
        assert normal_fact(told) == row


def test_same_seed_gives_the_same_bytes_in_any_number_of_processes(made: Generated, tmp_path: Path) -> None:
    again = generate(tmp_path, TRACKS, seed=7, processes=2)
    for old, new in zip(
        [*made.facts[FIRST_SOURCE], *made.facts[SECOND_SOURCE], *made.listens],
        [*again.facts[FIRST_SOURCE], *again.facts[SECOND_SOURCE], *again.listens],
        strict=True,
    ):
        assert old.read_bytes() == new.read_bytes()


def test_another_seed_gives_another_catalogue(first: pa.Table, tmp_path: Path) -> None:
    other = _read(generate(tmp_path, TRACKS, seed=8, processes=1).facts[FIRST_SOURCE])
    assert other.column("title") != first.column("title")


def test_proportions_are_those_published(first: pa.Table, second: pa.Table) -> None:
    albums = len(pc.unique(first.column("record_id"))) + len(pc.unique(second.column("record_id")))
    codes = set(_flat(first, "isrcs")) | set(_flat(second, "isrcs"))
    artists = set(_flat(first, "artist_ids"))
    assert albums / TRACKS == pytest.approx(ALBUMS, rel=0.03)
    assert len(codes) / TRACKS == pytest.approx(ISRCS, rel=0.03)
    assert len(artists) / TRACKS == pytest.approx(ARTISTS, rel=0.03)


def test_ids_are_unique_and_codes_valid(first: pa.Table, second: pa.Table) -> None:
    for table in (first, second):
        assert len(pc.unique(table.column("source_id"))) == len(table)
    assert all(parse_isrc(code) == code for code in _flat(first, "isrcs"))
    assert all(parse_barcode(code) for code in first.column("barcode").to_pylist() if code)
    assert all(parse_mbid(mbid) == mbid for mbid in second.column("recording_mbid").to_pylist())


def test_codes_are_shared_and_some_disagree(first: pa.Table, second: pa.Table) -> None:
    tracks: Counter[str] = Counter(_flat(first, "isrcs"))
    assert tracks.total() > len(tracks)
    assert tracks.most_common(1)[0][1] > 5
    told: dict[str, list[tuple[int, frozenset[str]]]] = {}
    for table in (first, second):
        for row in table.select(["isrcs", "duration_ms", "people"]).to_pylist():
            for code in row["isrcs"]:
                told.setdefault(code, []).append((row["duration_ms"], frozenset(row["people"])))
    longer = sum(max(ms for ms, _ in rows) - min(ms for ms, _ in rows) > 3000 for rows in told.values())
    strangers = sum(not frozenset.intersection(*(who for _, who in rows)) for rows in told.values())
    assert 0.002 < longer / TRACKS < 0.01
    assert 0.0001 < strangers / TRACKS < 0.002


def test_second_source_tells_of_the_same_recordings(first: pa.Table, second: pa.Table) -> None:
    def named(table: pa.Table) -> set[tuple[str, ...]]:
        rows = table.select(["title_key", "people"]).to_pylist()
        return {(row["title_key"], *row["people"]) for row in rows}

    assert named(second) <= named(first)
    without_code = pc.sum(pc.equal(pc.list_value_length(second.column("isrcs")), 0)).as_py()
    assert without_code / len(second) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("tracks", [TRACKS, 1_000_000])
def test_listens_have_the_published_skew(tracks: int) -> None:
    shape = make_shape(tracks, seed=7)
    counts = np.sort(listens_of(shape, np.arange(shape.recordings)))[::-1]
    assert counts[: shape.recordings // 1000].sum() > (0.5 if tracks > TRACKS else 0.3) * counts.sum()
    assert (counts < 1000).mean() >= 0.7 - 1 / shape.recordings
    assert counts[:3].sum() > counts[shape.recordings // 2 :].sum()


def test_listens_name_recordings_that_are_there(made: Generated, first: pa.Table) -> None:
    counted = _read(made.listens)
    by_code = counted.column("isrc").drop_null().to_pylist()
    assert set(by_code) <= set(_flat(first, "isrcs"))
    assert len(by_code) > 0.9 * len(counted) * 0.94
    assert set(counted.column("recording_mbid").drop_null().to_pylist()) <= set(
        first.column("recording_mbid").to_pylist()
    )
    assert pc.min(counted.column("listens")).as_py() >= 1
    for row in counted.to_pylist():
        assert (row["title_key"], row["people"]) == listen_keys(row["title"], row["artist"])


def test_numbers_of_the_full_size_hold() -> None:
    shape = make_shape(FULL, seed=7)
    assert shape.recordings / FULL == pytest.approx(ISRCS, rel=0.02)
    assert shape.artists / FULL == pytest.approx(ARTISTS, rel=0.02)
    some = np.linspace(0, shape.recordings - 1, 10_000).astype(np.int64)
    assert (shape.with_rank(shape.rank(some)) == some).all()
    assert shape.artist(shape.home_album(some)).max() < shape.artists


@pytest.mark.parametrize("tracks", [1, 2, 9, 1000])
def test_any_size_can_be_made(tmp_path: Path, tracks: int) -> None:
    made = generate(tmp_path, tracks, processes=1)
    assert sum(len(_read(paths)) for paths in made.facts.values() if paths) == tracks


def _flat(table: pa.Table, column: str) -> list[str]:
    return [text for text in table.column(column).combine_chunks().flatten().to_pylist() if text]
