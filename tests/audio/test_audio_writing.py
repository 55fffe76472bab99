"""Tags of copies: everything written is read again, what was there stays, and no packet of sound changes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import flac

from phonotheque.audio.labels import Labels, r128_gain
from phonotheque.audio.packets import NoPacketsError, _settings, packets_sha256
from phonotheque.audio.tags import collect_tags, front_cover
from phonotheque.audio.writing import UntaggableError, write_tags
from phonotheque.model.audio import Tags
from tests.audio.audio_making import (
    AAC,
    ADTS,
    AIFF,
    ALAC,
    AU,
    CAF,
    FAST_AAC,
    FLAC,
    MATROSKA,
    MP2,
    MP3,
    OGG_FLAC,
    OPUS,
    PLAIN_MP3,
    TTA,
    WAV,
    WAVE64,
    WAVPACK,
    WEBM,
    WMA,
    Kind,
    music,
    write,
    write_vorbis,
)

LABELS = Labels(
    title="Tîtle — 音",
    artist="A feat. B",
    artists=("A", "B"),
    album="Album",
    album_artist="A",
    track_number=3,
    track_total=12,
    disc_number=1,
    disc_total=2,
    date="2024-03-01",
    composers=("C",),
    genres=("Folk",),
    isrcs=("ZZPHN2400001", "ZZPHN2400002"),
    recording_mbid="a7e61c37-3e21-4033-a210-91fa607bf3b8",
    track_mbid="a7e61c37-3e21-4033-a210-91fa607bf3b9",
    release_mbid="a7e61c37-3e21-4033-a210-91fa607bf3ba",
    artist_mbids=("a7e61c37-3e21-4033-a210-91fa607bf3bb",),
    barcode="4006381333931",
    label="Label",
    catalogue_number="X 1",
    licences=("https://creativecommons.org/licenses/by/4.0/",),
    copyright="2024 A",
    loudness=-14.25,
    reserved=True,
    further=(("PROVENANCE", "somewhere"),),
)
READ = tuple(name for name in Tags.__dataclass_fields__ if name not in ("raw", "comment", "album_artists"))
TAGGED = (FLAC, OGG_FLAC, OPUS, MP3, PLAIN_MP3, MP2, AAC, FAST_AAC, ALAC, WAV, AIFF, WAVPACK, WMA)
UNTAGGED = (ADTS, AU, CAF, WAVE64, MATROSKA, WEBM, TTA)


def made(folder: Path, kind: Kind, seed: int = 1) -> Path:
    return write(folder / kind.name, kind, music(1, seed=seed))


def read(path: Path) -> Any:
    with path.open("rb") as file:
        return collect_tags(file)


def check_all_is_there(path: Path) -> dict[str, tuple[str, ...]]:
    reading = read(path)
    assert reading.notes == ()
    assert {name: getattr(reading.tags, name) for name in READ} == {
        name: getattr(LABELS, name) for name in READ
    }
    return {key.rpartition(":")[2]: values for key, values in reading.tags.raw.items()}


@pytest.mark.parametrize("kind", TAGGED, ids=lambda kind: str(kind.name))
def test_tags_are_written_and_the_sound_stays(kind: Kind, tmp_path: Path) -> None:
    path = made(tmp_path, kind)
    before = packets_sha256(path)
    write_tags(path, LABELS)
    assert packets_sha256(path) == before
    raw = check_all_is_there(path)
    assert raw["TDM-RESERVATION"] == ("1",)
    assert raw["PROVENANCE"] == ("somewhere",)
    gain = {"R128_TRACK_GAIN": ("-2240",)} if kind is OPUS else {"REPLAYGAIN_TRACK_GAIN": ("-3.75 dB",)}
    assert gain.items() <= raw.items()


def test_ogg_vorbis_keeps_its_sound_though_its_comments_are_among_its_headers(tmp_path: Path) -> None:
    path = write_vorbis(tmp_path / "a.ogg", music(1))
    before = packets_sha256(path)
    write_tags(path, LABELS)
    check_all_is_there(path)
    assert packets_sha256(path) == before


@pytest.mark.parametrize("kind", UNTAGGED, ids=lambda kind: str(kind.name))
def test_what_holds_no_tags_says_so(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(UntaggableError, match="tags"):
        write_tags(made(tmp_path, kind), LABELS)


def test_tags_and_pictures_that_were_there_stay(tmp_path: Path) -> None:
    path = made(tmp_path, FLAC)
    untyped: Any = flac  # mutagen types itself in part only
    file, picture = untyped.FLAC(path), untyped.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", b"\x89PNG\r\n\x1a\n"
    file.add_picture(picture)
    file["LYRICS"] = "la la"
    file["TITLE"] = "An earlier title"
    file.save()
    write_tags(path, replace(LABELS, album=None))
    assert read(path).tags.raw["LYRICS"] == ("la la",)
    assert read(path).tags.title == LABELS.title
    with path.open("rb") as stream:
        assert front_cover(stream) == picture.data


@pytest.mark.parametrize("kind", [FLAC, OPUS, MP3, AAC, WAV], ids=lambda kind: str(kind.name))
def test_the_same_labels_give_the_same_bytes_again(kind: Kind, tmp_path: Path) -> None:
    one, other = made(tmp_path, kind), tmp_path / f"other-{kind.name}"
    other.write_bytes(one.read_bytes())
    for path in (one, other, other):
        write_tags(path, LABELS)
    assert one.read_bytes() == other.read_bytes()


def test_packets_tell_sounds_apart(tmp_path: Path) -> None:
    for kind in (FLAC, MP3, OPUS, AAC, WAV):
        (tmp_path / "other").mkdir(exist_ok=True)
        assert packets_sha256(made(tmp_path, kind)) != packets_sha256(made(tmp_path / "other", kind, seed=2))


def test_one_changed_byte_of_sound_is_another_sound(tmp_path: Path) -> None:
    path = made(tmp_path, WAV)
    before = packets_sha256(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert packets_sha256(path) != before


def test_what_is_no_sound_has_no_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(NoPacketsError, match=r"a\.flac"):
        packets_sha256(path)


def test_a_full_disk_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, MP3)

    def full(*_: object, **__: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise mutagen.MutagenError(error) from error

    real: Callable[..., Any] = mutagen.File

    def opened(file: Any) -> Any:
        holder = real(file)
        holder.save = full
        return holder

    monkeypatch.setattr(mutagen, "File", opened)
    with pytest.raises(OSError, match="No space left") as raised:
        write_tags(path, LABELS)
    assert raised.value.filename == str(path)


def test_gains_stay_within_their_bits() -> None:
    assert (r128_gain(-23.0), r128_gain(-500.0), r128_gain(500.0)) == ("0", "32767", "-32768")


@pytest.mark.parametrize("lengths", [b"\x02\x1e\x03", None])
def test_vorbis_settings_are_the_same_however_headers_are_packed(lengths: bytes | None) -> None:
    headers = [b"\x01vorbis" + b"i" * 23, b"\x03v!", b"\x05vorbis setup"]
    packed = b"".join(len(header).to_bytes(2) + header for header in headers)
    extra = packed if lengths is None else lengths + b"".join(headers)
    assert _settings("vorbis", extra) == headers[0] + headers[2]


@pytest.mark.parametrize("extra", [b"\x00\x1e", b"\x02", b"\x02\xff\xff", b"\x01\x1eabc"])
def test_vorbis_headers_that_cannot_be_told_apart_are_said(extra: bytes) -> None:
    with pytest.raises(NoPacketsError, match="Vorbis headers"):
        _settings("vorbis", extra)
