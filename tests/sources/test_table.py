from __future__ import annotations

import datetime
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.sources import table_csv
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.registry import Piece
from phonotheque.sources.table import SOURCE
from phonotheque.sources.table_mapping import FIELDS
from tests.sources.reading import Read, read_all, said

MAPPING = """
source = "mill"
separator = ";"
duration_unit = "clock"

[columns]
title = "Track Title"
artists = "Artist"
duration = "Length"
record_id = "No."
listens = "Plays"

[constants]
label = "Mill Tapes"
"""
HEADER = "No.,Track Title,Artist,Length,Plays\n"


def put(
    folder: Path, content: str | bytes, *, name: str = "tracks.csv", mapping: str | bytes | None = MAPPING
) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if mapping is not None:
        encoded = mapping.encode() if isinstance(mapping, str) else mapping
        (folder / f"{name}.mapping.toml").write_bytes(encoded)
    return path


def read(folder: Path, content: str | bytes, **options: Any) -> Read:
    return read_all(SOURCE, put(folder, content, **options))


def test_a_mapping_says_what_the_columns_are(tmp_path: Path) -> None:
    got = read(
        tmp_path, HEADER + '7,Opening,"Ann Field; The Millers",4:05,31\n8,"A ""B""",Ann Field,1:02:03,\n'
    )
    assert not got.rejects
    one, two = got.facts
    assert said(one, "source", "record_id", "source_id", "title", "artists", "label", "duration_ms") == {
        "source": "table",
        "record_id": "mill:7",
        "source_id": "mill:7",
        "title": "Opening",
        "artists": ["Ann Field", "The Millers"],
        "label": "Mill Tapes",
        "duration_ms": 245_000,
    }
    assert said(two, "title", "duration_ms") == {"title": 'A "B"', "duration_ms": 3_723_000}
    assert [said(row, "kind", "record_id", "raw") for row in got.records] == [
        {
            "kind": "row",
            "record_id": "mill:7",
            "raw": '7,Opening,"Ann Field; The Millers",4:05,31\n',
        },
        {"kind": "row", "record_id": "mill:8", "raw": '8,"A ""B""",Ann Field,1:02:03,\n'},
    ]
    assert [said(row, "title", "artist", "listens") for row in got.listens] == [
        {"title": "Opening", "artist": "Ann Field, The Millers", "listens": 31}
    ]


def test_without_a_mapping_our_own_names_are_used(tmp_path: Path) -> None:
    content = "Title,artists,isrcs,date,country,release_type,barcode,Remark,duration\n"
    content += "Opening,Ann Field,GBAYE6800011,1999-03-00,Germany,EP,0074646938720,x,245.3\n"
    (fact,) = read(tmp_path, content, mapping=None).facts
    assert said(fact, "source_id", "title", "isrcs", "date", "country", "release_type") == {
        "source_id": "tracks:2",
        "title": "Opening",
        "isrcs": ["GBAYE6800011"],
        "date": "1999-03",
        "country": "DE",
        "release_type": "ep",
    }
    assert said(fact, "barcode", "duration_ms") == {"barcode": "0074646938720", "duration_ms": 245_300}


def test_a_mapping_for_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('[columns]\ntitle = "A"\n')
    got = read(tmp_path, "A\nOpening\n", mapping=None)
    assert got.titles == ["Opening"]
    assert SOURCE.files(tmp_path / "tracks.csv") == [tmp_path / "mapping.toml", tmp_path / "tracks.csv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tracks.tsv", "No.\tTrack Title\tArtist\tLength\tPlays\n7\tOpening\tAnn Field\t4:05\t31\n"),
        ("tracks.csv", "\ufeff" + HEADER.replace("\n", "\r\n") + "7,Opening,Ann Field,4:05,31\r\n\r\n"),
        ("tracks.csv.gz", gzip.compress((HEADER + "7,Opening,Ann Field,4:05,31").encode(), mtime=0)),
        (
            "tracks.jsonl",
            '{"No.": 7, "Track Title": "Opening", "Artist": ["Ann Field"], "Length": "4:05", "Plays": 31}\n',
        ),
    ],
)
def test_every_kind_of_text(tmp_path: Path, name: str, content: str | bytes) -> None:
    got = read(tmp_path, content, name=name)
    assert not got.rejects
    (fact,) = got.facts
    assert said(fact, "source_id", "title", "artists", "duration_ms") == {
        "source_id": "mill:7",
        "title": "Opening",
        "artists": ["Ann Field"],
        "duration_ms": 245_000,
    }
    assert got.listens[0]["listens"] == 31


