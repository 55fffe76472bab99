from __future__ import annotations

import gzip
import io
import json
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources import splices
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.musicbrainz import SOURCE
from phonotheque.sources.registry import Piece
from phonotheque.sources.xz_end import last_block
from tests.sources.reading import Read, read_all, said

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "musicbrainz"
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
}


def mbid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def credit(*named: tuple[str, str, int]) -> list[dict[str, Any]]:
    """Names, what joins them to the next, and the numbers of the artists' ids."""
    return [
        {
            "name": name,
            "joinphrase": joined,
            "artist": {
                "id": mbid(number),
                "name": f"Really {name}",
                "sort-name": name,
                "tags": [],
                "genres": [],
            },
        }
        for name, joined, number in named
    ]


def track(of: int, **changed: Any) -> dict[str, Any]:
    recording = {
        "id": mbid(200 + of),
        "title": f"Recorded {of}",
        "length": 1000 * of,
        "isrcs": [],
        "artist-credit": credit(("Rec", "", 9)),
        "tags": [],
        "genres": [],
        "relations": [],
    }
    made = {
        "id": mbid(100 + of),
        "title": f"Track {of}",
        "number": f"A{of}",
        "position": of,
        "length": 2000 * of,
        "artist-credit": credit(("Band", "", 1)),
    }
    return made | {"recording": recording | changed.pop("recording", {})} | changed


def release(*media: dict[str, Any], **changed: Any) -> dict[str, Any]:
    made = {
        "id": mbid(1),
        "title": "An Album",
        "artist-credit": credit(("Band", "", 1)),
        "date": "1999-03",
        "country": "XE",
        "barcode": "4547366518764",
        "label-info": [{"catalog-number": "AB 1", "label": {"id": mbid(5), "name": "A Label"}}],
        "release-group": {"id": mbid(2), "primary-type": "Album", "secondary-types": ["Live"], "tags": []},
        "media": list(media) or [{"position": 1, "track-count": 1, "tracks": [track(1)]}],
        "annotation": None,
        "tags": [],
        "genres": [],
    }
    return made | {name.replace("_", "-"): value for name, value in changed.items()}


def as_lines(*entities: Any) -> bytes:
    return b"\n".join(
        entity
        if isinstance(entity, bytes)
        else json.dumps(entity, ensure_ascii=False, separators=(",", ":")).encode()
        for entity in entities
    )


