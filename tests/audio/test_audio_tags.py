"""Tags of every common kind arrive in one vocabulary; hostile ones are a note."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mutagen
import mutagen.asf
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.audio.artwork import describe_picture
from phonotheque.audio.examine import examine
from phonotheque.audio.tag_names import is_lyrics, to_tags
from phonotheque.audio.tags import MAX_VALUE, MAX_VALUES, collect_tags, read_tags
from phonotheque.model.audio import Artwork, AudioFacts, Tags

# mutagen types itself in part only.
FRAME: Any = mutagen.id3
ATOM: Any = mutagen.mp4
ASF: Any = mutagen.asf
FLAC: Any = mutagen.flac

RECORDING = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def picture() -> Any:
    cover = FLAC.Picture()
    cover.data, cover.type, cover.mime = png(640, 480), 3, "image/png"
    return cover


def vorbis(file: Any) -> None:
    file["TITLE"] = "A song"
    file["ARTIST"] = ["One", "Two"]
    file["ALBUM"] = "An album"
    file["TRACKNUMBER"] = "3/12"
    file["DISCNUMBER"] = "1"
    file["DISCTOTAL"] = "2"
    file["DATE"] = "1999-03-01"
    file["ISRC"] = "gb-ayk-68-00101"
    file["MUSICBRAINZ_TRACKID"] = RECORDING
    file["LICENSE"] = LICENCE
    file["COPYRIGHT"] = "1999 One"
    file["COMMENT"] = "kept"
    if hasattr(file, "add_picture"):
        file.add_picture(picture())
    else:
        file["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture().write()).decode()


def id3(file: Any) -> None:
    if file.tags is None:
        file.add_tags()
    for frame in (
        FRAME.TIT2(text="A song"),
        FRAME.TPE1(text=["One", "Two"]),
        FRAME.TALB(text="An album"),
        FRAME.TRCK(text="3/12"),
        FRAME.TPOS(text="1/2"),
        FRAME.TDRC(text="1999-03-01"),
        FRAME.TSRC(text="gb-ayk-68-00101"),
        FRAME.UFID(owner="http://musicbrainz.org", data=RECORDING.encode()),
        FRAME.WCOP(url=LICENCE),
        FRAME.TCOP(text="1999 One"),
        FRAME.COMM(lang="eng", desc="", text="kept"),
        FRAME.APIC(mime="image/png", type=3, data=png(640, 480)),
    ):
        file.tags.add(frame)


def mp4(file: Any) -> None:
    file["\xa9nam"] = ["A song"]
    file["\xa9ART"] = ["One", "Two"]
    file["\xa9alb"] = ["An album"]
    file["trkn"] = [(3, 12)]
    file["disk"] = [(1, 2)]
    file["\xa9day"] = ["1999-03-01"]
    file["----:com.apple.iTunes:ISRC"] = [ATOM.MP4FreeForm(b"gb-ayk-68-00101")]
    file["----:com.apple.iTunes:MusicBrainz Track Id"] = [ATOM.MP4FreeForm(RECORDING.encode())]
    file["----:com.apple.iTunes:LICENSE"] = [ATOM.MP4FreeForm(LICENCE.encode())]
    file["cprt"] = ["1999 One"]
    file["\xa9cmt"] = ["kept"]
    file["covr"] = [ATOM.MP4Cover(png(640, 480), ATOM.MP4Cover.FORMAT_PNG)]


def ape(file: Any) -> None:
    if file.tags is None:
        file.add_tags()
    file["Title"] = "A song"
    file["Artist"] = ["One", "Two"]
    file["Album"] = "An album"
    file["Track"] = "3/12"
    file["Disc"] = "1/2"
    file["Year"] = "1999-03-01"
    file["ISRC"] = "gb-ayk-68-00101"
    file["MUSICBRAINZ_TRACKID"] = RECORDING
    file["License"] = LICENCE
    file["Copyright"] = "1999 One"
    file["Comment"] = "kept"
    file["Cover Art (Front)"] = b"cover.png\0" + png(640, 480)


def asf(file: Any) -> None:
    file["Title"] = "A song"
    file["Author"] = ["One", "Two"]
    file["WM/AlbumTitle"] = "An album"
    file["WM/TrackNumber"] = "3/12"
    file["WM/PartOfSet"] = "1/2"
    file["WM/Year"] = "1999-03-01"
    file["WM/ISRC"] = "gb-ayk-68-00101"
    file["MusicBrainz/Track Id"] = RECORDING
    file["LICENSE"] = LICENCE
    file["Copyright"] = "1999 One"
    file["Description"] = "kept"
    data = png(640, 480)
    words = "image/png\0".encode("utf-16-le") + "\0".encode("utf-16-le")
    file["WM/Picture"] = [ASF.ASFByteArrayAttribute(b"\x03" + struct.pack("<I", len(data)) + words + data)]


FORMATS: Mapping[str, Callable[[Any], None]] = {
    "a.flac": vorbis,
    "a.opus": vorbis,
    "a.mp3": id3,
    "a.wav": id3,
    "a.aiff": id3,
    "a.m4a": mp4,
    "a.wv": ape,
    "a.wma": asf,
}


def tagged(source: Path, path: Path, change: Callable[[Any], None]) -> Path:
    path.write_bytes(source.read_bytes())
    file: Any = mutagen.File(path)
    change(file)
    file.save()
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_same(name: str, made: Mapping[str, Path], tmp_path: Path) -> None:
    path = tagged(made[name], tmp_path / name, FORMATS[name])
    before, after = examine(made[name], loudness=False), examine(path, loudness=False)
    assert isinstance(before, AudioFacts)
    assert isinstance(after, AudioFacts)
    assert after.pcm_sha256 == before.pcm_sha256
    assert after.fingerprint == before.fingerprint
    assert after.integrity == before.integrity, after.integrity_notes
    tags = after.tags
    assert (tags.title, tags.artists, tags.album) == ("A song", ("One", "Two"), "An album")
    assert (tags.track_number, tags.track_total, tags.disc_number, tags.disc_total) == (3, 12, 1, 2)
    assert tags.date == "1999-03-01"
    assert tags.isrcs == ("GBAYK6800101",)
    assert tags.recording_mbid == RECORDING
    assert tags.licences == (LICENCE,)
    assert tags.copyright == "1999 One"
    assert tags.comment == "kept"
    (cover,) = after.artwork
    assert (cover.mime, cover.role, cover.width, cover.height) == ("image/png", "front", 640, 480)
    assert cover.size == len(png(640, 480))


def test_id3_licences_of_every_spelling(made: Mapping[str, Path], tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file.tags.add(FRAME.WXXX(desc="License", url="https://example.org/1"))
        file.tags.add(FRAME.WXXX(desc="Homepage", url="https://example.org/2"))
        file.tags.add(FRAME.TXXX(desc="LICENCE", text="CC0"))
        file.tags.add(FRAME.WCOP(url="https://example.org/3"))

    with tagged(made["a.mp3"], tmp_path / "x.mp3", change).open("rb") as file:
        tags, _ = read_tags(file)
    assert sorted(tags.licences) == ["CC0", "https://example.org/1", "https://example.org/3"]
    assert tags.raw["WXXX:Homepage"] == ("https://example.org/2",)


def test_lyrics_keep_their_times(made: Mapping[str, Path], tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file.tags.add(FRAME.USLT(lang="eng", desc="", text="La la\nLo lo"))
        timed = [("\nLa la", 1250), ("\nLo lo", 61_500)]
        file.tags.add(FRAME.SYLT(encoding=3, lang="eng", format=2, type=1, desc="sung", text=timed))
        file.tags.add(
            FRAME.SYLT(encoding=3, lang="fra", format=1, type=1, desc="", text=[("La ", 3), ("la", 4)])
        )

    with tagged(made["a.mp3"], tmp_path / "x.mp3", change).open("rb") as file:
        tags, _ = read_tags(file)
    assert {key: value for key, value in tags.raw.items() if is_lyrics(key)} == {
        "USLT::eng": ("La la\nLo lo",),
        "SYLT:sung:eng": ("[00:01.25]La la\n[01:01.50]Lo lo\n",),
        "SYLT::fra": ("La la",),
    }


def test_a_file_without_tags_has_none(made: Mapping[str, Path]) -> None:
    assert read_tags(io.BytesIO(b"")) == (Tags(), ())
    with made["plain.mp3"].open("rb") as file:
        assert read_tags(file) == (Tags(), ())


def test_matroska_tags_are_read_too(tmp_path: Path, made: Mapping[str, Path]) -> None:
    reading = collect_tags(io.BytesIO(made["a.mka"].read_bytes()), [("TITLE", "A song")])
    assert reading.tags.title == "A song"


def test_a_huge_value_is_cut_and_said_so(made: Mapping[str, Path], tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file["LYRICS"] = "la" * MAX_VALUE
        file["MANY"] = [str(i) for i in range(MAX_VALUES + 10)]

    facts = examine(tagged(made["a.flac"], tmp_path / "x", change), loudness=False)
    assert isinstance(facts, AudioFacts)
    assert len(facts.tags.raw["LYRICS"][0]) == MAX_VALUE
    assert any("tags cut to 65,536 characters: LYRICS (131,072)" in note for note in facts.integrity_notes)
    assert any("only the first 2000 of" in note for note in facts.integrity_notes)


def test_malformed_tags_are_a_note(made: Mapping[str, Path]) -> None:
    comments = b"\x84\0\0\x08" + b"\xff" * 8  # the last block: a vendor string of 4 GiB
    reading = collect_tags(io.BytesIO(made["a.flac"].read_bytes()[:42] + comments))
    assert reading.tags == Tags()
    assert any("tags cannot be read" in note for note in reading.notes)


def test_an_io_error_is_no_bad_tag(made: Mapping[str, Path]) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 20:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output error"):
        collect_tags(Failing(made["a.flac"].read_bytes()))


@pytest.mark.parametrize(
    ("given_date", "kept"),
    [
        ("1999", "1999"),
        ("1999-03", "1999-03"),
        ("1999-03-01", "1999-03-01"),
        ("2016-03-18T12:24:48", "2016-03-18"),
        ("1999-13-01", "1999"),
        ("0000", None),
        ("unknown", None),
        ("19991", None),
    ],
)
def test_dates_keep_their_precision(given_date: str, kept: str | None) -> None:
    assert to_tags([("DATE", given_date)]).date == kept


@pytest.mark.parametrize(
    ("number", "total", "expected"),
    [("3", None, (3, None)), ("03/12", None, (3, 12)), ("3", "12", (3, 12)), ("A1", None, (None, None)),
     ("/12", None, (None, 12)), ("0/0", None, (None, None)), ("3 of 12", None, (None, None))],
)  # fmt: skip
def test_numbers(number: str, total: str | None, expected: tuple[int | None, int | None]) -> None:
    entries = [("TRACKNUMBER", number)] + ([("TOTALTRACKS", total)] if total else [])
    tags = to_tags(entries)
    assert (tags.track_number, tags.track_total) == expected


def test_invalid_identifiers_stay_in_raw_only() -> None:
    tags = to_tags([("ISRC", "NOT-AN-ISRC"), ("BARCODE", "123"), ("MUSICBRAINZ_ALBUMID", "x")])
    assert (tags.isrcs, tags.barcode, tags.release_mbid) == ((), None, None)
    assert tags.raw["ISRC"] == ("NOT-AN-ISRC",)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=50)), max_size=20))
def test_any_entries_are_kept(entries: list[tuple[str, str]]) -> None:
    raw = to_tags(entries).raw
    assert sum(len(values) for values in raw.values()) == len(entries)


PICTURES = {
    "image/gif": b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(10),
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08"
    + struct.pack(">HH", 480, 640)
    + bytes(20),
    "image/webp": b"RIFF\0\0\0\0WEBPVP8X"
    + bytes(8)
    + (639).to_bytes(3, "little")
    + (479).to_bytes(3, "little"),
    "image/png": png(640, 480),
}


@pytest.mark.parametrize("mime", PICTURES)
def test_pictures_are_measured_by_their_headers(mime: str) -> None:
    art = describe_picture(PICTURES[mime], mime="text/plain")
    assert (art.mime, art.width, art.height) == (mime, 640, 480)


@given(st.binary(max_size=200), st.sampled_from(sorted(PICTURES)), st.integers(0, 60))
def test_no_picture_is_a_trap(noise: bytes, mime: str, cut: int) -> None:
    assert isinstance(describe_picture(PICTURES[mime][:cut] + noise, role=99), Artwork)