def test_another_delimiter(tmp_path: Path) -> None:
    (fact,) = read(tmp_path, "A;B\nOpening;x,y\n", mapping='delimiter = ";"\n[columns]\ntitle = "A"\n').facts
    assert fact["title"] == "Opening"


def write_parquet(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def test_parquet_is_read_in_runs_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonotheque.sources.table._PARQUET_ROWS", 3)
    rows = [
        {
            "title": f"Song {number}",
            "artists": ["Ann Field"],
            "duration_ms": 1000.0 + number,
            "barcode": 5099902988023,
            "price": Decimal("1.50"),
            "date": datetime.date(1999, 3, number),
            "blob": b"\xff",
        }
        for number in range(1, 8)
    ]
    path = write_parquet(tmp_path / "tracks.parquet", rows, row_group_size=4)
    pieces = list(SOURCE.pieces(path, path))
    assert [piece.first for piece in pieces] == [1, 4, 7]
    got = read_all(SOURCE, path)
    assert not got.rejects
    assert [fact["source_id"] for fact in got.facts] == [f"tracks:{number}" for number in range(1, 8)]
    assert said(got.facts[6], "title", "artists", "duration_ms", "date", "barcode") == {
        "title": "Song 7",
        "artists": ["Ann Field"],
        "duration_ms": 1007,
        "date": "1999-03-07",
        "barcode": "5099902988023",
    }
    assert json.loads(got.records[0]["raw"]) == {
        "title": "Song 1",
        "artists": ["Ann Field"],
        "duration_ms": 1001.0,
        "barcode": 5099902988023,
        "price": "1.50",
        "date": "1999-03-01",
        "blob": "/w==",
    }


def test_parquet_values_that_python_cannot_hold(tmp_path: Path) -> None:
    titles = pa.array([b"Good", b"bad \xff", b"Fine"]).view(pa.string())
    times = pa.array([1, 2, 3], pa.timestamp("ns"))
    pq.write_table(pa.table({"title": titles, "when": times}), tmp_path / "tracks.parquet")
    got = read_all(SOURCE, tmp_path / "tracks.parquet")
    assert got.titles == ["Good", "Fine"]
    (reject,) = got.rejects
    assert said(reject, "scope", "position") == {"scope": "record", "position": 2}


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "tracks.parquet", [{"title": f"Song {n}"} for n in range(1000)])
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + bytes(len(whole) // 2) + whole[8 + len(whole) // 2 :])
    with pytest.raises(PhonothequeError, match=r"tracks\.parquet"):
        list(SOURCE.pieces(path, path))
    path.write_bytes(whole[:-40])
    with pytest.raises(UsageError, match="is no Parquet file, or damaged"):
        SOURCE.files(path)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("8,too,few\n", "has 3 fields, where the header has 5"),
        ("8,too,many,for,the,header\n", "has 6 fields, where the header has 5"),
        (b"8,caf\xe9,Ann,1:00,\n", "is not UTF-8 at its byte 6"),
        ('8,"open,Ann,1:00,\n', "a quote is not closed"),
        ("8, ,Ann,1:00,\n", "has no title"),
        ("8,a\rb,Ann,1:00,\n", "cannot be taken apart"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_is_read(tmp_path: Path, bad: str | bytes, reason: str) -> None:
    good = ["7,Opening,Ann,4:05,\n", '9,"Two\nlines",Ann,1:00,1\n', '10,"And ""more""",Ann,1:00,1\n']
    content = (HEADER + good[0]).encode() + (bad if isinstance(bad, bytes) else bad.encode())
    got = read(tmp_path, content + "".join(good[1:]).encode())
    (reject,) = got.rejects
    assert said(reject, "scope", "position") == {"scope": "record", "position": 3}
    assert reason in reject["reason"]
    assert [fact["source_id"] for fact in got.facts] == ["mill:7", "mill:9", "mill:10"]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"duration": "-4"}, "duration", "is a negative length"),
        ({"duration": "4:05"}, "duration", "is no number of seconds"),
        ({"duration": 9e9}, "duration_ms", "is no length of a recording"),
        ({"duration": True}, "duration", "is no number of seconds"),
        ({"artists": {"name": "Ann"}}, "artists", "is no text"),
        ({"artists": ["Ann", ["Ben"]]}, "artists", "is no text"),
        ({"track_number": "two"}, "track_number", "is no whole number"),
        ({"track_number": -2}, "track_number", "is no place on a release"),
        ({"date": "20199"}, "date", "is no date"),
        ({"country": "Atlantis"}, "country", "is no country"),
        ({"release_type": "thing"}, "release_type", "is no type of release"),
        ({"barcode": "0074646938721"}, "barcode", "is no valid UPC, EAN or GTIN-14"),
        ({"isrcs": "GBAYE68OOO11"}, "isrc", "is not valid"),
        ({"recording_mbid": "none"}, "recording_mbid", "is not valid"),
        ({"file_sha256": "abc"}, "file_sha256", "is no SHA-256"),
        ({"listens": -1}, "listens", "is no count of listens"),
        ({"listens": 10**15}, "listens", "is no count of listens"),
        ({"record_id": {}}, "record_id", "is no text"),
    ],
)
def test_a_bad_value_is_left_out_and_named(
    tmp_path: Path, change: dict[str, Any], field: str, reason: str
) -> None:
    keys: dict[str, Any] = dict.fromkeys(FIELDS)
    line = json.dumps({**keys, "title": "Opening", "artists": "Ann", **change})
    got = read(tmp_path, line, name="t.jsonl", mapping=None)
    (reject,) = got.rejects
    assert said(reject, "scope", "field", "position") == {"scope": "value", "field": field, "position": 1}
    assert reason in reject["reason"]
    assert got.titles == ["Opening"]
    assert got.records[0]["raw"] == line


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"title": "cut', "is not valid JSON"),
        (b'{"title": "\xff"}', "is not valid JSON"),
        (b'{"title": "a\0b"}', "is not valid JSON"),
        (b'{"title": "\\ud800"}', "is not valid JSON"),
        (b"[" * 50_000, "nested too deep"),
        (b'["title"]', "is no JSON object"),
        (b'{"title": ["a"]}', "the title is no text"),
        (b'{"title": null}', "has no title"),
        (b"{}", "has no title"),
    ],
)
def test_a_bad_line_of_json(tmp_path: Path, bad: bytes, reason: str) -> None:
    got = read(tmp_path, b'{"title": "A"}\n' + bad + b'\n\n{"title": "B"}', name="t.jsonl", mapping=None)
    (reject,) = got.rejects
    assert said(reject, "scope", "position") == {"scope": "record", "position": 2}
    assert reason in reject["reason"]
    assert [fact["source_id"] for fact in got.facts] == ["t:1", "t:4"]


