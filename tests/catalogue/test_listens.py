from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.catalogue.listens import read_listens_csv
from phonotheque.catalogue.schema import LISTENS
from phonotheque.model.errors import UsageError
from tests.catalogue.catalogue_facts import ISRC_1, MBID_1


def read(folder: Path, content: bytes) -> tuple[list[dict[str, object]], list[tuple[int, str]]]:
    path = folder / "listens.csv"
    path.write_bytes(content)
    table, rejects = read_listens_csv(path, source="radio", as_of="2026-11-01")
    assert table.schema == LISTENS
    return table.to_pylist(), [(reject.line, reject.field) for reject in rejects]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    content = "\ufeffListens,note,ISRC\r\n12,x,fr-z03-98-00212\r\n\r\n3,,FRZ039800213".encode()
    rows, rejects = read(tmp_path, content)
    assert [(row["isrc"], row["listens"]) for row in rows] == [(ISRC_1, 12), ("FRZ039800213", 3)]
    assert {(row["source"], row["as_of"]) for row in rows} == {("radio", "2026-11-01")}
    assert rejects == []


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [
        b"isrc,recording_mbid,title,artist,listens",
        b'%s,,"Yes, no",Ann,5' % ISRC_1.encode(),
        b"FRZ0398OO212,,,,5",
        b",not-an-id,,,5",
        b",,Title,Ann,-1",
        b",,Title,Ann,1e3",
        b",,Title,Ann," + b"9" * 5000,
        b",,Title,,1",
        b"too,few",
        b",,T\xff,Ann,1",
        b",,%s,Ann,1" % (b"x" * 200_000),
        b',,"open,Ann,1',
        b",%s,,,7" % MBID_1.encode(),
        b",,Ti\x00tle,Ann,0",
    ]
    rows, rejects = read(tmp_path, b"\n".join(lines))
    assert [row["listens"] for row in rows] == [5, 7, 0]
    assert rows[0]["title"] == "Yes, no"
    assert rows[2]["title"] == "Ti tle"
    fields = ["isrc", "recording_mbid", "listens", "listens", "listens", "title", "", "", "", ""]
    assert rejects == list(zip(range(3, 13), fields, strict=True))


@pytest.mark.parametrize(
    "header", [b"", b"isrc", b"listens,title", b"isrc,isrc,listens", b'"open', b"\xff\xfe"]
)
def test_a_header_without_what_is_needed(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(UsageError, match=r"listens\.csv"):
        read(tmp_path, header + b"\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_rejects(tmp_path_factory: pytest.TempPathFactory, tail: bytes) -> None:
    read(tmp_path_factory.getbasetemp(), b"title,artist,listens\n" + tail)
