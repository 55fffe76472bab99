"""What is not sound, and what is protected, is refused with a reason before anything is copied."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from phonotheque.audio.examine import examine
from phonotheque.audio.identify import identify
from phonotheque.model.audio import Refusal, RefusalKind
from tests.audio.audio_making import CENC, KINDS

ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4(entry: bytes = b"", *, more: bytes = b"", brand: bytes = b"M4A ") -> bytes:
    """A movie with one sample entry."""
    table = box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1) + entry))
    movie = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", table))) + more)
    return box(b"ftyp", brand + bytes(4)) + movie + box(b"mdat", bytes(100))


def asf(kind: str, content: bytes = b"") -> bytes:
    thing = bytes.fromhex(kind) + struct.pack("<Q", 24 + len(content)) + content
    return ASF + struct.pack("<QIBB", 30 + len(thing), 1, 1, 2) + thing


def matroska(track: bytes) -> bytes:
    def of(identity: str, content: bytes) -> bytes:
        return bytes.fromhex(identity) + b"\x01" + struct.pack(">Q", len(content))[1:] + content

    encodings = of("6d80", of("6240", track))
    entry = of("ae", of("d7", b"\x01") + of("86", b"A_OPUS") + encodings)
    return of("1a45dfa3", of("4282", b"webm")) + of("18538067", of("ec", bytes(30)) + of("1654ae6b", entry))


PROTECTED = {
    "CENC sound": mp4(box(b"enca", bytes(28))),
    "CENC video": mp4(box(b"encv", bytes(78))),
    "FairPlay": mp4(box(b"drms", bytes(28))),
    "sinf in a plain entry": mp4(box(b"mp4a", bytes(28) + box(b"sinf", box(b"frma", b"mp4a")))),
    "pssh in the movie": mp4(more=box(b"pssh", bytes(24))),
    "pssh at the top": mp4() + box(b"pssh", bytes(24)),
    "senc in a fragment": mp4() + box(b"moof", box(b"traf", box(b"senc", bytes(8)))),
    "PIFF": mp4() + box(b"uuid", bytes.fromhex("d08a4f1810f34a82b6c832d8aba183d3") + bytes(8)),
    "AAX by brand": mp4(brand=b"aax "),
    "AAX by entry": mp4(box(b"aavd", bytes(28))),
    "AA": bytes(4) + b"\x57\x90\x75\x36" + bytes(100),
    "WMDRM": asf("fbb3112223bdd211b4b700a0c955fc6e", bytes(20)),
    "WMDRM 7+": asf("14e68a292226174cb935dae07ee9289c", bytes(20)),
    "PlayReady": asf("338505438169e6499b74ad12cb86d58c", bytes(20)),
    "ASF stream flag": asf("9107dcb7b7a9cf118ee600c00c205365", bytes(48) + b"\x01\x80" + bytes(4)),
    "Matroska": matroska(bytes.fromhex("5035") + b"\x80"),
}


@pytest.mark.parametrize("what", PROTECTED)
def test_protected_files_are_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(PROTECTED[what])
    for refusal in (identify(path), examine(path)):
        assert isinstance(refusal, Refusal)
        assert refusal.kind is RefusalKind.DRM
        assert "does not remove protection" in refusal.reason


def test_the_same_structures_without_protection_pass(tmp_path: Path) -> None:
    for data in (mp4(box(b"mp4a", bytes(28))), asf("a" * 32), matroska(bytes.fromhex("5034") + b"\x80")):
        (tmp_path / "x").write_bytes(data)
        assert identify(tmp_path / "x") is None


def test_a_truly_encrypted_file_is_refused(made: Mapping[str, Path]) -> None:
    refusal = identify(made[CENC.name])
    assert refusal is not None
    assert refusal.kind is RefusalKind.DRM


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_sound_passes_under_any_name(kind: object, made: Mapping[str, Path], tmp_path: Path) -> None:
    source = made[getattr(kind, "name", "")]
    disguised = tmp_path / "picture.jpg"
    disguised.write_bytes(source.read_bytes())
    assert identify(disguised) is None


OTHERS = {
    "text": b"Not a song at all.\n" * 40,
    "latin-1 text": "Caf\u00e9 et th\u00e9\n".encode("latin-1") * 40,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a JPEG picture": b"\xff\xd8\xff\xe0" + bytes(100),
    "a PDF document": b"%PDF-1.7\n\0" + bytes(100),
    "a ZIP archive": b"PK\x03\x04" + bytes(100),
    "zero bytes": bytes(2000),
    "a HEIC picture": box(b"ftyp", b"heic" + bytes(8)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_are_refused_by_name(what: str, tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    path.write_bytes(OTHERS[what])
    refusal = identify(path)
    assert refusal is not None
    assert refusal.kind is RefusalKind.NOT_AUDIO
    assert what.split()[-1] in refusal.reason
    assert examine(path) == refusal


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for refusal in (identify(tmp_path / "x"), examine(tmp_path / "x")):
        assert refusal == Refusal(RefusalKind.EMPTY, "the file is empty")


def test_unreadable_is_not_absent_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "gone", "No such file"),
        (tmp_path, "regular"),
        (tmp_path / "pipe", "regular"),
    ):
        for refusal in (identify(path), examine(path)):
            assert isinstance(refusal, Refusal)
            assert refusal.kind is RefusalKind.UNREADABLE
            assert why in refusal.reason


def test_a_box_of_4_gib_is_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "large.m4a"
    head = mp4(box(b"mp4a", bytes(28)))
    with path.open("wb") as file:
        file.write(head + struct.pack(">I4sQ", 1, b"mdat", 1 << 32))
        file.truncate(len(head) + (1 << 32))
    assert identify(path) is None