def test_counts_need_no_title(tmp_path: Path) -> None:
    got = read(tmp_path, "isrcs,listens\nGBAYE6800011,5\nGBAYE6800011,6\nbad,7\n", mapping=None)
    assert [said(row, "isrc", "listens") for row in got.listens] == [
        {"isrc": "GBAYE6800011", "listens": listens}
        for listens in (5, 6)  # of each row: one may come again
    ]
    assert got.facts == []
    assert got.reasons == ["has no title, and no listens of an ISRC or MBID"]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("columns = ", "is not valid TOML"),
        (b'source = "\xff"', "is not valid TOML"),
        ("colums = 1", "colums is not known"),
        ('[columns]\ntitel = "A"', r"\[columns\] titel is not known"),
        ("[columns]\ntitle = 1", r"\[columns\] title must be the name of a column"),
        ("columns = 1", "columns must be a table"),
        ("[constants]\nlabel = {}", r"\[constants\] label cannot be the same"),
        ('[constants]\nrecord_id = "1"', r"\[constants\] record_id cannot be the same"),
        ('duration_unit = "minutes"', "duration_unit is “minutes”"),
        ('delimiter = "ab"', "delimiter must be one character"),
        ('source = ""', "source must be a short text"),
        ('[columns]\ntitle = "Song"', "there is no column “Song” in tracks.csv, for title"),
        ('[columns]\ntitle = "Twice"', "more than one column “Twice” in tracks.csv, for title"),
        ('[columns]\nlabel = "A"', "no column is known to name recordings"),
    ],
)
def test_a_mapping_that_makes_no_sense(tmp_path: Path, mapping: str | bytes, message: str) -> None:
    path = put(tmp_path, "A,Twice,Twice\n1,2,3\n", mapping=mapping)
    with pytest.raises(UsageError, match=message) as caught:
        SOURCE.files(path)
    assert "tracks.csv" in caught.value.message


