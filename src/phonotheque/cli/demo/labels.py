"""What is written on and beside a recording: tags, cover, rights statements."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggopus
import numpy as np

from phonotheque.model.errors import PhonothequeError

_mutagen: Any = mutagen  # only some of its functions are typed
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


class Basis(Enum):
    """Where a recording says that it may be shared."""

    TAG = "CC0 in its tags"
    FOLDER = "CC0 in rights.toml"
    SIDECAR = "CC0 in a .license file beside it"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Label:
    """The facts on one recording. ``cover`` is a PNG."""

    title: str
    artist: str
    album: str
    date: str
    composer: str
    isrc: str
    number: int
    total: int
    basis: Basis
    cover: bytes | None = None


def write_tags(path: Path, label: Label) -> None:
    """Write a label into a FLAC, Opus, MP3 or M4A file, in that format's own vocabulary."""
    try:
        _write_tags(path, label)
    except mutagen.MutagenError as error:
        raise PhonothequeError(
            f"{path}: its tags could not be written: {error}", "Is the disk full?"
        ) from error


def _write_tags(path: Path, label: Label) -> None:
    match path.suffix:
        case ".flac":
            flac = _mutagen.flac.FLAC(path)
            flac.update(_vorbis_comments(label))
            if label.cover is not None:
                flac.add_picture(_picture(label.cover))
            flac.save()
        case ".opus":
            opus = _mutagen.oggopus.OggOpus(path)
            opus.update(_vorbis_comments(label))
            opus.save()
        case ".mp3":
            _id3(label).save(path)
        case ".m4a":
            _write_mp4(path, label)
        case other:
            raise ValueError(f"{path}: no tags are known for {other}")


def write_rights(path: Path, label: Label) -> None:
    """Write the statement that belongs beside a file, unless that is in its tags (REUSE 3.3, or ours)."""
    if label.basis is Basis.SIDECAR:
        statement = (
            f"SPDX-FileCopyrightText: {label.date[:4]} {label.artist}\n\nSPDX-License-Identifier: CC0-1.0\n"
        )
        path.with_name(f"{path.name}.license").write_text(statement, encoding="utf-8")
    elif label.basis is Basis.FOLDER:
        statement = (
            "[[rights]]\n"
            f'files = ["*{path.suffix}"]\n'
            'licence = "CC0-1.0"\n'
            f'holder = "{label.artist}"\n'
            f'evidence = "Letter of deposit for “{label.album}”, {label.date}: {CC0}"\n'
            f'asserted_by = "{label.artist}"\n'
        )
        (path.parent / "rights.toml").write_text(statement, encoding="utf-8")


def gradient(size: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> bytes:
    """Return a square PNG (ISO/IEC 15948) that fades from one colour to another, with a paler disc in it."""
    down = np.linspace(0, 1, size)[:, None, None]
    picture = (1 - down) * np.array(top) + down * np.array(bottom) + np.zeros((size, size, 3))
    across = np.linspace(-1, 1, size)
    disc = across[:, None] ** 2 + across[None, :] ** 2 < 0.3
    picture[disc] = 0.6 * picture[disc] + 0.4 * 255
    rows = np.zeros((size, 1 + 3 * size), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = picture.reshape(size, -1)
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _vorbis_comments(label: Label) -> dict[str, str]:
    comments = {
        "TITLE": label.title,
        "ARTIST": label.artist,
        "ALBUMARTIST": label.artist,
        "ALBUM": label.album,
        "TRACKNUMBER": str(label.number),
        "TRACKTOTAL": str(label.total),
        "DATE": label.date,
        "COMPOSER": label.composer,
        "ISRC": label.isrc,
    }
    return comments | ({"LICENSE": CC0} if label.basis is Basis.TAG else {})


def _picture(cover: bytes) -> Any:
    picture = _mutagen.flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", cover
    picture.width = picture.height = struct.unpack(">I", cover[16:20])[0]
    picture.depth = 24
    return picture


def _id3(label: Label) -> Any:
    id3 = _mutagen.id3
    tags = id3.ID3()
    texts = {
        id3.TIT2: label.title,
        id3.TPE1: label.artist,
        id3.TPE2: label.artist,
        id3.TALB: label.album,
        id3.TRCK: f"{label.number}/{label.total}",
        id3.TDRC: label.date,
        id3.TCOM: label.composer,
        id3.TSRC: label.isrc,
    }
    for frame, text in texts.items():
        tags.add(frame(encoding=3, text=[text]))
    if label.basis is Basis.TAG:
        tags.add(id3.WCOP(url=CC0))
    return tags


def _write_mp4(path: Path, label: Label) -> None:
    mp4 = _mutagen.mp4.MP4(path)
    mp4["\xa9nam"], mp4["\xa9ART"], mp4["aART"] = label.title, label.artist, label.artist
    mp4["\xa9alb"], mp4["\xa9day"], mp4["\xa9wrt"] = label.album, label.date, label.composer
    mp4["trkn"] = [(label.number, label.total)]
    mp4["----:com.apple.iTunes:ISRC"] = _mutagen.mp4.MP4FreeForm(label.isrc.encode())
    if label.basis is Basis.TAG:
        mp4["----:com.apple.iTunes:LICENSE"] = _mutagen.mp4.MP4FreeForm(CC0.encode())
    mp4.save()
