from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.ddex import SOURCE
from tests.sources.ern_messages import (
    ERN_38,
    MD5,
    RELEASE,
    SOUND,
    album,
    file,
    items,
    put,
    recording,
)
from tests.sources.reading import read_all, said

SHA256 = hashlib.sha256(SOUND).hexdigest()


def test_a_delivery_of_ern_3_8(tmp_path: Path) -> None:
    put(tmp_path / "2026" / "delivery", ERN_38, sound="resources/01.flac")
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    one, two = read.facts
    assert said(one, "title", "artists", "composers", "isrcs", "duration_ms", "label", "genres") == {
        "title": "Opening (Take 2)",
        "artists": ["Ann Field", "Guest"],
        "composers": ["A. Writer"],
        "isrcs": ["GBAYE6800011"],
        "duration_ms": 245_500,
        "label": "Mill Tapes",
        "genres": ["Folk"],
    }
    assert said(one, "album", "album_artists", "album_credit", "release_id", "release_type") == {
        "album": "Mill Tapes, Volume One",
        "album_artists": ["Ann Field"],
        "album_credit": "Ann Field and friends",
        "release_id": "icpn:074646938720",
        "release_type": "album",
    }
    assert said(one, "barcode", "catalogue_number", "disc_number", "track_number", "date") == {
        "barcode": "074646938720",
        "catalogue_number": "MILL 1",
        "disc_number": 1,
        "track_number": 1,
        "date": "1978-05-01",
    }
    assert one["file_sha256"] == SHA256
    assert said(two, "title", "disc_number", "track_number", "genres", "label", "file_sha256") == {
        "title": "Closing",
        "disc_number": 2,
        "track_number": 5,
        "genres": ["Ambient"],
        "label": "Mill Records",
        "file_sha256": None,
    }
    assert SOURCE.audio(tmp_path) == [tmp_path]


def test_the_message_is_kept_as_it_came(tmp_path: Path) -> None:
    path = put(tmp_path, ERN_38)
    read = read_all(SOURCE, tmp_path)
    (record,) = read.records
    assert record["raw"].encode() == path.read_bytes()
    assert record["kind"] == "message"
    assert record["record_id"].startswith("M-38@")
    assert {fact["record_id"] for fact in read.facts} == {record["record_id"]}
    assert len({fact["source_id"] for fact in read.facts}) == 2


def test_messages_with_the_same_id_or_none_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, album(recording()), name="a.xml")
    put(tmp_path, album(recording(duration="PT1M")), name="b.xml")
    put(tmp_path, album(recording()).replace("M-43", ""), name="c.xml")
    read = read_all(SOURCE, tmp_path)
    assert len({row["record_id"] for row in read.records}) == 3
    assert len({row["source_id"] for row in read.facts}) == 3


def test_what_ern_4_says(tmp_path: Path) -> None:
    put(tmp_path, album(recording()))
    (fact,) = read_all(SOURCE, tmp_path).facts
    assert said(fact, "title", "artists", "composers", "album", "album_artists", "label", "date") == {
        "title": "Opening",
        "artists": ["Ann Field"],
        "composers": ["A. Writer"],
        "album": "Mill (Live)",
        "album_artists": ["Ann Field"],
        "label": "Mill Tapes",
        "date": "1978",
    }
    assert said(fact, "release_id", "barcode", "duration_ms", "track_number", "disc_number") == {
        "release_id": "A10302B0003989564F",
        "barcode": None,
        "duration_ms": 245_000,
        "track_number": 1,
        "disc_number": None,
    }


def places(tmp_path: Path, group: str, recordings: int = 4) -> list[tuple[int | None, int | None, str]]:
    made = [
        recording(f"A{number}", title=f"<DisplayTitleText>{number}</DisplayTitleText>")
        for number in range(1, recordings + 1)
    ]
    video = "<Video><ResourceReference>V1</ResourceReference></Video>"
    image = "<Image><ResourceReference>I1</ResourceReference></Image>"
    put(tmp_path, album(*made, video, image, group=group))
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    return [(fact["disc_number"], fact["track_number"], fact["title"]) for fact in read.facts]


def numbered(number: int, reference: str) -> str:
    return items(reference).replace(
        "<ReleaseResource", f"<SequenceNumber>{number}</SequenceNumber><ReleaseResource", 1
    )


def test_numbers_of_items_are_used_and_sort_them(tmp_path: Path) -> None:
    group = numbered(7, "A1") + numbered(3, "A2") + numbered(4, "V1") + numbered(9, "A3") + numbered(1, "A4")
    assert places(tmp_path, group) == [(None, 1, "4"), (None, 3, "2"), (None, 7, "1"), (None, 9, "3")]


def test_without_numbers_the_order_counts_and_videos_take_a_place(tmp_path: Path) -> None:
    assert places(tmp_path, items("A1", "I1", "V1", "A2", "A3", "A4")) == [
        (None, 1, "1"),
        (None, 3, "2"),
        (None, 4, "3"),
        (None, 5, "4"),
    ]


