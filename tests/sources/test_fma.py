from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.fma import SOURCE
from tests.sources.reading import Read, read_all, said

COLUMNS = [
    ("album", "date_released"),
    ("album", "id"),
    ("album", "information"),
    ("album", "title"),
    ("album", "type"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "subset"),
    ("track", "composer"),
    ("track", "duration"),
    ("track", "genres"),
    ("track", "license"),
    ("track", "listens"),
    ("track", "number"),
    ("track", "title"),
]
FOOD = {
    ("album", "date_released"): "2009-01-05 00:00:00",
    ("album", "id"): "1",
    ("album", "information"): '<p>Two lines,\nand a "quote"</p>',
    ("album", "title"): "AWOL - A Way Of Life",
    ("album", "type"): "Live Performance",
    ("artist", "id"): "7",
    ("artist", "name"): "AWOL",
    ("track", "composer"): "A. Writer",
    ("track", "duration"): "168",
    ("track", "genres"): "[21, 76]",
    ("track", "license"): "Attribution-NonCommercial-ShareAlike 3.0 International",
    ("track", "listens"): "1293",
    ("track", "number"): "3",
    ("track", "title"): "Food",
}
HEADER = "\n".join(
    [
        "," + ",".join(group for group, _ in COLUMNS),
        "," + ",".join(field for _, field in COLUMNS),
        "track_id" + "," * len(COLUMNS),
    ]
)
GENRES = "genre_id,#tracks,parent,title,top_level\n21,12693,0,Hip-Hop,21\n76,161,21,Rap,21\n"


