from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.sources.cutting import LONGEST, BrokenFileError
from phonotheque.sources.internet_archive import SOURCE
from tests.sources.reading import read_all, said

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "internet-archive"

SOUND = b"the bytes of a recording"
META = {
    "identifier": "concert-1978",
    "title": "Live at the Mill",
    "creator": ["Ann Field", "The Millers"],
    "date": "1978-05-00",
    "licenseurl": "https://creativecommons.org/licenses/by/4.0/",
}
FIRST = {
    "name": "d1t01.flac",
    "source": "original",
    "format": "Flac",
    "title": "Opening",
    "creator": "Ann Field",
    "album": "Mill Tapes",
    "track": "01/12",
    "length": "245.3",
    "genre": "Folk",
    "md5": hashlib.md5(SOUND).hexdigest(),
    "sha1": hashlib.sha1(SOUND).hexdigest(),
}
SECOND = {"name": "d1t02.flac", "source": "original", "format": "Flac", "track": "A2", "length": "4:05"}
DERIVED = {"name": "d1t01.mp3", "source": "derivative", "original": "d1t01.flac", "format": "VBR MP3"}
OTHER_REGISTERS: dict[str, Any] = {
    "external-identifier": ["urn:upc:0074646938720", "urn:mb_release_id:nonsense"]
}
NOT_SOUND = {"name": "cover.jpg", "source": "original", "format": "JPEG"}


def put(folder: Path, *files: object, name: str = "concert-1978.json", **more: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"metadata": META | more, "files": list(files)}), encoding="utf-8")
    return path


def test_a_track_for_each_original_recording(tmp_path: Path) -> None:
    raw = put(tmp_path / "deep" / "down", FIRST, SECOND, DERIVED, NOT_SOUND).read_text()
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    one, two = read.facts
    assert said(one, "record_id", "source_id", "title", "artists", "album", "album_artists", "genres") == {
        "record_id": "concert-1978",
        "source_id": "concert-1978/d1t01.flac",
        "title": "Opening",
        "artists": ["Ann Field"],
        "album": "Mill Tapes",
        "album_artists": ["Ann Field", "The Millers"],
        "genres": ["Folk"],
    }
    assert said(one, "track_number", "track_total", "duration_ms", "date", "file_sha256") == {
        "track_number": 1,
        "track_total": 12,
        "duration_ms": 245_300,
        "date": "1978-05",
        "file_sha256": None,
    }
    assert said(two, "title", "artists", "album", "position", "track_number", "duration_ms") == {
        "title": "d1t02",
        "artists": ["Ann Field", "The Millers"],
        "album": "Live at the Mill",
        "position": "A2",
        "track_number": None,
        "duration_ms": 245_000,
    }
    (record,) = read.records
    assert said(record, "kind", "record_id", "raw") == {
        "kind": "item",
        "record_id": "concert-1978",
        "raw": raw,
    }


def test_one_recording_without_a_title_has_its_items(tmp_path: Path) -> None:
    put(tmp_path, {"name": "a.mp3", "source": "original"}, creator="Ann Field")
    (fact,) = read_all(SOURCE, tmp_path).facts
    assert said(fact, "title", "album", "artists") == {
        "title": "Live at the Mill",
        "album": None,
        "artists": ["Ann Field"],
    }


def test_without_originals_one_derivative_of_each_stands_for_it(tmp_path: Path) -> None:
    other = DERIVED | {"name": "d1t01.ogg", "format": "Ogg Vorbis"}
    put(tmp_path, DERIVED, other, DERIVED | {"name": "d1t02.mp3", "original": "d1t02.flac"})
    ids = [fact["source_id"] for fact in read_all(SOURCE, tmp_path).facts]
    assert ids == ["concert-1978/d1t01.mp3", "concert-1978/d1t02.mp3"]


def test_audio_beside_is_joined_by_its_hash(tmp_path: Path) -> None:
    put(tmp_path / "concert-1978", FIRST, DERIVED)
    (tmp_path / "concert-1978" / "d1t01.flac").write_bytes(SOUND)
    (tmp_path / "concert-1978" / "d1t01.mp3").write_bytes(b"smaller")
    facts = {fact["source_id"]: fact["file_sha256"] for fact in read_all(SOURCE, tmp_path).facts}
    assert facts == {
        "concert-1978/d1t01.flac": hashlib.sha256(SOUND).hexdigest(),
        "concert-1978/d1t01.mp3": hashlib.sha256(b"smaller").hexdigest(),
    }
    assert SOURCE.audio(tmp_path) == [tmp_path]