def test_the_columns_that_there_are_are_listed(tmp_path: Path) -> None:
    for name, content in (("t.csv", "A,B\n1,2\n"), ("t.jsonl", '{"A": 1}\nnonsense\n{"B": 2}\n')):
        path = put(tmp_path, content, name=name, mapping='[columns]\ntitle = "C"')
        with pytest.raises(UsageError, match="there is no column “C”") as caught:
            SOURCE.files(path)
        assert caught.value.advice == "The columns are: A, B."


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", "title\nA\n".encode("utf-16"), "is not UTF-8"),
        ("t.csv", "title\nA\n".encode("utf-16-le"), "may be UTF-16"),
        ("t.csv", "title,Künstler\nA\n".encode("latin-1"), "is not UTF-8"),
        ("t.csv", b'"title\n', "a quote is not closed"),
        ("t.parquet", b"title\nA\n", "is no Parquet file"),
        ("t.xlsx", b"PK", "is no table that can be read"),
        ("t.parquet.gz", b"", "is no table that can be read"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        SOURCE.files(put(tmp_path, content, name=name, mapping=None))
    assert caught.value.advice


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        SOURCE.files(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is not a file"):
        SOURCE.files(tmp_path)


def test_a_truncated_packed_table_gives_what_came_before(tmp_path: Path) -> None:
    rows = "".join(f"{number},Song {number * 7919 % 9973},Ann,1:00,\n" for number in range(200_000))
    path = put(tmp_path, gzip.compress((HEADER + rows).encode(), mtime=0)[:-5000], name="tracks.csv.gz")
    pieces: list[Piece] = []
    with pytest.raises(BrokenFileError, match="truncated or damaged"):
        pieces.extend(SOURCE.pieces(path, path))
    assert len(pieces) > 2


def test_two_tables_do_not_share_ids(tmp_path: Path) -> None:
    one = read(tmp_path, "title\nA\n", name="one.csv", mapping=None)
    two = read(tmp_path, "title\nA\n", name="two.csv", mapping=None)
    assert one.facts[0]["source_id"] != two.facts[0]["source_id"]


def test_a_quote_that_is_never_closed_costs_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "_MOST_LINES", 50)
    rows = "".join(f"Song {number}\n" for number in range(200))
    got = read(tmp_path, 'title\n"Open\n' + rows, mapping=None)
    assert len(got.facts) == 200
    assert [row["position"] for row in got.rejects] == [2]