def test_groups_are_discs_and_works_are_not(tmp_path: Path) -> None:
    def group(number: int, content: str, kind: str = "") -> str:
        return f"<ResourceGroup {kind}><SequenceNumber>{number}</SequenceNumber>{content}</ResourceGroup>"

    work = 'ResourceGroupType="MultiWorkPart"'
    second = group(1, numbered(1, "A1"), work) + group(2, numbered(1, "A2") + numbered(2, "A3"), work)
    assert places(tmp_path, group(2, second) + group(1, numbered(1, "A4"))) == [
        (1, 1, "4"),
        (2, 1, "1"),
        (2, 2, "2"),
        (2, 3, "3"),
    ]


def test_a_recording_on_no_release_is_a_track_all_the_same(tmp_path: Path) -> None:
    alone = """<TrackRelease><ReleaseReference>R1</ReleaseReference>
      <ReleaseResourceReference>A1</ReleaseResourceReference>
      <ReleaseLabelReference>P2</ReleaseLabelReference><Genre><GenreText>Folk</GenreText></Genre>
     </TrackRelease>"""
    part = recording("A2", attributes='IsSupplemental="true"')
    put(tmp_path, album(recording(), part, releases=alone))
    (fact,) = read_all(SOURCE, tmp_path).facts
    assert said(fact, "title", "album", "label", "genres") == {
        "title": "Opening",
        "album": None,
        "label": "Mill Tapes",
        "genres": ["Folk"],
    }


def test_each_edition_and_each_file_is_a_track_of_its_own(tmp_path: Path) -> None:
    spatial = f"""<SoundRecordingEdition><ResourceId><ISRC>GBAYE6800099</ISRC></ResourceId>
     <TechnicalDetails><DeliveryFile>{file("b.wav")}</DeliveryFile></TechnicalDetails></SoundRecordingEdition>"""
    both = file("a.wav") + file("a.flac")
    put(tmp_path, album(recording(files=both, more=spatial)), sound="a.wav")
    (tmp_path / "a.flac").write_bytes(b"smaller")
    (tmp_path / "b.wav").write_bytes(b"spatial")
    facts = read_all(SOURCE, tmp_path).facts
    assert [said(fact, "isrcs", "file_sha256") for fact in facts] == [
        {"isrcs": ["GBAYE6800011"], "file_sha256": SHA256},
        {"isrcs": ["GBAYE6800011"], "file_sha256": hashlib.sha256(b"smaller").hexdigest()},
        {"isrcs": ["GBAYE6800099"], "file_sha256": hashlib.sha256(b"spatial").hexdigest()},
    ]
    assert len({fact["source_id"] for fact in facts}) == 3


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("MD5", MD5),
        ("SHA-1", hashlib.sha1(SOUND).hexdigest()),
        ("SHA1", hashlib.sha1(SOUND).hexdigest().upper()),
        ("SHA-256", SHA256),
        ("SHA-512", hashlib.sha512(SOUND).hexdigest()),
    ],
)
def test_checksums_are_compared(tmp_path: Path, algorithm: str, value: str) -> None:
    put(tmp_path, album(recording(files=file("a.wav", algorithm, value))), sound="a.wav")
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    assert read.facts[0]["file_sha256"] == SHA256
    wrong = "0" * len(value)
    put(tmp_path, album(recording(files=file("a.wav", algorithm, wrong))))
    read = read_all(SOURCE, tmp_path)
    assert "a.wav differs from the checksum that the message gives" in read.reasons[0]
    assert read.facts[0]["file_sha256"] is None


@pytest.mark.parametrize(
    ("algorithm", "value", "reason"),
    [("MD5", MD5 + "0", "is no MD5 checksum"), ("CRC-32", "0a1b2c3d", "checksums by CRC-32 are not known")],
)
def test_a_checksum_that_cannot_be_compared_is_noted(
    tmp_path: Path, algorithm: str, value: str, reason: str
) -> None:
    put(tmp_path, album(recording(files=file("a.wav", algorithm, value))), sound="a.wav")
    read = read_all(SOURCE, tmp_path)
    assert reason in read.reasons[0]
    assert read.facts[0]["file_sha256"] == SHA256


@pytest.mark.parametrize("uri", ["file:a%20b.wav", "./a%20b.wav", "a b.wav", "../x/a b.wav"])
def test_ways_to_name_a_file(tmp_path: Path, uri: str) -> None:
    put(tmp_path / "x", album(recording(files=file(uri))), sound="a b.wav")
    read = read_all(SOURCE, tmp_path)
    assert not read.rejects
    assert read.facts[0]["file_sha256"] == SHA256


@pytest.mark.parametrize(
    "uri",
    ["../../secret.wav", "../secret.wav", "file:///etc/hostname", "link.wav", "%2e%2e/%2e%2e/secret.wav"],
)
def test_files_outside_the_delivery_are_refused(tmp_path: Path, uri: str) -> None:
    (tmp_path / "secret.wav").write_bytes(b"not theirs")
    given = tmp_path / "given"
    put(given, album(recording(files=file(uri))))
    (given / "link.wav").symlink_to(tmp_path / "secret.wav")
    read = read_all(SOURCE, given)
    assert read.facts[0]["file_sha256"] is None
    assert [reject["field"] for reject in read.rejects] == ["file"]