def test_audio_may_lie_in_the_items_folder_next_to_the_json(tmp_path: Path) -> None:
    put(tmp_path, FIRST)
    (tmp_path / "concert-1978").mkdir()
    (tmp_path / "concert-1978" / "d1t01.flac").write_bytes(SOUND)
    (fact,) = read_all(SOURCE, tmp_path).facts
    assert fact["file_sha256"] == hashlib.sha256(SOUND).hexdigest()


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_a_file_that_differs_from_its_checksum_is_named(tmp_path: Path, algorithm: str) -> None:
    put(tmp_path, FIRST | {algorithm: "0" * len(str(FIRST[algorithm]))}, SECOND)
    (tmp_path / "d1t01.flac").write_bytes(SOUND)
    read = read_all(SOURCE, tmp_path)
    (reject,) = read.rejects
    assert reject["scope"] == "value"
    assert "d1t01.flac differs from the checksum that the Internet Archive gives" in reject["reason"]
    assert [fact["file_sha256"] for fact in read.facts] == [None, None]


def test_a_malformed_checksum_is_noted(tmp_path: Path) -> None:
    put(tmp_path, FIRST | {"md5": "not hexadecimal"})
    (tmp_path / "d1t01.flac").write_bytes(SOUND)
    read = read_all(SOURCE, tmp_path)
    assert read.reasons == ["d1t01.flac: is no md5 checksum"]
    assert read.facts[0]["file_sha256"] == hashlib.sha256(SOUND).hexdigest()


def test_names_that_lead_out_of_the_item_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "secret.mp3"
    outside.write_bytes(b"not theirs")
    folder = tmp_path / "items"
    names = ["../secret.mp3", str(outside), "link.mp3", "nul\0.mp3", "pipe.mp3"]
    put(folder, *({"name": name, "source": "original"} for name in names))
    (folder / "link.mp3").symlink_to(outside)
    os.mkfifo(folder / "pipe.mp3")
    read = read_all(SOURCE, folder)
    assert [fact["file_sha256"] for fact in read.facts] == [None] * 5
    assert [reject["value"] for reject in read.rejects] == [
        "../secret.mp3",
        str(outside),
        "link.mp3",
        "nul�.mp3",
        "pipe.mp3",
    ]


def test_identifiers_of_other_registers(tmp_path: Path) -> None:
    mbid = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
    put(
        tmp_path,
        FIRST | {"external-identifier": [f"urn:mb_recording_id:{mbid}", "urn:acoustid:unknown"]},
        **OTHER_REGISTERS,
    )
    read = read_all(SOURCE, tmp_path)
    (fact,) = read.facts
    assert said(fact, "recording_mbid", "release_mbid", "barcode") == {
        "recording_mbid": mbid,
        "release_mbid": None,
        "barcode": "0074646938720",
    }
    assert [reject["field"] for reject in read.rejects] == ["release_mbid"]


def test_absurd_values_are_left_out_and_named(tmp_path: Path) -> None:
    put(tmp_path, FIRST | {"length": "-3"}, 7, {"source": "original"}, FIRST, identifier="../up")
    read = read_all(SOURCE, tmp_path)
    (fact,) = read.facts
    assert fact["duration_ms"] is None
    assert fact["record_id"] == "concert-1978"  # from the file's name
    assert read.reasons == [
        "entry 2 of the files has no name",
        "entry 3 of the files has no name",
        "entry 4 of the files has the name of another",
        "is no identifier of an item",
        "d1t01.flac: the length is a negative length",
    ]


XML_META = """<?xml version="1.0" encoding="UTF-8"?>
<metadata><identifier>concert-1978</identifier><title>Live at the Mill</title>
<creator>Ann Field</creator><creator>The Millers</creator><year>1978</year></metadata>
"""
XML_FILES = """<files>
<file name="d1t01.flac" source="original"><format>Flac</format><title>Opening</title><track>1</track></file>
<file name="concert-1978_files.xml" source="metadata"><format>Metadata</format></file>
</files>
"""


def put_xml(folder: Path, meta: str | bytes = XML_META, files: str | None = XML_FILES) -> None:
    path = folder / "concert-1978_meta.xml"
    path.write_bytes(meta if isinstance(meta, bytes) else meta.encode())
    if files is not None:
        path.with_name("concert-1978_files.xml").write_text(files)


def test_an_items_own_xml(tmp_path: Path) -> None:
    put_xml(tmp_path)
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    (fact,) = read.facts
    assert said(fact, "source_id", "title", "artists", "album", "date") == {
        "source_id": "concert-1978/d1t01.flac",
        "title": "Opening",
        "artists": ["Ann Field", "The Millers"],
        "album": "Live at the Mill",
        "date": "1978",
    }
    assert {row["kind"]: row["raw"] for row in read.records} == {"meta": XML_META, "files": XML_FILES}