def row(number: str, **changes: str) -> str:
    """A row of tracks.csv, as pandas writes it; ``changes`` are named “track_title”."""
    values = FOOD | {tuple(name.split("_", 1)): value for name, value in changes.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([number, *(values.get(column, "") for column in COLUMNS)])
    return text.getvalue()


def put(folder: Path, *rows: str | bytes, genres: str | None = GENRES) -> Path:
    folder.mkdir(exist_ok=True)
    encoded = [text if isinstance(text, bytes) else text.encode() for text in (HEADER + "\n", *rows)]
    (folder / "tracks.csv").write_bytes(b"".join(encoded))
    if genres is not None:
        (folder / "genres.csv").write_text(genres)
    return folder


def read(*rows: str | bytes, folder: Path, genres: str | None = GENRES) -> Read:
    return read_all(SOURCE, put(folder, *rows, genres=genres))


def test_a_row_is_a_track_a_count_and_the_row_itself(tmp_path: Path) -> None:
    got = read(row("2"), row("3", track_title="Electric Ave"), folder=tmp_path)
    assert not got.rejects
    fact, other = got.facts
    assert said(fact, "record_id", "source_id", "title", "artists", "artist_ids", "composers", "genres") == {
        "record_id": "2",
        "source_id": "2",
        "title": "Food",
        "artists": ["AWOL"],
        "artist_ids": ["7"],
        "composers": ["A. Writer"],
        "genres": ["Hip-Hop", "Rap"],
    }
    assert said(fact, "album", "release_id", "release_type", "date", "track_number", "duration_ms") == {
        "album": "AWOL - A Way Of Life",
        "release_id": "1",
        "release_type": "live",
        "date": "2009-01-05",
        "track_number": 3,
        "duration_ms": 168_000,
    }
    assert other["release_key"] == fact["release_key"]
    assert [said(listen, "title", "artist", "listens", "as_of") for listen in got.listens] == [
        {"title": "Food", "artist": "AWOL", "listens": 1293, "as_of": "2026-01-01"},
        {"title": "Electric Ave", "artist": "AWOL", "listens": 1293, "as_of": "2026-01-01"},
    ]
    raw = {(record["kind"], record["record_id"]): record["raw"] for record in got.records}
    assert raw["track", "2"] == row("2")  # with its licence, over two lines
    assert raw["genre", "76"] == "76,161,21,Rap,21\n"


def test_without_genres_the_ids_say_nothing(tmp_path: Path) -> None:
    got = read(row("2"), folder=tmp_path, genres=None)
    assert got.facts[0]["genres"] == []
    assert not got.rejects


def test_metadata_may_lie_in_its_own_folder(tmp_path: Path) -> None:
    put(tmp_path / "fma_metadata", row("2"))
    assert read_all(SOURCE, tmp_path).titles == ["Food"]


def test_whole_tracks_beside_are_joined_by_their_hash(tmp_path: Path) -> None:
    put(tmp_path / "fma_metadata", row("2"), row("1003"))
    for folder, name, content in (("fma_full", "000/000002", b"whole"), ("fma_small", "000/000002", b"part")):
        path = tmp_path / folder / f"{name}.mp3"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    facts = read_all(SOURCE, tmp_path).facts
    assert [said(fact, "source_id", "file_sha256") for fact in facts] == [
        {"source_id": "2", "file_sha256": hashlib.sha256(b"whole").hexdigest()},
        {"source_id": "1003", "file_sha256": None},
    ]
    assert SOURCE.audio(tmp_path) == [tmp_path / "fma_full", tmp_path / "fma_small"]


def test_an_excerpt_has_not_the_length_of_the_track(tmp_path: Path) -> None:
    path = tmp_path / "fma_large" / "001" / "001003.mp3"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"30 seconds")
    facts = read(row("1003"), folder=tmp_path).facts
    assert [said(fact, "source_id", "duration_ms", "file_sha256") for fact in facts] == [
        {"source_id": "1003", "duration_ms": 168_000, "file_sha256": None},
        {
            "source_id": "1003/excerpt",
            "duration_ms": None,
            "file_sha256": hashlib.sha256(b"30 seconds").hexdigest(),
        },
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("9,too,few\n", "has 3 fields, where the header has 16"),
        (b"9," + b"caf\xe9," * 15 + b"\n", "is not UTF-8 at its byte 6"),
        ('9,"a quote that nobody closes\n', "a quote is not closed"),
        (row(""), "has no id"),
        (row("9", track_title=" "), "has no title"),
        ("9,\r,\n", "cannot be taken apart"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_is_read(tmp_path: Path, bad: str | bytes, reason: str) -> None:
    got = read(row("2"), bad, row("3"), folder=tmp_path)
    (reject,) = got.rejects
    assert said(reject, "scope", "position", "file") == {
        "scope": "record",
        "position": 6,
        "file": "tracks.csv",
    }
    assert reason in reject["reason"]
    assert [fact["source_id"] for fact in got.facts] == ["2", "3"]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"track_duration": "-5"}, "track.duration", "is a negative length"),
        ({"track_duration": "99999999999"}, "duration_ms", "is no length of a recording"),
        ({"track_duration": "nan"}, "track.duration", "is no number of seconds"),
        ({"track_listens": "many"}, "track.listens", "is no whole number"),
        ({"track_listens": "-1"}, "track.listens", "is a negative count"),
        ({"track_number": "1.5"}, "track.number", "is no whole number"),
        ({"track_genres": "Pop"}, "track.genres", "is no list of ids"),
        ({"track_genres": "[9999]"}, "track.genres", "is no id in genres.csv"),
        ({"album_date_released": "20199-01-01"}, "album.date_released", "is no date"),
    ],
)
def test_a_bad_value_is_left_out_and_named(
    tmp_path: Path, change: dict[str, str], field: str, reason: str
) -> None:
    got = read(row("2", **change), folder=tmp_path)
    (reject,) = got.rejects
    assert said(reject, "scope", "field", "record_id") == {"scope": "value", "field": field, "record_id": "2"}
    assert reason in reject["reason"]
    assert got.titles == ["Food"]


def test_nul_is_a_character_like_any_other(tmp_path: Path) -> None:
    got = read(row("2", track_title="Fo\0od"), folder=tmp_path)
    assert got.titles == ["Fo od"]
    assert "Fo\0od" in got.records[-1]["raw"]


def test_genres_that_are_bad_are_named(tmp_path: Path) -> None:
    got = read(row("2"), folder=tmp_path, genres=GENRES + "1,2\n")
    assert [said(reject, "file", "position") for reject in got.rejects] == [
        {"file": "genres.csv", "position": 4}
    ]


def test_what_is_no_fma(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"holds no tracks\.csv"):
        SOURCE.files(tmp_path)
    tracks = tmp_path / "tracks.csv"
    tracks.write_text("")
    with pytest.raises(UsageError, match="is empty"):
        SOURCE.files(tmp_path)
    tracks.write_text("title,artist\nA,B\nC,D\n")
    with pytest.raises(UsageError, match="not the header of FMA's"):
        SOURCE.files(tmp_path)
    tracks.write_text(",track\n,title\ntrack_id,\n")
    with pytest.raises(UsageError, match=r"artist\.name are missing"):
        SOURCE.files(tmp_path)
    tracks.write_text("a,b\n", encoding="utf-16")
    with pytest.raises(UsageError, match="is not UTF-8"):
        SOURCE.files(tmp_path)