def tar(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def dump(entity: str, content: bytes, number: str = "1\n") -> bytes:
    """An archive whose members come in the order of the published ones."""
    return tar(
        ("TIMESTAMP", b"2026-11-01 00:10:02+00\n"),
        ("COPYING", b"CC0"),
        ("README", b"The file under mbdump/ contains one document (entity) per line."),
        ("REPLICATION_SEQUENCE", b"1\n"),
        ("SCHEMA_SEQUENCE", b"30\n"),
        (f"mbdump/{entity}", content),
        ("JSON_DUMPS_SCHEMA_NUMBER", number.encode()),
    )


def read(folder: Path, entity: str, *entities: Any) -> Read:
    (folder / f"{entity}.tar.xz").write_bytes(lzma.compress(dump(entity, as_lines(*entities)), preset=0))
    return read_all(SOURCE, folder)


def test_a_release_is_its_tracks(tmp_path: Path) -> None:
    media = [
        {
            "position": 1,
            "track-count": 1,
            "pregap": track(1, number="0", position=0),
            "tracks": [track(2, recording={"isrcs": ["USRC17607839", "GB-AYE-81-00053"]})],
        },
        {"position": 2, "track-count": 2, "tracks": [track(3)], "data-tracks": [track(4, length=None)]},
    ]
    found = read(tmp_path, "release", release(*media))
    assert found.rejects == []
    assert [
        said(row, "source_id", "position", "track_number", "disc_number", "track_total")
        for row in found.facts
    ] == [
        {"source_id": mbid(101), "position": "0", "track_number": 0, "disc_number": 1, "track_total": 1},
        {"source_id": mbid(102), "position": "A2", "track_number": 2, "disc_number": 1, "track_total": 1},
        {"source_id": mbid(103), "position": "A3", "track_number": 3, "disc_number": 2, "track_total": 2},
        {"source_id": mbid(104), "position": "A4", "track_number": 4, "disc_number": 2, "track_total": 2},
    ]
    assert [row["duration_ms"] for row in found.facts] == [2000, 4000, 6000, 4000]
    second = found.facts[1]
    assert {name: value for name, value in second.items() if value not in (None, [])} == {
        "source": "musicbrainz",
        "accession": "an accession",
        "record_id": mbid(1),
        "source_id": mbid(102),
        "track_mbid": mbid(102),
        "recording_mbid": mbid(202),
        "title": "Track 2",
        "artists": ["Band"],
        "credit": "Band",
        "artist_mbids": [mbid(1)],
        "album": "An Album",
        "album_artists": ["Band"],
        "album_credit": "Band",
        "release_mbid": mbid(1),
        "release_group_mbid": mbid(2),
        "release_type": "live",
        "country": "XE",
        "date": "1999-03",
        "barcode": "4547366518764",
        "label": "A Label",
        "catalogue_number": "AB 1",
        "track_number": 2,
        "track_total": 1,
        "disc_number": 1,
        "position": "A2",
        "duration_ms": 4000,
        "isrcs": ["GBAYE8100053", "USRC17607839"],
        "title_key": "track 2",
        "people": ["band"],
        "artist_keys": ["band"],
        "artist_ids": [None],
        "release_key": f"mbid:{mbid(1)}",
    }


def test_credits_are_as_printed_with_what_joins_them(tmp_path: Path) -> None:
    own = credit(("Björk", " feat. ", 3), ("The Others", "", 4))
    bare = {"id": mbid(7), "title": "Only recorded"}
    tracks = [
        track(1, **{"artist-credit": own}),
        track(2, **{"artist-credit": None}),
        track(3, **{"artist-credit": [], "title": None, "recording": {"artist-credit": None}}),
        track(4) | {"artist-credit": None, "recording": bare},
        track(
            5, **{"artist-credit": [{"name": None, "artist": {"id": mbid(8), "name": "Named"}}, {"name": ""}]}
        ),
    ]
    found = read(tmp_path, "release", release({"position": 1, "tracks": tracks}))
    assert [(row["title"], row["credit"], row["artists"], row["artist_mbids"]) for row in found.facts] == [
        ("Track 1", "Björk feat. The Others", ["Björk", "The Others"], [mbid(3), mbid(4)]),
        ("Track 2", "Rec", ["Rec"], [mbid(9)]),
        ("Recorded 3", "Band", ["Band"], [mbid(1)]),
        ("Track 4", "Band", ["Band"], [mbid(1)]),
        ("Track 5", "Named", ["Named"], [mbid(8)]),
    ]
    assert found.facts[0]["people"] == ["bjork", "others"]


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    empty = release(
        barcode="",
        date="",
        country=None,
        release_group=None,
        artist_credit=None,
        label_info=[{"catalog-number": "[none]", "label": {"name": "[no label]"}}],
    )
    found = read(
        tmp_path, "release", empty, {"id": mbid(3), "media": None}, release(id=mbid(4), label_info=[])
    )
    assert found.rejects == []
    assert len(found.facts) == 2
    names = ("barcode", "date", "country", "release_type", "release_group_mbid", "label", "catalogue_number")
    assert said(found.facts[0], *names) == dict.fromkeys(names)
    assert [row["record_id"] for row in found.records] == [mbid(1), mbid(3), mbid(4)]


def test_a_recording_without_a_release_is_a_row(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "recording",
        {
            "id": mbid(1),
            "title": "Alone",
            "length": 238000,
            "artist-credit": credit(("Band", "", 1)),
            "isrcs": ["USRC17607839"],
            "first-release-date": "2014-06-20",
            "video": True,
            "rating": {"value": 4, "votes-count": 3},
        },
    )
    names = (
        "source_id",
        "record_id",
        "recording_mbid",
        "title",
        "credit",
        "isrcs",
        "duration_ms",
        "date",
        "album",
    )
    assert said(found.facts[0], *names) == {
        "source_id": mbid(1),
        "record_id": mbid(1),
        "recording_mbid": mbid(1),
        "title": "Alone",
        "credit": "Band",
        "isrcs": ["USRC17607839"],
        "duration_ms": 238000,
        "date": "2014-06-20",
        "album": None,
    }


def test_artists_labels_works_and_release_groups_are_things(tmp_path: Path) -> None:
    things: dict[str, dict[str, Any]] = {
        "artist": {
            "name": "Björk",
            "sort-name": "Björk",
            "type": "Person",
            "country": "IS",
            "life-span": {"begin": "1965-11-21", "end": None, "ended": False},
            "aliases": [{"name": "Bjork"}, {"name": "Bjork"}, {"name": None}, {"name": "Björk"}],
            "isnis": ["0000000121032683"],
            "ipis": ["00600664284", "600664284"],
        },
        "label": {
            "name": "A Label",
            "sort-name": "Label, A",
            "label-code": 540,
            "life-span": {"begin": None},
        },
        "work": {"title": "A Work", "type": "Song", "iswcs": ["T-034.524.680-1"]},
        "release-group": {"title": "A Group", "primary-type": "Album", "first-release-date": "1973-03-24"},
    }
    for entity, thing in things.items():
        found = read(tmp_path, entity, thing | {"id": mbid(1), "tags": [{"name": "pop", "count": 1}]})
    assert found.rejects == []
    names = ("kind", "name", "sort_name", "aliases", "identifiers", "type", "country", "date")
    assert [said(row, *names) for row in found.things] == [
        {
            "kind": "artist",
            "name": "Björk",
            "sort_name": "Björk",
            "aliases": ["Bjork"],
            "identifiers": ["isni:0000000121032683", "ipi:00600664284"],
            "type": "Person",
            "country": "IS",
            "date": "1965-11-21",
        },
        {
            "kind": "label",
            "name": "A Label",
            "sort_name": "Label, A",
            "aliases": [],
            "identifiers": ["lc:540"],
            "type": None,
            "country": None,
            "date": None,
        },
        {
            "kind": "work",
            "name": "A Work",
            "sort_name": None,
            "aliases": [],
            "identifiers": ["iswc:T-034.524.680-1"],
            "type": "Song",
            "country": None,
            "date": None,
        },
        {
            "kind": "release_group",
            "name": "A Group",
            "sort_name": None,
            "aliases": [],
            "identifiers": [],
            "type": "Album",
            "country": None,
            "date": "1973-03-24",
        },
    ]
    assert {row["mbid"] for row in found.things} == {mbid(1)}


def test_other_entities_are_kept_as_records(tmp_path: Path) -> None:
    place = {"id": mbid(1), "name": "A Hall", "coordinates": {"latitude": 1.5}, "tags": [{"name": "hall"}]}
    found = read(tmp_path, "place", place)
    assert [said(row, "kind", "record_id") for row in found.records] == [
        {"kind": "place", "record_id": mbid(1)}
    ]
    assert found.things == found.facts == []
    where = found.records[0]["raw"].index("null")
    assert found.nonfree[0]["splices"] == f'[[{where},"[{{\\"name\\":\\"hall\\"}}]"]]'


def test_what_is_not_cc0_lies_apart_and_makes_records_whole_again(tmp_path: Path) -> None:
    tags = [{"name": 'prog, \\"rock\\" 日本', "count": 2}]
    tagged = release(
        tags=tags,
        genres=tags,
        annotation='Says "tags": [1] — naïvely',
        title='"tags":["in a title"]',
        release_group={"id": mbid(2), "tags": tags, "user-genres": [], "user-tags": tags},
    )
    lines = [
        json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in (release(id=mbid(9)), tagged)
    ]
    found = read(tmp_path, "release", *(line.encode() for line in lines))
    assert found.records[0]["raw"] == lines[0]
    kept = found.records[1]["raw"]
    assert "prog" not in kept
    assert "naïvely" not in kept
    assert found.facts[1]["album"] == '"tags":["in a title"]'
    assert [said(row, "kind", "record_id", "licence") for row in found.nonfree] == [
        {"kind": "release", "record_id": mbid(1), "licence": "CC-BY-NC-SA-3.0"}
    ]
    assert splices.join(kept, splices.load(found.nonfree[0]["splices"])) == lines[1]
    assert "prog" not in repr([found.facts, found.things])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not json", "is no valid JSON"),
        (as_lines(release())[:-30], "is no valid JSON"),
        (b'{"id":"' + mbid(8).encode() + b'","x":"\0"}', "is no valid JSON"),
        (b'{"id":"' + mbid(8).encode() + b'","x":"\xff"}', "is no valid UTF-8, at byte 51"),
        (b'{"id":"' + mbid(8).encode() + b'","title":"\xc3\x28"}', "is no valid UTF-8"),
        (b'{"id":"' + mbid(8).encode() + b'","tags":[{"name":"\xff"}]}', "is no valid UTF-8"),
        (b'{"id":"' + mbid(8).encode() + b'","tags":["a"],"x":"\xff"}', "is no valid UTF-8"),
        (b'{"id":"' + mbid(8).encode() + b'","x":' + b"[" * 100_000 + b"}", "is nested too deeply"),
        (b'{"id":"' + mbid(8).encode() + b'","title":"\\ud800"}', "is no valid JSON"),
        ([mbid(8)], "does not say what was expected"),
        (release(id=None), "has no MBID"),
        (release(id="1"), "has no MBID"),
        ({"title": "x"}, "has no MBID"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_and_the_rest_read(tmp_path: Path, bad: Any, reason: str) -> None:
    found = read(tmp_path, "release", release(), bad, b"", release(id=mbid(3), tags=["é"]), b" ")
    assert [row["record_id"] for row in found.records] == [mbid(1), mbid(3)]
    assert [row["record_id"] for row in found.facts] == [mbid(1), mbid(3)]
    assert [said(row, "file", "position", "scope") for row in found.rejects] == [
        {"file": "release.tar.xz", "position": 2, "scope": "record"}
    ]
    assert reason in found.reasons[0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"media": {"position": 1}}, "does not say what was expected: Expected `array | null`"),
        ({"media": [{"tracks": [track(1, length="long")]}]}, "Expected `int | null`, got `str`"),
        ({"title": ["x"]}, "Expected `str | null`, got `array`"),
    ],
)
def test_a_record_of_another_form_is_named_and_kept(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    other = release(id=mbid(2), tags=["pop"]) | changed
    found = read(tmp_path, "release", release(), other, release(id=mbid(3)))
    assert [row["record_id"] for row in found.records] == [mbid(1), mbid(2), mbid(3)]
    assert json.loads(found.records[1]["raw"]) == other | {"tags": None}
    assert [row["record_id"] for row in found.nonfree] == [mbid(2)]
    assert [row["record_id"] for row in found.facts] == [mbid(1), mbid(3)]
    assert [said(row, "position", "scope", "record_id") for row in found.rejects] == [
        {"position": 2, "scope": "record", "record_id": mbid(2)}
    ]
    assert reason in found.reasons[0]


def test_an_absurd_value_is_named_and_left_out(tmp_path: Path) -> None:
    tracks = [
        track(1, length=-5, recording={"isrcs": ["USRC1760783O", "USRC17607839", ""]}),
        track(2, position=-1, length=10**30, recording={"id": "no id"}),
        track(3, id=None),
        track(4) | {"artist-credit": None, "recording": {"id": mbid(204), "artist-credit": "nobody"}},
    ]
    found = read(
        tmp_path,
        "release",
        release({"position": 1, "tracks": tracks}, date="20199", country="Atlantis", barcode="4547366518765"),
    )
    assert [row["source_id"] for row in found.facts] == [mbid(101), mbid(102), mbid(104)]
    assert [said(row, "duration_ms", "isrcs", "recording_mbid", "track_number", "date", "country", "barcode")
            for row in found.facts[:2]] == [
        {"duration_ms": None, "isrcs": ["USRC17607839"], "recording_mbid": mbid(201), "track_number": 1}
        | dict.fromkeys(("date", "country", "barcode")),
        {"duration_ms": None, "isrcs": [], "recording_mbid": None, "track_number": None}
        | dict.fromkeys(("date", "country", "barcode")),
    ]  # fmt: skip
    assert {(row["scope"], row["record_id"], row["position"]) for row in found.rejects} == {
        ("value", mbid(1), 1)
    }
    assert sorted((row["field"], row["value"]) for row in found.rejects if row["value"]) == [
        ("country", "Atlantis"),
        ("date", "20199"),
        ("duration_ms", "-5"),
        ("duration_ms", str(10**30)),
        ("isrc", "USRC1760783O"),
        ("recording_mbid", "no id"),
        ("track_number", "-1"),
    ]
    assert sorted(row["field"] for row in found.rejects if not row["value"]) == [
        "artist-credit",
        "track on medium 1",
    ]


def test_identifiers_that_are_none_are_named(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "artist",
        {"id": mbid(1), "name": "\u0000", "isnis": ["0000000121032684"], "ipis": ["x"], "country": "QQ"},
    )
    assert [said(row, "name", "identifiers", "country") for row in found.things] == [
        {"name": None, "identifiers": [], "country": None}
    ]
    assert [row["field"] for row in found.rejects] == ["name", "isni", "ipi", "country"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_archives_are_read_however_they_are_packed(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"release.tar{packing}"
    path.write_bytes(PACKINGS[packing](dump("release", as_lines(release()))))
    assert read_all(SOURCE, tmp_path).titles == ["Track 1"]
    assert read_all(SOURCE, path).titles == ["Track 1"]


@pytest.mark.parametrize(
    "name", ["mbdump/release", "release", "release.jsonl", "release.jsonl.gz", "release/mbdump/release"]
)
def test_unpacked_dumps_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    content = as_lines(release(), release(id=mbid(2)))
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    root = path.parent.parent if path.parent.name == "mbdump" else path.parent
    (root / "JSON_DUMPS_SCHEMA_NUMBER").write_text("1\n")
    assert read_all(SOURCE, tmp_path).titles == ["Track 1", "Track 1"]


def test_entities_come_in_order_each_once(tmp_path: Path) -> None:
    for name in ("series", "release", "recording", "release-group", "work", "label", "artist", "area"):
        (tmp_path / f"{name}.tar.xz").write_bytes(b"")
    (tmp_path / "mbdump").mkdir()
    for name in ("artist", "place"):
        (tmp_path / "mbdump" / name).write_bytes(b"")
    (tmp_path / "SHA256SUMS").write_bytes(b"")
    assert [str(path.relative_to(tmp_path)) for path in SOURCE.files(tmp_path)] == [
        *("artist.tar.xz", "label.tar.xz", "work.tar.xz", "release-group.tar.xz", "recording.tar.xz"),
        *("release.tar.xz", "area.tar.xz", "mbdump/place", "series.tar.xz"),
    ]
    assert SOURCE.audio(tmp_path) == []


def test_what_is_no_dump_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        SOURCE.files(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no JSON dumps"):
        SOURCE.files(tmp_path)
    (other := tmp_path / "songs.tar.xz").write_bytes(b"")
    with pytest.raises(UsageError, match="not the name"):
        SOURCE.files(other)
    (path := tmp_path / "release.tar").write_bytes(
        tar(("JSON_DUMPS_SCHEMA_NUMBER", b"1"), ("release", b"{}"))
    )
    with pytest.raises(BrokenFileError, match="holds no file in mbdump/"):
        list(SOURCE.pieces(tmp_path, path))


@pytest.mark.parametrize("packing", PACKINGS)
def test_another_format_is_refused_before_anything_is_read(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"release.tar{packing}"
    path.write_bytes(PACKINGS[packing](dump("release", as_lines(release()), number="2\n")))
    with pytest.raises(BrokenFileError, match=r"is '2'; this program reads number 1\. Nothing of it"):
        next(SOURCE.pieces(tmp_path, path))
    (loose := tmp_path / "artist.jsonl").write_bytes(as_lines({"id": mbid(1)}))
    with pytest.raises(BrokenFileError, match="no JSON_DUMPS_SCHEMA_NUMBER"):
        next(SOURCE.pieces(tmp_path, loose))
    (tmp_path / "JSON_DUMPS_SCHEMA_NUMBER").write_text("3")
    with pytest.raises(BrokenFileError, match="is '3'"):
        next(SOURCE.pieces(tmp_path, loose))


@pytest.mark.parametrize("packing", PACKINGS)
def test_of_a_truncated_archive_what_came_before_is_read(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"release.tar{packing}"
    made = [release({"position": 1, "tracks": [track(n)]}, id=mbid(n)) for n in range(1, 6000)]
    whole = PACKINGS[packing](dump("release", as_lines(*made)))
    path.write_bytes(whole[: len(whole) * 3 // 4])
    pieces: list[Piece] = []
    cutting = SOURCE.pieces(tmp_path, path)
    with pytest.raises(BrokenFileError, match="truncated or damaged"):
        pieces.extend(cutting)
    gather = Gather("musicbrainz", "an accession", path.name)
    for piece in pieces:
        SOURCE.read(piece, gather)
    tables = gather.tables()
    assert tables["rejects"].num_rows == 0
    assert 1000 < tables["records"].num_rows < 5999
    assert tables["facts"]["record_id"].to_pylist() == tables["records"]["record_id"].to_pylist()


@pytest.mark.parametrize("size", [8, 600, 3000])
def test_pieces_are_whole_lines_and_name_their_places(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.sources.cutting._READ", 100)
    monkeypatch.setattr("phonotheque.sources.cutting._cut.__defaults__", None)
    lines = [as_lines(release(id=mbid(n), tags=["x"] * (n % 3))) for n in range(1, 8)]
    lines[4] = b"{"
    content = b"\n".join(lines)
    gather = Gather("musicbrainz", "an accession", "release")
    start, first = 0, 1
    while start < len(content):
        end = content.find(b"\n", start + size)
        run = content[start:] if end < 0 else content[start : end + 1]
        SOURCE.read(Piece(tmp_path, 0, "release", first, run), gather)
        start, first = start + len(run), first + run.count(b"\n")
    tables = gather.tables()
    assert tables["records"]["record_id"].to_pylist() == [mbid(n) for n in (1, 2, 3, 4, 6, 7)]
    assert tables["rejects"]["position"].to_pylist() == [5]
    assert tables["nonfree"]["record_id"].to_pylist() == [mbid(n) for n in (1, 2, 4, 7)]


def test_a_header_as_large_as_the_memory_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (path := tmp_path / "release.tar").write_bytes(member.tobuf() + bytes(10_000))
    with pytest.raises(BrokenFileError, match="truncated or damaged"):
        list(SOURCE.pieces(tmp_path, path))


def test_the_end_of_a_large_archive_is_read_alone(tmp_path: Path) -> None:
    xz = shutil.which("xz")
    if xz is None:
        pytest.skip("xz is not installed")
    archive = dump("release", as_lines(*(release(id=mbid(n)) for n in range(1, 300))), number="2")
    many = subprocess.run(
        [xz, "-0", "--block-size=100KiB", "--stdout"], input=archive, stdout=subprocess.PIPE, check=True
    ).stdout
    path = tmp_path / "release.tar.xz"
    path.write_bytes(many)
    end = last_block(path)
    assert end is not None
    assert 0 < len(end) < len(archive) // 2
    assert archive.endswith(end)
    with pytest.raises(BrokenFileError, match="is '2'"):
        next(SOURCE.pieces(tmp_path, path))
    for broken in (many + many, many[:-4], many[:-12], many[:11], b"", many[:-30] + b"x" * 18 + many[-12:]):
        path.write_bytes(broken)
        assert last_block(path) is None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of MusicBrainz are not here")
def test_real_records_are_read(tmp_path: Path) -> None:
    def sample(name: str) -> Any:
        return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))

    releases = [sample(f"release{name}") for name in ("", "_multidisc", "_5medias", "_djmix", "_null")]
    for entity, entities in {
        "release": releases,
        "recording": [sample("recording"), sample("recording_credits")],
        "artist": [sample("artist"), sample("artist_arabic")],
        "release-group": [sample("release_group")],
    }.items():
        content = as_lines(*entities)
        (tmp_path / f"{entity}.tar.xz").write_bytes(lzma.compress(dump(entity, content), preset=0))
    found = read_all(SOURCE, tmp_path)
    assert [(row["file"], row["position"], row["reason"]) for row in found.rejects] == [
        ("release.tar.xz", 5, "has no MBID")
    ]
    by_album: dict[str | None, list[dict[str, Any]]] = {}
    for row in found.facts:
        by_album.setdefault(row["album"], []).append(row)
    moon = by_album["The Dark Side of the Moon"]
    assert [row["position"] for row in moon] == [f"{side}{n}" for side in "AB" for n in range(1, 6)]
    first = ("title", "credit", "date", "country", "label", "catalogue_number", "release_type", "duration_ms")
    assert said(moon[0], *first) == {
        "title": "Speak to Me",
        "credit": "Pink Floyd",
        "date": "1973-03-24",
        "country": "GB",
        "label": "Harvest",
        "catalogue_number": "SHVL 804",
        "release_type": "album",
        "duration_ms": 68346,
    }
    alone = {row["title"]: row for row in by_album[None]}
    assert alone["Thinking Out Loud"]["isrcs"] == ["GBAHS1400099"]
    assert [row["disc_number"] for row in found.facts if row["title"].startswith("ケアレス")] == [
        1,
        1,
        2,
        2,
        2,
    ]
    assert "ed sheeran" in [row["name"].casefold() for row in found.things]
    originals = {entity["id"]: entity for entity in releases}
    cut = {
        row["record_id"]: splices.load(row["splices"]) for row in found.nonfree if row["kind"] == "release"
    }
    for row in found.records:
        if row["kind"] == "release":
            assert (
                json.loads(splices.join(row["raw"], cut.get(row["record_id"], [])))
                == originals[row["record_id"]]
            )
    assert list(cut) == ["b84ee12a-09ef-421b-82de-0441a926375b"]