def test_xml_beside_json_of_the_same_item_is_kept_and_gives_no_second_track(tmp_path: Path) -> None:
    put(tmp_path, FIRST)
    put_xml(tmp_path)
    read = read_all(SOURCE, tmp_path)
    assert len(read.facts) == 1
    assert [row["kind"] for row in read.records] == ["item", "meta", "files"]


def test_xml_stands_in_for_broken_json(tmp_path: Path) -> None:
    put_xml(tmp_path)
    (tmp_path / "concert-1978.json").write_text('{"metadata": {"identi')
    read = read_all(SOURCE, tmp_path)
    assert read.titles == ["Opening"]
    assert [said(row, "scope", "file") for row in read.rejects] == [
        {"scope": "file", "file": "concert-1978.json"}
    ]


def test_a_missing_list_of_files_is_noted(tmp_path: Path) -> None:
    put_xml(tmp_path, files=None)
    read = read_all(SOURCE, tmp_path)
    assert read.reasons == ["concert-1978_files.xml is missing: nobody knows this item's files"]
    assert [row["kind"] for row in read.records] == ["meta"]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE metadata [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + "]><metadata><identifier>x</identifier><title>&m;</title></metadata>"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<metadata><title>cut sho", "is not valid XML"),
        (b"<metadata><title>\0</title></metadata>", "is not valid XML"),
        (b"<metadata><title>\xff</title></metadata>", "is not valid XML"),
        (b"<metadata>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</metadata>", "is not valid XML"),
        (b"<other/>", "is no item's meta.xml"),
        (b"", "is not valid XML"),
        (BOMB.encode(), ""),
        (b'<!DOCTYPE m SYSTEM "file:///etc/passwd"><metadata/>', "has a document type definition"),
    ],
)
def test_xml_that_is_not_read(tmp_path: Path, text: bytes, reason: str) -> None:
    put_xml(tmp_path, text)
    put(tmp_path / "good", FIRST)
    read = read_all(SOURCE, tmp_path)
    (reject,) = read.rejects
    assert reject["scope"] == "file"
    assert reject["file"] == "concert-1978_meta.xml"
    assert reason in reject["reason"]
    assert read.titles == ["Opening"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"metadata": {', "is not valid JSON"),
        (b'{"metadata": "\xff"}', "is not valid JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"metadata": {"identifier": "a"}}', "is no answer of the metadata API"),
        (b"[]", "is no answer of the metadata API"),
        (b"{}", "is an empty answer"),
        (b'{"responseHeader": {}, "response": {"docs": [{"identifier": "a"}]}}', "an advanced search"),
        (b'{"items": [{"identifier": "a"}, {"identifier": "b"}]}', "the scraping API with 2 results"),
    ],
)
def test_json_that_is_no_item(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "bad.json").write_bytes(text)
    put(tmp_path, FIRST)
    read = read_all(SOURCE, tmp_path)
    (reject,) = read.rejects
    assert said(reject, "file", "scope") == {"file": "bad.json", "scope": "file"}
    assert reason in reject["reason"]
    assert read.titles == ["Opening"]


def test_a_file_too_large_for_an_item_is_named(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(LONGEST + 1)
    with pytest.raises(BrokenFileError, match=r"huge\.json is larger than 64 MiB"):
        list(SOURCE.pieces(tmp_path, path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone.json").symlink_to("nowhere")
    with pytest.raises(BrokenFileError, match=r"gone\.json cannot be read: No such file"):
        list(SOURCE.pieces(tmp_path, *SOURCE.files(tmp_path)))


def test_what_is_no_folder_of_items(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        SOURCE.files(tmp_path / "none")
    with pytest.raises(NotFoundError, match="holds no metadata"):
        SOURCE.files(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        SOURCE.files(put(tmp_path))
    assert SOURCE.audio(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path: Path) -> None:
    put(tmp_path, FIRST)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with pytest.raises(PhonothequeError, match="closed: the folder cannot be read"):
        SOURCE.files(tmp_path)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of the Internet Archive are not here")
def test_real_answers() -> None:
    read = read_all(SOURCE, SAMPLES)
    assert read.facts == []  # a collection: it has pictures
    assert [said(row, "kind", "record_id") for row in read.records] == [
        {"kind": "item", "record_id": "nasa"},
        {"kind": "meta", "record_id": "nasa"},
    ]
    assert read.records[0]["raw"].encode() == (SAMPLES / "nasa.json").read_bytes()
    assert read.records[1]["raw"].encode() == (SAMPLES / "nasa_meta.xml").read_bytes()
    assert [said(row, "file", "scope") for row in read.rejects] == [
        {"file": "advanced_search_response.json", "scope": "file"},
        {"file": "scrape_response.json", "scope": "file"},
    ]
    assert "with 50 results" in read.reasons[0]