@pytest.mark.parametrize("uri", ["https://example.org/a.wav", "a" * 5000, "ftp:a.wav"])
def test_files_that_cannot_be_here(tmp_path: Path, uri: str) -> None:
    put(tmp_path, album(recording(files=file(uri))))
    assert read_all(SOURCE, tmp_path).facts[0]["file_sha256"] is None


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    put(tmp_path, album(recording(files=file("pipe.wav"))))
    os.mkfifo(tmp_path / "pipe.wav")
    assert read_all(SOURCE, tmp_path).reasons == ["the file is not a regular file"]


def test_a_file_missing_from_a_delivery_is_named(tmp_path: Path) -> None:
    message = album(
        recording(files=file("a.wav")), recording("A2", files=file("b.wav")), group=items("A1", "A2")
    )
    put(tmp_path, message)
    assert not read_all(SOURCE, tmp_path).rejects  # nothing was delivered but facts
    put(tmp_path, message, sound="a.wav")
    (reject,) = read_all(SOURCE, tmp_path).rejects
    assert said(reject, "scope", "value") == {"scope": "value", "value": "b.wav"}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (album(recording(isrc="GBAYE68OOO11")), "isrc"),
        (album(recording(duration="-PT4M")), "Duration"),
        (album(recording(duration="PT9999H")), "duration_ms"),
        (album(recording(), group=items("A1", "A9")), "ReleaseResourceReference"),
        (album(recording()).replace("<Year>1978", "<Year>20199"), "ReleaseDate"),
        (album(recording()).replace("<GRid>", "<ICPN>1</ICPN><GRid>"), "ICPN"),
    ],
)
def test_a_bad_value_is_left_out_and_named(tmp_path: Path, message: str, field: str) -> None:
    put(tmp_path, message)
    read = read_all(SOURCE, tmp_path)
    (reject,) = read.rejects
    assert said(reject, "scope", "field", "record_id") == {
        "scope": "value",
        "field": field,
        "record_id": read.records[0]["record_id"],
    }
    assert read.titles == ["Opening"]


def test_a_recording_without_any_name_is_named(tmp_path: Path) -> None:
    put(tmp_path, album(recording(title="", isrc=""), recording("A2"), group=items("A1", "A2")))
    read = read_all(SOURCE, tmp_path)
    assert read.reasons == ["recording A1 has neither title nor ISRC"]
    assert read.titles == ["Opening"]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + ']><NewReleaseMessage x="&m;">&m;</NewReleaseMessage>'
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ERN_38.encode()[:2000], "is not valid XML"),
        (b"", "is not valid XML"),
        (ERN_38.encode().replace(b"Opening", b"Open\xffing"), "is not valid XML"),
        (ERN_38.encode().replace(b"Opening", b"Open\0ing"), "is not valid XML"),
        (b"<a>" * 3000 + b"</a>" * 3000, "is not valid XML"),
        (BOMB.encode(), ""),
        (b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><NewReleaseMessage/>', "document type definition"),
        (b"<ern:CatalogListMessage xmlns:ern='x'/>", "begins with “CatalogListMessage”"),
        (b"<html/>", "is no NewReleaseMessage of DDEX"),
    ],
)
def test_xml_that_is_not_read(tmp_path: Path, text: bytes, reason: str) -> None:
    put(tmp_path, text, name="bad.xml")
    put(tmp_path, ERN_38, name="good.XML")
    read = read_all(SOURCE, tmp_path)
    (reject,) = read.rejects
    assert said(reject, "file", "scope") == {"file": "bad.xml", "scope": "file"}
    assert reason in reject["reason"]
    assert len(read.facts) == 2


def test_entities_lead_to_no_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not theirs")
    text = f'<!DOCTYPE a [<!ENTITY s SYSTEM "{secret.as_uri()}">]>' + album(recording(duration="&s;"))[39:]
    put(tmp_path, text)
    read = read_all(SOURCE, tmp_path)
    assert not read.facts
    assert not read.records
    assert "document type definition" in read.reasons[0]


def test_other_encodings(tmp_path: Path) -> None:
    text = album(recording(title="<DisplayTitleText>Fête 夢</DisplayTitleText>"))
    put(tmp_path, text.replace('"UTF-8"', '"UTF-16"').encode("utf-16"))
    read = read_all(SOURCE, tmp_path)
    assert read.titles == ["Fête 夢"]
    assert read.records[0]["raw"].encode("utf-16-le") == (tmp_path / "message.xml").read_bytes()


def test_what_is_no_folder_of_deliveries(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no XML file"):
        SOURCE.files(tmp_path)
    with pytest.raises(NotFoundError, match="does not exist"):
        SOURCE.files(tmp_path / "none")
    with pytest.raises(UsageError, match="is not a folder"):
        SOURCE.files(put(tmp_path, RELEASE))
