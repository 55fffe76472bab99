"""Rows read page by page are those that any reader of Parquet reads."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phonotheque.catalogue import durable, paged, pages, thrift
from phonotheque.catalogue.manifest import Snapshot, TableFile
from phonotheque.catalogue.pages import LOOKED_UP
from phonotheque.catalogue.rows import Rows
from phonotheque.catalogue.schema import TABLES
from phonotheque.model.errors import VerificationError
from tests.catalogue.catalogue_tables import write_tables

Writer = Callable[[Path, pa.Table], None]

TEXTS = st.none() | st.sampled_from(["", "Jóga", "x" * 300]) | st.text(max_size=5)
LISTS = st.lists(st.sampled_from(["a", "Björk", "é" * 40]), max_size=3)
LENGTHS = st.none() | st.integers(0, 2**31 - 1)
FACTS = st.lists(
    st.fixed_dictionaries({"title": TEXTS, "genres": LISTS, "isrcs": LISTS, "duration_ms": LENGTHS}),
    max_size=40,
)
SAID = {"source": "x", "accession": "a", "record_id": "r", "artists": [], "composers": []}


def fact(number: int, **facts: Any) -> dict[str, Any]:
    return SAID | {"source_id": str(number)} | facts


def in_pages(path: Path, table: pa.Table) -> None:
    with paged.writer(path, table.schema) as file:
        file.write_table(table, row_group_size=12)


def by_arrow(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=12)


def by_duckdb(path: Path, table: pa.Table) -> None:
    with duckdb.connect() as engine:
        engine.register("content", table)
        engine.execute(f"COPY content TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def snapshot_of(
    folder: Path, table: str, parts: Sequence[Sequence[dict[str, Any]]], write: Writer
) -> Snapshot:
    """A snapshot with a table in parts of these rows, written by ``write``."""
    snapshot = write_tables(folder)
    files = []
    for number, rows in enumerate(parts):
        name = f"{table}/{number:05}.parquet" if len(parts) > 1 or table == "facts" else f"{table}.parquet"
        (folder / snapshot.stamp / name).unlink(missing_ok=True)
        write(snapshot.path / name, pa.Table.from_pylist(list(rows), schema=TABLES[table]))
        files.append(TableFile(name, "", 0, len(rows)))
    return Snapshot(
        snapshot.path, snapshot.made_at, None, {**snapshot.tables, table: tuple(files)}, snapshot.sources
    )


@contextmanager
def reading(snapshot: Snapshot) -> Iterator[Rows]:
    with closing(sqlite3.connect(":memory:")) as connection:
        pages.fill(connection, snapshot, lambda: None)
        with closing(Rows(snapshot, connection)) as rows:
            yield rows


@pytest.mark.parametrize("write", [in_pages, by_arrow, by_duckdb])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(FACTS, min_size=1, max_size=3), asked=st.lists(st.integers(0, 119)))
def test_facts_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    write: Writer,
    parts: list[list[dict[str, Any]]],
    asked: list[int],
) -> None:
    numbered = [[fact(n, **row) for n, row in enumerate(rows)] for rows in parts]
    rows = [row for part in numbered for row in part]
    wanted = [number for number in asked if number < len(rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paged, "ROWS_PER_PAGE", 4)
        snapshot = snapshot_of(tmp_path_factory.mktemp("facts"), "facts", numbered, write)
        columns = ("source", "source_id", "title", "genres", "isrcs", "duration_ms", "country")
        with reading(snapshot) as reader:
            found = reader.at("facts", wanted, columns)
    assert list(found) == sorted(set(wanted))
    for number, row in found.items():
        expected = {name: rows[number].get(name) or None for name in columns}
        # an empty text is one; an empty list may come back as nothing
        expected["title"] = rows[number]["title"]
        expected["duration_ms"] = rows[number]["duration_ms"]
        assert {name: value if value != [] else None for name, value in row.items()} == expected


@pytest.mark.parametrize("write", [in_pages, by_arrow])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.integers(0, 9), max_size=60).map(sorted), most=st.integers(1, 20))
def test_rows_are_found_by_the_key_that_sorts_them(
    tmp_path_factory: pytest.TempPathFactory, write: Writer, keys: list[int], most: int
) -> None:
    rows = [{"recording": key, "fact": fact, "release": None} for fact, key in enumerate(keys)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paged, "ROWS_PER_PAGE", 4)
        snapshot = snapshot_of(tmp_path_factory.mktemp("tracks"), "tracks", [rows], write)
        with reading(snapshot) as reader:
            found = reader.having("tracks", range(11), ("fact",), most)
    expected = {key: [fact for fact, other in enumerate(keys) if other == key][:most] for key in range(11)}
    assert {key: [row["fact"] for row in found[key]] for key in found} == expected


@pytest.mark.parametrize("table", ["facts", "tracks"])
def test_row_groups_without_rows_are_passed_over(tmp_path: Path, table: str) -> None:
    def with_empty_groups(path: Path, content: pa.Table) -> None:
        with paged.writer(path, content.schema) as file:
            for start, rows in ((0, 0), (0, 2), (2, 0), (2, 3)):
                file.write_table(content.slice(start, rows))
        assert pq.read_metadata(path).num_row_groups == 4

    rows = [
        fact(number) if table == "facts" else {"recording": number, "fact": number, "release": None}
        for number in range(5)
    ]
    name = "source_id" if table == "facts" else "fact"
    with reading(snapshot_of(tmp_path, table, [rows], with_empty_groups)) as reader:
        assert [row[name] for row in reader.at(table, range(5), (name,)).values()] == [
            row[name] for row in rows
        ]


def test_of_a_key_with_many_rows_only_the_first_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paged, "ROWS_PER_PAGE", 4)
    rows = [{"recording": int(n > 1), "fact": n, "release": None} for n in range(100)]
    snapshot = snapshot_of(tmp_path, "tracks", [rows], in_pages)
    with closing(sqlite3.connect(":memory:")) as connection:
        pages.fill(connection, snapshot, lambda: None)
        read = [leaf.first for leaf in pages.leaves(connection, "tracks", 1, 6)]
    assert read == [0, 4, 8]  # the first may have few of them, or none
    with reading(snapshot) as reader:
        assert [row["fact"] for row in reader.having("tracks", [1], ("fact",), 6)[1]] == [2, 3, 4, 5, 6, 7]


def test_only_the_pages_of_a_row_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "ROWS_PER_PAGE", 4)
    rows = [fact(number, title=f"Song {number}") for number in range(12)]
    snapshot = snapshot_of(tmp_path, "facts", [rows], in_pages)
    with closing(sqlite3.connect(":memory:")) as connection:
        pages.fill(connection, snapshot, lambda: None)
        leaf = pages.leaf(connection, "facts", 6)
    assert leaf is not None
    assert (leaf.first, leaf.rows) == (4, 4)
    assert leaf.columns["source"] == pages.Same("x")
    assert leaf.columns["country"] == pages.Same(None)
    assert leaf.columns.keys() == set(LOOKED_UP["facts"])


def test_rows_that_are_not_there_are_an_index_that_does_not_fit(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, "facts", [[fact(0)]], in_pages)
    with reading(snapshot) as reader, pytest.raises(sqlite3.DatabaseError, match="row 1"):
        reader.at("facts", [1], ("title",))


@pytest.mark.parametrize("change", ["overwritten", "truncated"])
def test_damage_is_named(tmp_path: Path, change: str) -> None:
    rows = [fact(number, title=f"Song {number}") for number in range(12)]
    snapshot = snapshot_of(tmp_path, "facts", [rows], in_pages)
    (path,) = snapshot.parts("facts")
    with reading(snapshot) as reader:
        size = path.stat().st_size
        path.write_bytes(bytes(size) if change == "overwritten" else path.read_bytes()[:20])
        with pytest.raises(VerificationError, match=r"facts/00000\.parquet") as caught:
            reader.at("facts", [3], ("title",))
    assert "phono check" in caught.value.advice


ENDLESS = thrift.structure((n, thrift.I32, thrift.integer(value)) for n, value in ((1, 3), (2, 0), (3, -7)))


@pytest.mark.parametrize(
    "header", [ENDLESS, b"\0" * 8, b"\xff" * 8, b"\x1c" * 40], ids=["endless", "empty", "odd", "deep"]
)
def test_a_page_whose_header_is_damaged_is_named_when_it_is_read(tmp_path: Path, header: bytes) -> None:
    assert len(ENDLESS) == 7  # and less as many is where it begins
    rows = [fact(number, title=f"Song {number}") for number in range(12)]
    snapshot = snapshot_of(tmp_path, "facts", [rows], in_pages)
    (path,) = snapshot.parts("facts")
    place = pq.read_metadata(path).row_group(0).column(TABLES["facts"].names.index("title")).data_page_offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(header)
    with reading(snapshot) as reader, pytest.raises(VerificationError, match=r"facts/00000\.parquet"):
        reader.at("facts", [3], ("title",))


def test_a_table_that_is_no_parquet_is_named_when_its_pages_are_noted(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, "credits", [[{"artist": 0, "recording": 0}]], in_pages)
    path = snapshot.table("credits")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VerificationError, match=r"credits\.parquet"), reading(snapshot):
        pass


def test_pages_begin_at_the_same_rows_in_every_column(tmp_path: Path) -> None:
    long = ["x" * 5000] * 3
    rows = [fact(n, title=f"{n}" * 500, genres=long[: n % 4], people=[str(n)] * 9) for n in range(5000)]
    content = pa.Table.from_pylist(rows, schema=TABLES["facts"])
    with paged.writer(tmp_path / "facts.parquet", content.schema) as file:
        file.write_table(content)
    assert pq.read_table(tmp_path / "facts.parquet").equals(content)
    written = (tmp_path / "facts.parquet").read_bytes()
    snapshot = snapshot_of(tmp_path, "facts", [rows], lambda path, _: durable.write(path, written))
    with closing(sqlite3.connect(":memory:")) as connection:
        pages.fill(connection, snapshot, lambda: None)
        found = [pages.leaf(connection, "facts", row) for row in (0, 2047, 2048, 4999)]
    assert [(leaf.first, leaf.rows) for leaf in found if leaf] == [(0, 2048)] * 2 + [
        (2048, 2048),
        (4096, 904),
    ]


NUMBERS = st.integers(-(2**62), 2**62)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 14), NUMBERS | st.text() | st.lists(NUMBERS))))
def test_structures_are_read_as_they_were_written(values: list[tuple[int, Any]]) -> None:
    number, fields, expected = 0, [], {}
    for step, value in values:
        number += step
        if isinstance(value, int):
            fields.append((number, thrift.I64, thrift.integer(value)))
        elif isinstance(value, str):
            fields.append((number, thrift.BINARY, thrift.text(value)))
        else:
            items = [thrift.integer(item) for item in value]
            fields.append((number, thrift.LIST, thrift.array(thrift.I64, items)))
        expected[number] = value.encode() if isinstance(value, str) else value
    written = thrift.structure(fields)
    assert thrift.read(b"?" + written, 1) == (expected, len(written) + 1)
    for number, _, value in fields:
        assert thrift.raw(written, 0, number) == value


@pytest.mark.parametrize(
    "data",
    [
        b"\x1c" * 20 + b"\0",
        b"\x19" * 5000 + b"\0",
        b"\x1d\0",
        b"\x16" + b"\xff" * 11 + b"\0",
        b"\x16" + b"\xff" * 9 + b"\x7f\0",
    ],
    ids=["structures", "lists", "type", "endless number", "large number"],
)
def test_what_is_no_structure_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"deep|type|64 bits"):
        thrift.read(data)


@pytest.mark.parametrize(
    "data",
    [thrift.structure([(1, thrift.BINARY, thrift.text("Song"))])[:-3], b"\x19\xf7" + b"\xff" * 8 + b"\x7f\0"],
    ids=["text", "list of numbers"],
)
def test_where_the_data_end_within_a_structure_it_is_said(data: bytes) -> None:
    with pytest.raises(IndexError):
        thrift.read(data)
